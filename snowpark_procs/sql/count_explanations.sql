-- Bind: run id.
SELECT COUNT(*) AS row_count
FROM recon.explanations
WHERE run_id = ?
