SELECT
    database_name,
    landing_url
FROM ops.environment
WHERE database_name <> CURRENT_DATABASE()
