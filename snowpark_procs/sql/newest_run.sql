-- Bind: date. The date's newest comparison, apart from those with limits of one CALL.
SELECT
    run_id,
    extraction_id,
    waits_for,
    not_measured
FROM recon.runs
WHERE date = TO_DATE(?, 'YYYY-MM-DD') AND NOT COALESCE(is_override, FALSE)
QUALIFY ROW_NUMBER() OVER (ORDER BY compared_at DESC, run_id DESC) = 1
