SELECT metric
FROM recon.metrics
ORDER BY position, metric
