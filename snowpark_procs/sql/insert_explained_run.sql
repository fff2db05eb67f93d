-- Binds: run id; digest of the inputs; time of the explanation; run id.
INSERT INTO recon.explained_runs (run_id, inputs_digest, explained_at, has_late)
SELECT
    ? AS run_id,
    ? AS inputs_digest,
    TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD HH24:MI:SS.FF6') AS explained_at,
    COUNT_IF(explanations.cause = 'late_in_speed') > 0 AS has_late
FROM recon.explanations AS explanations
WHERE explanations.run_id = ?
