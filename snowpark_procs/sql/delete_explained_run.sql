-- Bind: run id.
DELETE FROM recon.explained_runs
WHERE run_id = ?
