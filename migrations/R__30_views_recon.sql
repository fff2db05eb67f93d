-- Answers for people: the newest verdict and results of each day, and how each day converges. All times are UTC.
CREATE OR REPLACE VIEW recon.latest_runs
COPY GRANTS
COMMENT = 'The newest comparison of each day'
AS
SELECT
    run_id,
    date,
    extraction_id,
    change_id,
    verdict,
    compared_at
FROM recon.runs
QUALIFY ROW_NUMBER() OVER (PARTITION BY date ORDER BY compared_at DESC, run_id DESC) = 1;

CREATE OR REPLACE VIEW recon.latest_results
COPY GRANTS
COMMENT = 'The cells (tier and metric) of the newest comparison of each day'
AS
SELECT
    results.run_id,
    results.date,
    results.user_tier,
    results.metric,
    results.speed_value,
    results.batch_value,
    results.difference,
    results.relative_difference,
    results.status,
    results.compared_at
FROM recon.results AS results
INNER JOIN recon.latest_runs AS newest
    ON results.run_id = newest.run_id;

-- state: nothing_to_compare (no snapshot of the day yet), converged (the newest comparison agrees or is within tolerance),
-- converging (it disagrees, less than the one before), stuck (it disagrees, not less than the one before, and the day has been
-- disagreeing for longer than {{ convergence_slo_hours }} hours), open (it disagrees otherwise).
-- discrepancy: the relative differences of the cells out of tolerance, summed; 1 for each that has no batch value.
-- age_hours: from the first comparison to convergence, or to now.
CREATE OR REPLACE VIEW recon.convergence
COPY GRANTS
COMMENT = 'How each day converges: one row per day that was ever compared'
AS
WITH measured AS (
    SELECT
        runs.run_id,
        runs.date,
        runs.verdict,
        runs.compared_at,
        COUNT_IF(results.status NOT IN ('match', 'within_tolerance')) AS bad_cells,
        COALESCE(SUM(
            IFF(
                results.status NOT IN ('match', 'within_tolerance'),
                COALESCE(results.relative_difference, IFF(results.difference = 0, 0, 1)),
                0
            )
        ), 0) AS discrepancy
    FROM recon.runs AS runs
    LEFT JOIN recon.results AS results
        ON runs.run_id = results.run_id
    GROUP BY runs.run_id, runs.date, runs.verdict, runs.compared_at
),

compared AS (
    SELECT
        run_id,
        date,
        verdict,
        compared_at,
        bad_cells,
        discrepancy,
        verdict IN ('agree', 'within_tolerance') AS is_fine,
        LAG(discrepancy) OVER (PARTITION BY date ORDER BY compared_at, run_id) AS previous_discrepancy,
        ROW_NUMBER() OVER (PARTITION BY date ORDER BY compared_at DESC, run_id DESC) AS newest_first
    FROM measured
    WHERE verdict <> 'nothing_to_compare'
),

days AS (
    SELECT
        date,
        MIN(compared_at) AS first_seen_at,
        MAX(compared_at) AS last_seen_at,
        COUNT(*) AS runs,
        MAX(IFF(is_fine, NULL, compared_at)) AS last_bad_at
    FROM compared
    GROUP BY date
),

-- The first good comparison after the last bad one: a day can fall apart again.
converged AS (
    SELECT
        compared.date,
        MIN(compared.compared_at) AS converged_at
    FROM compared
    INNER JOIN days
        ON compared.date = days.date
    WHERE compared.is_fine AND (days.last_bad_at IS NULL OR compared.compared_at > days.last_bad_at)
    GROUP BY compared.date
),

facts AS (
    SELECT
        days.date,
        days.first_seen_at,
        days.last_seen_at,
        days.runs,
        newest.verdict,
        newest.bad_cells,
        newest.discrepancy,
        CASE
            WHEN newest.previous_discrepancy IS NULL THEN 'first'
            WHEN newest.discrepancy < newest.previous_discrepancy THEN 'improving'
            WHEN newest.discrepancy > newest.previous_discrepancy THEN 'worsening'
            ELSE 'flat'
        END AS trend,
        converged.converged_at,
        DATEDIFF(
            'second',
            days.first_seen_at,
            COALESCE(converged.converged_at, CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ)
        ) / 3600 AS age_hours
    FROM days
    INNER JOIN compared AS newest
        ON days.date = newest.date AND newest.newest_first = 1
    LEFT JOIN converged
        ON days.date = converged.date
)

SELECT
    date,
    first_seen_at,
    last_seen_at,
    runs,
    verdict,
    bad_cells,
    discrepancy,
    trend,
    converged_at,
    CAST(age_hours AS NUMBER(18, 2)) AS age_hours,
    CASE
        WHEN verdict IN ('agree', 'within_tolerance') THEN 'converged'
        WHEN trend = 'improving' THEN 'converging'
        WHEN age_hours > {{ convergence_slo_hours }} THEN 'stuck'
        ELSE 'open'
    END AS state
FROM facts
UNION ALL
SELECT
    newest.date,
    newest.compared_at AS first_seen_at,
    newest.compared_at AS last_seen_at,
    0 AS runs,
    newest.verdict,
    0 AS bad_cells,
    0 AS discrepancy,
    NULL AS trend,
    NULL AS converged_at,
    NULL AS age_hours,
    'nothing_to_compare' AS state
FROM recon.latest_runs AS newest
WHERE NOT EXISTS (SELECT 1 FROM facts WHERE facts.date = newest.date);
