-- Binds: JSON array of dates, time of the comparison. After insert_results, in the same transaction.
INSERT INTO recon.runs (run_id, date, extraction_id, change_id, inputs_digest, verdict, compared_at)
WITH
&{inputs},

verdicts AS (
    SELECT
        run_id,
        &{verdict} AS verdict
    FROM recon.results
    GROUP BY run_id
)

SELECT
    fresh.run_id,
    fresh.date,
    fresh.extraction_id,
    fresh.change_id,
    fresh.inputs_digest,
    COALESCE(verdicts.verdict, 'nothing_to_compare') AS verdict,
    ?::TIMESTAMP_NTZ AS compared_at
FROM fresh
LEFT JOIN verdicts ON fresh.run_id = verdicts.run_id
