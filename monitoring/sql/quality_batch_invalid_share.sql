SELECT
    flagged.dataset,
    flagged.age,
    SUM(flagged.invalid) / NULLIF(SUM(flagged.judged), 0)
FROM (
    SELECT
        datasets.key AS dataset,
        datasets.value:rows::NUMBER(38, 0) AS judged,
        datasets.value:invalid::NUMBER(38, 0) AS invalid,
        IFF(
            ROW_NUMBER() OVER (PARTITION BY datasets.key ORDER BY runs.finished_at DESC, runs.run_id DESC) = 1,
            'newest',
            'before'
        ) AS age
    FROM ops.step_runs AS runs, LATERAL FLATTEN(INPUT => runs.detail:datasets) AS datasets
    WHERE runs.step = 'flag_quality' AND runs.status = 'succeeded' AND datasets.value:rows::NUMBER(38, 0) > 0
    QUALIFY ROW_NUMBER() OVER (PARTITION BY datasets.key ORDER BY runs.finished_at DESC, runs.run_id DESC) <= 31
) AS flagged
GROUP BY flagged.dataset, flagged.age
