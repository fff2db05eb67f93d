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

staged_sessions AS (
    SELECT
        s.* EXCLUDE (user_tier, session_id, user_id),
        s.session_id AS stored_id,
        &{compared_columns}
    FROM staging.user_sessions_enhanced AS s
    INNER JOIN asked
        ON TO_DATE(s.session_start) = asked.date
),

staged AS (
    SELECT
        stored_id,
        ROW_NUMBER() OVER (PARTITION BY session_id ORDER BY stored_id) AS copy,
        session_id,
        user_id,
        user_tier,
        batch_id,
        &{marks}
    FROM staged_sessions
    WHERE is_valid
),

-- What RAW had of each session in the batches that the marts were built from.
raw_sessions AS (
    SELECT
        r.* EXCLUDE (session_id, user_id),
        &{canonical_id} AS session_id,
        &{canonical_user} AS user_id,
        changes.change_id
    FROM raw.user_sessions AS r
    INNER JOIN changes
        ON r.batch_id = changes.batch_id
    CROSS JOIN built
    WHERE changes.change_id <= built.change_id
),

newest AS (
    SELECT
        s.* EXCLUDE (user_tier, session_id, user_id),
        s.session_id AS stored_id,
        &{compared_columns}
    FROM raw_sessions AS s
    WHERE s.session_id IS NOT NULL
    QUALIFY ROW_NUMBER() OVER (PARTITION BY s.session_id ORDER BY s.change_id DESC, s.event_count DESC, s.session_start) = 1
),

held AS (
    SELECT
        newest.stored_id,
        ROW_NUMBER() OVER (PARTITION BY newest.session_id ORDER BY newest.stored_id) AS copy,
        newest.session_id,
        newest.user_id,
        newest.user_tier,
        &{marks}
    FROM newest
    INNER JOIN asked
        ON TO_DATE(newest.session_start) = asked.date
    WHERE
        COALESCE(newest.event_count, 1) > 0
        AND newest.stored_id NOT IN (
            SELECT rejected.stored_id
            FROM staged_sessions AS rejected
            WHERE NOT rejected.is_valid AND rejected.stored_id IS NOT NULL
        )
),

pairs AS (
    SELECT
        COALESCE(s.session_id || ' ' || s.copy, b.session_id || ' ' || b.copy) AS pair_id,
        1 AS rank,
        COALESCE(s.session_id, b.session_id) AS session_id,
        COALESCE(s.user_id, b.user_id) AS user_id,
        'not_yet_built' AS cause,
        s.batch_id AS detail,
        s.copy IS NOT NULL AS is_in_speed,
        b.copy IS NOT NULL AS is_in_batch,
        s.user_tier AS speed_tier,
        b.user_tier AS batch_tier,
        &{both_marks}
    FROM staged AS s
    FULL OUTER JOIN held AS b
        ON s.session_id = b.session_id AND s.copy = b.copy
    WHERE s.copy IS NULL OR b.copy IS NULL OR NOT (&{alike})
),

same AS (
    SELECT s.*
    FROM staged AS s
    INNER JOIN held AS b
        ON s.session_id = b.session_id AND s.copy = b.copy
    WHERE &{alike}
)

SELECT
    asked.run_id,
    asked.date,
    parts.*
FROM asked
CROSS JOIN (&{parts}) AS parts
