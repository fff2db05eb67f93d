SELECT name, value
FROM ops.quality_thresholds
ORDER BY name
