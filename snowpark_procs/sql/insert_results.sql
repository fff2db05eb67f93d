-- Bind: time of the comparison.
INSERT INTO recon.results (
    run_id, date, user_tier, metric, speed_value, batch_value, invalid_value, absolute_tolerance, relative_tolerance,
    difference, relative_difference, status, compared_at
)
SELECT
    run_id,
    date,
    user_tier,
    metric,
    speed_value,
    batch_value,
    invalid_value,
    absolute_tolerance,
    relative_tolerance,
    difference,
    relative_difference,
    status,
    TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD HH24:MI:SS.FF6') AS compared_at
FROM recon.comparison
WHERE metric IS NOT NULL
