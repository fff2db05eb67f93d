-- Binds: whether the limits were those of one CALL; time of the comparison.
INSERT INTO recon.runs (
    run_id, date, extraction_id, extracted_at, speed_rows, change_id, batch_digest, inputs_digest, waits_for, not_measured,
    is_override,
    matching, within_tolerance, out_of_tolerance, missing_in_batch, missing_in_speed, verdict, compared_at
)
SELECT
    run_id,
    date,
    extraction_id,
    extracted_at,
    speed_rows,
    change_id,
    batch_digest,
    inputs_digest,
    waits_for,
    not_measured,
    ? AS is_override,
    COUNT_IF(status = 'match') AS matching,
    COUNT_IF(status = 'within_tolerance') AS within_tolerance,
    COUNT_IF(status = 'out_of_tolerance') AS out_of_tolerance,
    COUNT_IF(status = 'missing_in_batch') AS missing_in_batch,
    COUNT_IF(status = 'missing_in_speed') AS missing_in_speed,
    &{verdict} AS verdict,
    TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD HH24:MI:SS.FF6') AS compared_at
FROM recon.comparison
GROUP BY
    run_id, date, extraction_id, extracted_at, speed_rows, change_id, batch_digest, inputs_digest, waits_for,
    not_measured
