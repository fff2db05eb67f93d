-- Binds: date; run id.
-- The marts still hold what RAW last had of each session in the batches that they were built from: its part of the difference is what the
-- batch side has staged since, less that.
INSERT INTO recon.explanations (
    run_id, date, user_tier, metric, session_id, user_id, cause, detail, speed_value, batch_value, difference
)
WITH asked AS (
    SELECT
        TO_DATE(?, 'YYYY-MM-DD') AS date,
        ?::STRING AS run_id
),

built AS (
    SELECT COALESCE(MAX(builds.watermarks:user_sessions::NUMBER(38, 0)), 0) AS change_id
    FROM ops.model_builds AS builds
    WHERE builds.model = 'mart_daily_speed_comparable'
),

changes AS (
    SELECT
        batch_id,
        MAX(change_id) AS change_id
    FROM ops.date_changes
    WHERE dataset = 'user_sessions'
    GROUP BY batch_id
),

known_sessions AS (
    SELECT
        b.* EXCLUDE (user_tier, session_id, user_id),
        NULLIF(b.user_tier, '') AS user_tier,
        NULLIF(LOWER(TRIM(b.session_id, ' \t\r\n')), '') AS session_id,
        NULLIF(LOWER(TRIM(b.user_id, ' \t\r\n')), '') AS user_id
    FROM staging.user_sessions_enhanced AS b
    CROSS JOIN asked
    WHERE TO_DATE(b.session_start) = asked.date
),

staged AS (
    SELECT
        session_id,
        user_id,
        user_tier,
        batch_id,
        &{marks}
    FROM known_sessions
    WHERE is_valid
),

rejected AS (
    SELECT known_sessions.session_id
    FROM known_sessions
    WHERE NOT known_sessions.is_valid
),

-- Those that a change of the date since the build may have touched.
raw_sessions AS (
    SELECT
        r.* EXCLUDE (session_id, user_id),
        &{canonical_id} AS canonical_id,
        &{canonical_user} AS canonical_user,
        changes.change_id
    FROM raw.user_sessions AS r
    INNER JOIN changes
        ON r.batch_id = changes.batch_id
    CROSS JOIN built
    WHERE changes.change_id <= built.change_id
),

comparable AS (
    SELECT
        raw_sessions.* EXCLUDE (user_tier, canonical_id, canonical_user),
        NULLIF(raw_sessions.user_tier, '') AS user_tier,
        LOWER(TRIM(raw_sessions.canonical_id, ' \t\r\n')) AS session_id,
        NULLIF(LOWER(TRIM(raw_sessions.canonical_user, ' \t\r\n')), '') AS user_id
    FROM raw_sessions
),

newest AS (
    SELECT *
    FROM comparable
    WHERE session_id IS NOT NULL
    QUALIFY ROW_NUMBER() OVER (PARTITION BY session_id ORDER BY change_id DESC, event_count DESC, session_start) = 1
),

held AS (
    SELECT
        newest.session_id,
        newest.user_id,
        newest.user_tier,
        &{marks}
    FROM newest
    CROSS JOIN asked
    WHERE
        TO_DATE(newest.session_start) = asked.date
        AND COALESCE(newest.event_count, 1) > 0
        AND newest.session_id NOT IN (SELECT rejected.session_id FROM rejected WHERE rejected.session_id IS NOT NULL)
),

paired AS (
    SELECT
        COALESCE(s.session_id, b.session_id) AS session_id,
        COALESCE(s.user_id, b.user_id) AS user_id,
        s.session_id IS NOT NULL AS is_in_speed,
        b.session_id IS NOT NULL AS is_in_batch,
        s.user_tier AS speed_tier,
        b.user_tier AS batch_tier,
        s.batch_id AS detail,
        &{both_marks}
    FROM staged AS s
    FULL OUTER JOIN held AS b
        ON s.session_id = b.session_id
),

added AS (
    SELECT
        paired.session_id,
        paired.speed_tier AS user_tier,
        names.metric,
        DECODE(names.metric, &{speed_sums}) AS staged_value,
        0::NUMBER(32, 6) AS held_value
    FROM paired
    CROSS JOIN (VALUES &{sum_names}) AS names (metric)
    WHERE paired.is_in_speed
    UNION ALL
    SELECT
        paired.session_id,
        paired.batch_tier AS user_tier,
        names.metric,
        0::NUMBER(32, 6) AS staged_value,
        DECODE(names.metric, &{batch_sums}) AS held_value
    FROM paired
    CROSS JOIN (VALUES &{sum_names}) AS names (metric)
    WHERE paired.is_in_batch
),

keyed AS (
    SELECT
        paired.session_id,
        paired.speed_tier AS user_tier,
        names.metric,
        DECODE(names.metric, &{speed_keys}) AS key,
        1 AS is_staged
    FROM paired
    CROSS JOIN (VALUES &{key_names}) AS names (metric)
    WHERE paired.is_in_speed
    UNION ALL
    SELECT
        paired.session_id,
        paired.batch_tier AS user_tier,
        names.metric,
        DECODE(names.metric, &{batch_keys}) AS key,
        0 AS is_staged
    FROM paired
    CROSS JOIN (VALUES &{key_names}) AS names (metric)
    WHERE paired.is_in_batch
),

parts AS (
    SELECT
        session_id,
        user_tier,
        metric,
        SUM(staged_value) AS staged_value,
        SUM(held_value) AS held_value
    FROM added
    GROUP BY session_id, user_tier, metric
    HAVING SUM(staged_value) <> SUM(held_value)
    UNION ALL
    SELECT
        MIN(session_id) AS session_id,
        user_tier,
        metric,
        MAX(is_staged)::NUMBER(32, 6) AS staged_value,
        (1 - MAX(is_staged))::NUMBER(32, 6) AS held_value
    FROM keyed
    WHERE key IS NOT NULL
    GROUP BY user_tier, metric, key
    HAVING MIN(is_staged) = MAX(is_staged)
)

SELECT
    asked.run_id,
    asked.date,
    parts.user_tier,
    parts.metric,
    parts.session_id,
    paired.user_id,
    'not_yet_built' AS cause,
    paired.detail,
    parts.staged_value AS speed_value,
    parts.held_value AS batch_value,
    parts.staged_value - parts.held_value AS difference
FROM parts
INNER JOIN paired
    ON parts.session_id = paired.session_id
CROSS JOIN asked
WHERE parts.metric IN (
    SELECT results.metric
    FROM recon.results AS results
    INNER JOIN asked AS recorded
        ON results.run_id = recorded.run_id
)
