-- Bind: run id. What the run's explanation went by, and whether the passing of time changes it.
SELECT
    inputs_digest,
    has_late
FROM recon.explained_runs
WHERE run_id = ?
