-- Binds: date; run id; whether RAW of batches that the marts were built from was purged; run id.
-- The marts hold a session that STAGING has not touched since they were built as it stands there. Of the others they hold what RAW last had
-- of each in the batches that they were built from: its part of the difference is what the batch side has staged since, less that.
INSERT INTO recon.explanations (
    run_id, date, user_tier, metric, session_id, user_id, cause, detail, speed_value, batch_value, difference
)
WITH asked AS (
    SELECT
        TO_DATE(?, 'YYYY-MM-DD') AS date,
        ?::STRING AS run_id,
        ?::BOOLEAN AS is_purged
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

-- A change is recorded before its rows are written, so that these are no older.
begun AS (
    SELECT MIN(unbuilt.changed_at) AS changed_at
    FROM ops.date_changes AS unbuilt
    CROSS JOIN built
    WHERE unbuilt.dataset = 'user_sessions' AND unbuilt.change_id > built.change_id
),

staged_sessions AS (
    SELECT
        s.* EXCLUDE (user_tier, session_id, user_id),
        s.session_id AS stored_id,
        s.processed_at >= begun.changed_at AS is_touched,
        &{compared_columns}
    FROM staging.user_sessions_enhanced AS s
    INNER JOIN asked
        ON TO_DATE(s.session_start) = asked.date
    CROSS JOIN begun
),

staged AS (
    SELECT
        stored_id,
        ROW_NUMBER() OVER (ORDER BY stored_id) AS row_number,
        session_id,
        user_id,
        user_tier,
        batch_id,
        is_touched,
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

touched AS (
    SELECT
        newest.stored_id,
        newest.session_id,
        newest.user_id,
        newest.user_tier,
        &{marks}
    FROM newest
    INNER JOIN asked
        ON TO_DATE(newest.session_start) = asked.date
    WHERE
        COALESCE(newest.event_count, 1) > 0
        -- On whatever date: of an identifier that comes back much later the earlier session stays, and its new row is in no mart.
        AND newest.stored_id NOT IN (
            SELECT untouched.session_id
            FROM staging.user_sessions_enhanced AS untouched
            CROSS JOIN begun
            WHERE untouched.session_id IS NOT NULL AND untouched.processed_at < begun.changed_at
        )
),

-- Which of these were valid then is told by how many sessions the marts hold beside the untouched ones: all, or none.
counted AS (
    SELECT
        results.user_tier,
        COALESCE(results.batch_value, 0) AS sessions
    FROM recon.results AS results
    WHERE results.run_id = ? AND results.metric = 'sessions'
),

untouched_counts AS (
    SELECT
        user_tier,
        COUNT(*) AS sessions
    FROM staged
    WHERE NOT is_touched
    GROUP BY user_tier
),

touched_counts AS (
    SELECT
        user_tier,
        COUNT(*) AS sessions
    FROM touched
    GROUP BY user_tier
),

then_valid AS (
    SELECT
        touched_counts.user_tier,
        CASE counted.sessions - COALESCE(untouched_counts.sessions, 0)
            WHEN touched_counts.sessions THEN TRUE
            WHEN 0 THEN FALSE
        END AS is_valid
    FROM touched_counts
    LEFT JOIN counted
        ON EQUAL_NULL(touched_counts.user_tier, counted.user_tier)
    LEFT JOIN untouched_counts
        ON EQUAL_NULL(touched_counts.user_tier, untouched_counts.user_tier)
),

-- Where it is some of them, those that are not rejected now.
held AS (
    SELECT touched.*
    FROM touched
    INNER JOIN then_valid
        ON EQUAL_NULL(touched.user_tier, then_valid.user_tier)
    LEFT JOIN staged_sessions
        ON touched.stored_id = staged_sessions.stored_id
    WHERE COALESCE(then_valid.is_valid, staged_sessions.is_valid, TRUE)
),

-- Of a session that RAW does not have, where some was purged, nobody can tell what the marts hold: it is part of the remainder.
pairs AS (
    SELECT
        COALESCE('staged ' || s.row_number, b.stored_id) AS pair_id,
        1 AS rank,
        COALESCE(s.session_id, b.session_id) AS session_id,
        COALESCE(s.user_id, b.user_id) AS user_id,
        'not_yet_built' AS cause,
        s.batch_id AS detail,
        s.row_number IS NOT NULL AS is_in_speed,
        b.stored_id IS NOT NULL AS is_in_batch,
        s.user_tier AS speed_tier,
        b.user_tier AS batch_tier,
        &{both_marks}
    FROM (SELECT staged.* FROM staged WHERE staged.is_touched) AS s
    FULL OUTER JOIN held AS b
        ON s.stored_id = b.stored_id
    CROSS JOIN asked
    WHERE IFF(b.stored_id IS NULL, NOT asked.is_purged, s.row_number IS NULL OR NOT (&{alike}))
),

same AS (
    SELECT s.*
    FROM staged AS s
    LEFT JOIN held AS b
        ON s.stored_id = b.stored_id
    WHERE NOT s.is_touched OR (b.stored_id IS NOT NULL AND &{alike})
)

SELECT
    asked.run_id,
    asked.date,
    parts.*
FROM asked
CROSS JOIN (&{parts}) AS parts
