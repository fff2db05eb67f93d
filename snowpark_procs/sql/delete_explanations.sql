-- Bind: run id.
DELETE FROM recon.explanations
WHERE run_id = ?
