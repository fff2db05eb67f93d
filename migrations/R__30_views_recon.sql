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
    waits_for,
    not_measured,
    matching,
    within_tolerance,
    out_of_tolerance,
    missing_in_batch,
    missing_in_speed,
    extracted_at,
    speed_rows,
    batch_digest,
    compared_at
FROM recon.runs
WHERE NOT COALESCE(is_override, FALSE)
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
    results.compared_at,
    results.invalid_value,
    results.absolute_tolerance,
    results.relative_tolerance
FROM recon.results AS results
INNER JOIN recon.latest_runs AS newest
    ON results.run_id = newest.run_id;

-- How far each date and tier was from agreement, at each comparison that had all data (not those that were not ready, had nothing to
-- compare with, or used limits of one CALL), from the tier's first cell on. A tier that a later comparison has no cell of is fine there:
-- neither side has it any more.
-- discrepancy: the relative differences of the cells out of tolerance, summed; 1 for each that has no batch value.
CREATE OR REPLACE VIEW recon.discrepancies
COPY GRANTS
COMMENT = 'How far each date and tier was from agreement: one row per date, tier and comparison that had all data'
AS
WITH judged AS (
    SELECT
        run_id,
        date,
        verdict,
        compared_at
    FROM recon.runs
    WHERE NOT COALESCE(is_override, FALSE) AND verdict NOT IN ('not_ready', 'nothing_to_compare')
),

tiers AS (
    SELECT
        results.date,
        results.user_tier,
        MIN(judged.compared_at) AS first_seen_at
    FROM recon.results AS results
    INNER JOIN judged
        ON results.run_id = judged.run_id
    GROUP BY results.date, results.user_tier
)

SELECT
    judged.date,
    tiers.user_tier,
    judged.run_id,
    judged.compared_at,
    COUNT_IF(results.status NOT IN ('match', 'within_tolerance')) AS bad_cells,
    COALESCE(SUM(
        IFF(
            results.status NOT IN ('match', 'within_tolerance'),
            COALESCE(results.relative_difference, IFF(results.difference = 0, 0, 1)),
            0
        )
    ), 0) AS discrepancy
FROM judged
INNER JOIN tiers
    ON judged.date = tiers.date AND judged.compared_at >= tiers.first_seen_at
LEFT JOIN recon.results AS results
    ON judged.run_id = results.run_id AND EQUAL_NULL(tiers.user_tier, results.user_tier)
GROUP BY judged.date, tiers.user_tier, judged.run_id, judged.compared_at;

-- One state machine, per date and tier, over the comparisons of recon.discrepancies.
--   converged   the newest comparison is fine (every cell matches or is within tolerance)
--   stuck       it is not, for longer than the SLO, whatever the trend
--   regressed   it is not, and an earlier one was
--   converging  it is not, and the discrepancy is smaller than when it began
--   open        it is not
-- bad_since_at: the first comparison of the unbroken line of bad ones that the newest ends; NULL where it is fine.
-- hours_to_convergence: from the first bad comparison of the last line of bad ones to the good one after it; NULL where it is not fine.
-- slo_burn: the part of the SLO (recon.settings, convergence_slo_hours) that the last line of bad ones has used; 1 is all of it.
CREATE OR REPLACE VIEW recon.convergence
COPY GRANTS
COMMENT = 'How each date and tier converges: one row per date and tier that was ever compared with all data'
AS
-- streak: the comparisons of a date and tier between two changes from fine to bad or back, counted from the first one.
WITH changes AS (
    SELECT
        *,
        IFF(
            (bad_cells = 0) = LAG(bad_cells = 0) OVER (PARTITION BY date, user_tier ORDER BY compared_at, run_id), 0, 1
        ) AS is_change
    FROM recon.discrepancies
),

numbered AS (
    SELECT
        *,
        SUM(is_change) OVER (
            PARTITION BY date, user_tier ORDER BY compared_at, run_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS streak,
        ROW_NUMBER() OVER (PARTITION BY date, user_tier ORDER BY compared_at, run_id) AS oldest_first,
        ROW_NUMBER() OVER (PARTITION BY date, user_tier ORDER BY compared_at DESC, run_id DESC) AS newest_first
    FROM changes
),

streaks AS (
    SELECT
        *,
        FIRST_VALUE(discrepancy) OVER (
            PARTITION BY date, user_tier, streak ORDER BY oldest_first
        ) AS discrepancy_at_start,
        MIN(compared_at) OVER (PARTITION BY date, user_tier, streak) AS started_at
    FROM numbered
),

-- The last line of bad comparisons, also where it is over.
last_bad AS (
    SELECT
        date,
        user_tier,
        started_at
    FROM streaks
    WHERE bad_cells > 0
    QUALIFY ROW_NUMBER() OVER (PARTITION BY date, user_tier ORDER BY oldest_first DESC) = 1
),

summed AS (
    SELECT
        date,
        user_tier,
        MIN(compared_at) AS first_seen_at,
        MAX(compared_at) AS last_seen_at,
        COUNT(*) AS runs,
        SUM(IFF(oldest_first = 1, discrepancy, 0)) AS first_discrepancy,
        COUNT_IF(bad_cells = 0) > 0 AS was_fine
    FROM streaks
    GROUP BY date, user_tier
),

slo AS (
    SELECT COALESCE(MAX(settings.value), 48) AS hours
    FROM recon.settings AS settings
    WHERE settings.name = 'convergence_slo_hours'
),

facts AS (
    SELECT
        summed.*,
        newest.run_id,
        newest.bad_cells,
        newest.discrepancy,
        newest.discrepancy_at_start,
        newest.bad_cells = 0 AS is_fine,
        last_bad.started_at AS bad_since_at,
        CASE
            WHEN last_bad.started_at IS NULL THEN summed.first_seen_at
            WHEN newest.bad_cells = 0 THEN newest.started_at
        END AS converged_at,
        slo.hours AS slo_hours,
        COALESCE(
            DATEDIFF(
                'second',
                last_bad.started_at,
                IFF(newest.bad_cells = 0, newest.started_at, CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ)
            ), 0
        ) / 3600 AS bad_hours
    FROM summed
    INNER JOIN streaks AS newest
        ON
            summed.date = newest.date
            AND EQUAL_NULL(summed.user_tier, newest.user_tier)
            AND newest.newest_first = 1
    LEFT JOIN last_bad
        ON summed.date = last_bad.date AND EQUAL_NULL(summed.user_tier, last_bad.user_tier)
    CROSS JOIN slo
)

SELECT
    date,
    user_tier,
    CASE
        WHEN is_fine THEN 'converged'
        WHEN bad_hours > slo_hours THEN 'stuck'
        WHEN was_fine THEN 'regressed'
        WHEN discrepancy < discrepancy_at_start THEN 'converging'
        ELSE 'open'
    END AS state,
    first_seen_at,
    last_seen_at,
    runs,
    bad_cells,
    first_discrepancy,
    discrepancy,
    IFF(is_fine, NULL, bad_since_at) AS bad_since_at,
    converged_at,
    IFF(is_fine, CAST(bad_hours AS NUMBER(18, 2)), NULL) AS hours_to_convergence,
    IFF(is_fine, NULL, CAST(bad_hours AS NUMBER(18, 2))) AS bad_hours,
    CAST(slo_hours AS NUMBER(18, 2)) AS slo_hours,
    CAST(bad_hours / NULLIF(slo_hours, 0) AS NUMBER(18, 4)) AS slo_burn,
    run_id
FROM facts;

-- due_at: when the day should have been ready, its end and the allowed lateness; or when it began to wait again, where that is later.
CREATE OR REPLACE VIEW recon.waiting_days
COPY GRANTS
COMMENT = 'Each day whose newest comparison is not ready: for what it waits, since when, and whether that lasts too long'
AS
WITH judged AS (
    SELECT
        date,
        verdict,
        waits_for,
        compared_at,
        MAX(IFF(verdict = 'not_ready', NULL, compared_at)) OVER (PARTITION BY date) AS last_ready_at,
        ROW_NUMBER() OVER (PARTITION BY date ORDER BY compared_at DESC, run_id DESC) AS newest_first
    FROM recon.runs
    WHERE NOT COALESCE(is_override, FALSE)
),

waits AS (
    SELECT
        date,
        MIN(compared_at) AS since_at
    FROM judged
    WHERE verdict = 'not_ready' AND (last_ready_at IS NULL OR compared_at > last_ready_at)
    GROUP BY date
),

limits AS (
    SELECT
        COALESCE(MAX(IFF(settings.name = 'allowed_lateness_hours', settings.value, NULL)), 0) AS lateness_hours,
        COALESCE(MAX(IFF(settings.name = 'not_ready_limit_hours', settings.value, NULL)), 0) AS limit_hours
    FROM recon.settings AS settings
),

facts AS (
    SELECT
        judged.date,
        judged.waits_for,
        waits.since_at,
        GREATEST(
            waits.since_at,
            DATEADD('second', limits.lateness_hours * 3600, DATEADD('day', 1, judged.date)::TIMESTAMP_NTZ)
        ) AS due_at,
        limits.limit_hours
    FROM judged
    INNER JOIN waits
        ON judged.date = waits.date
    CROSS JOIN limits
    WHERE judged.newest_first = 1 AND judged.verdict = 'not_ready'
)

SELECT
    date,
    waits_for,
    since_at,
    due_at,
    limit_hours,
    DATEADD('second', limit_hours * 3600, due_at) < CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ AS is_overdue
FROM facts;
