-- Binds: date; run id; time of the explanation.
-- Each session of the date on either side, paired by its identifier, gets the first cause that holds; docs/reconciliation.md has them
-- in this order. Then what it brings to each cell on each side, and so its part of the difference.
INSERT INTO recon.explanations (
    run_id, date, user_tier, metric, session_id, user_id, cause, detail, speed_value, batch_value, difference
)
WITH asked AS (
    SELECT
        TO_DATE(?, 'YYYY-MM-DD') AS date,
        ?::STRING AS run_id,
        TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD HH24:MI:SS.FF6') AS explained_at
),

-- A session that ended after this may still be on its way into the speed layer.
moment AS (
    SELECT DATEADD('second', -COALESCE(MAX(settings.value), 0) * 3600, MAX(asked.explained_at)) AS late_from
    FROM asked
    LEFT JOIN recon.settings AS settings
        ON settings.name = 'allowed_lateness_hours'
),

speed_sessions AS (
    SELECT
        s.* EXCLUDE (user_tier, session_id, user_id),
        COALESCE(s.session_id_as_stored, s.session_id) AS stored_id,
        &{compared_columns}
    FROM recon.speed_sessions AS s
    INNER JOIN asked
        ON s.date = asked.date
),

speed_marks AS (
    SELECT
        stored_id,
        session_id,
        user_id,
        user_tier,
        session_start,
        session_end,
        &{marks}
    FROM speed_sessions
),

batch_sessions AS (
    SELECT
        s.* EXCLUDE (user_tier, session_id, user_id),
        s.session_id AS stored_id,
        &{compared_columns}
    FROM staging.user_sessions_enhanced AS s
    INNER JOIN asked
        ON TO_DATE(s.session_start) = asked.date
    WHERE s.is_valid
),

batch_marks AS (
    SELECT
        stored_id,
        session_id,
        user_id,
        user_tier,
        session_start,
        session_end,
        &{marks}
    FROM batch_sessions
),

-- Most sessions are there once on each side, and the same. All that follows is about the others.
odd AS (
    SELECT COALESCE(s.session_id, b.session_id) AS session_id
    FROM speed_marks AS s
    FULL OUTER JOIN batch_marks AS b
        ON s.session_id = b.session_id
    GROUP BY COALESCE(s.session_id, b.session_id)
    HAVING COUNT(*) > 1 OR COUNT_IF(s.session_id = b.session_id AND &{alike}) = 0
),

speed_rows AS (
    SELECT
        ROW_NUMBER() OVER (
            ORDER BY session_id, session_start, session_end, user_tier, user_id, stored_id, &{any_marks}
        ) AS row_number,
        speed_marks.*
    FROM speed_marks
    WHERE session_id IS NULL OR session_id IN (SELECT odd.session_id FROM odd WHERE odd.session_id IS NOT NULL)
),

batch_rows AS (
    SELECT
        ROW_NUMBER() OVER (ORDER BY stored_id) AS row_number,
        batch_marks.*
    FROM batch_marks
    WHERE session_id IS NULL OR session_id IN (SELECT odd.session_id FROM odd WHERE odd.session_id IS NOT NULL)
),

same AS (
    SELECT batch_marks.*
    FROM batch_marks
    WHERE session_id NOT IN (SELECT odd.session_id FROM odd WHERE odd.session_id IS NOT NULL)
),

-- Of several rows of one session the one most like the other side's comes first, on both sides, and is its pair; of rows alike in as much
-- that goes by the identifier as it is stored, where both sides have it. What the speed layer has more often are copies.
likeness AS (
    SELECT
        s.row_number AS speed_row,
        b.row_number AS batch_row,
        IFF(s.stored_id = b.stored_id, s.stored_id, NULL) AS stored_id,
        IFF(s.stored_id = b.stored_id, 1, 0) + IFF(EQUAL_NULL(s.user_tier, b.user_tier), 1, 0) + &{equal_marks} AS likeness
    FROM speed_rows AS s
    INNER JOIN batch_rows AS b
        ON s.session_id = b.session_id
),

speed_likeness AS (
    SELECT
        speed_row,
        MAX(stored_id) AS stored_id,
        MAX(likeness) AS likeness
    FROM likeness
    GROUP BY speed_row
),

batch_likeness AS (
    SELECT
        batch_row,
        MAX(likeness) AS likeness
    FROM likeness
    GROUP BY batch_row
),

batch_ranked AS (
    SELECT
        batch_rows.*,
        ROW_NUMBER() OVER (
            PARTITION BY batch_rows.session_id ORDER BY COALESCE(batch_likeness.likeness, 0) DESC, batch_rows.stored_id
        ) AS copy
    FROM batch_rows
    LEFT JOIN batch_likeness
        ON batch_rows.row_number = batch_likeness.batch_row
),

speed_compared AS (
    SELECT
        speed_rows.*,
        speed_likeness.stored_id AS shared_id,
        COALESCE(speed_likeness.likeness, 0) AS likeness,
        -- A row again under the same text is no pair of another text's.
        ROW_NUMBER() OVER (
            PARTITION BY speed_rows.session_id, speed_rows.stored_id
            ORDER BY COALESCE(speed_likeness.likeness, 0) DESC, speed_rows.session_end DESC, speed_rows.row_number
        ) AS occurrence
    FROM speed_rows
    LEFT JOIN speed_likeness
        ON speed_rows.row_number = speed_likeness.speed_row
),

ranked AS (
    SELECT
        speed_compared.*,
        ROW_NUMBER() OVER (
            PARTITION BY session_id
            ORDER BY IFF(occurrence = 1, 0, 1), likeness DESC, shared_id, session_end DESC, row_number
        ) AS copy,
        FIRST_VALUE(stored_id) OVER (
            PARTITION BY session_id
            ORDER BY IFF(occurrence = 1, 0, 1), likeness DESC, shared_id, session_end DESC, row_number
        ) AS first_stored_id
    FROM speed_compared
),

-- What else is known of these identifiers.
known AS (
    SELECT
        &{compared_id} AS session_id,
        TO_DATE(s.session_start) AS date,
        s.is_valid,
        s.validation_errors
    FROM staging.user_sessions_enhanced AS s
    WHERE &{compared_id} IN (SELECT speed_rows.session_id FROM speed_rows WHERE speed_rows.session_id IS NOT NULL)
),

rejected AS (
    SELECT
        session_id,
        MIN(ARRAY_TO_STRING(validation_errors::ARRAY, ', ')) AS codes
    FROM known
    WHERE NOT is_valid
    GROUP BY session_id
),

batch_elsewhere AS (
    SELECT
        known.session_id,
        MIN(known.date) AS date
    FROM known
    CROSS JOIN asked
    WHERE known.is_valid AND known.date <> asked.date
    GROUP BY known.session_id
),

speed_elsewhere AS (
    SELECT
        &{compared_id} AS session_id,
        MIN(s.date) AS date
    FROM recon.speed_sessions AS s
    CROSS JOIN asked
    WHERE s.date <> asked.date AND &{compared_id} IN (SELECT batch_rows.session_id FROM batch_rows)
    GROUP BY 1
),

set_aside AS (
    SELECT
        &{compared_id} AS session_id,
        MIN(s.reason) AS reason
    FROM (&{set_aside}) AS s
    GROUP BY 1
),

unflagged AS (
    SELECT
        &{compared_id} AS session_id,
        MIN(s.batch_id) AS batch_id
    FROM raw.user_sessions AS s
    WHERE s.batch_id IN (SELECT batches.batch_id FROM ops.batches AS batches WHERE batches.flagged_at IS NULL)
    GROUP BY 1
),

staged AS (
    &{staged}
),

unloaded AS (
    SELECT
        &{compared_id} AS session_id,
        MIN(s.batch_id) AS batch_id
    FROM staged AS s
    GROUP BY 1
),

paired AS (
    SELECT
        COALESCE('speed ' || s.row_number, 'batch ' || b.row_number) AS pair_id,
        s.row_number IS NOT NULL AS is_in_speed,
        b.copy IS NOT NULL AS is_in_batch,
        COALESCE(s.session_id, b.session_id) AS session_id,
        COALESCE(s.user_id, b.user_id) AS user_id,
        s.user_tier AS speed_tier,
        b.user_tier AS batch_tier,
        s.copy,
        s.stored_id,
        s.first_stored_id,
        b.session_end AS batch_end,
        LEAST(COALESCE(s.session_start, b.session_start), COALESCE(b.session_start, s.session_start)) AS started_at,
        -- A session without an end may last a day.
        GREATEST(
            COALESCE(s.session_end, DATEADD('day', 1, s.session_start), b.session_start),
            COALESCE(b.session_end, DATEADD('day', 1, b.session_start), s.session_start)
        ) AS ended_at,
        ARRAY_TO_STRING(ARRAY_COMPACT(ARRAY_CONSTRUCT(&{differing})), ', ') AS differing,
        &{both_marks}
    FROM ranked AS s
    FULL OUTER JOIN batch_ranked AS b
        ON s.session_id = b.session_id AND s.copy = b.copy
),

judged AS (
    SELECT
        paired.*,
        CASE
            WHEN paired.is_in_speed AND paired.is_in_batch AND NOT EQUAL_NULL(paired.speed_tier, paired.batch_tier)
                THEN 'tier_differs'
            WHEN paired.is_in_speed AND paired.is_in_batch AND paired.differing <> '' THEN 'value_differs'
            WHEN paired.is_in_speed AND paired.is_in_batch THEN NULL
            WHEN paired.is_in_speed AND paired.copy > 1 AND paired.session_id IS NOT NULL
                THEN IFF(paired.stored_id = paired.first_stored_id, 'duplicated_in_speed', 'identifier_form')
            WHEN paired.is_in_speed AND rejected.session_id IS NOT NULL THEN 'rejected_by_rule'
            WHEN paired.is_in_speed AND batch_elsewhere.session_id IS NOT NULL THEN 'day_differs'
            WHEN paired.is_in_speed AND unflagged.session_id IS NOT NULL THEN 'not_yet_flagged'
            WHEN paired.is_in_speed AND unloaded.session_id IS NOT NULL THEN 'not_yet_loaded'
            WHEN paired.is_in_speed THEN 'extra_in_speed'
            WHEN set_aside.session_id IS NOT NULL THEN 'set_aside_in_speed'
            WHEN speed_elsewhere.session_id IS NOT NULL THEN 'day_differs'
            WHEN paired.batch_end > moment.late_from THEN 'late_in_speed'
            ELSE 'lost_in_speed'
        END AS cause,
        rejected.codes,
        set_aside.reason,
        COALESCE(batch_elsewhere.date, speed_elsewhere.date) AS other_date,
        COALESCE(unflagged.batch_id, unloaded.batch_id) AS waiting_batch
    FROM paired
    CROSS JOIN moment
    LEFT JOIN rejected
        ON paired.session_id = rejected.session_id
    LEFT JOIN batch_elsewhere
        ON paired.session_id = batch_elsewhere.session_id
    LEFT JOIN speed_elsewhere
        ON paired.session_id = speed_elsewhere.session_id
    LEFT JOIN set_aside
        ON paired.session_id = set_aside.session_id
    LEFT JOIN unflagged
        ON paired.session_id = unflagged.session_id
    LEFT JOIN unloaded
        ON paired.session_id = unloaded.session_id
),

-- Differing sessions of one user at overlapping times bring the same in sum on both sides, and are another number: cut elsewhere.
differing AS (
    SELECT
        judged.*,
        MAX(ended_at) OVER (
            PARTITION BY user_id ORDER BY started_at, pair_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS ended_before_at
    FROM judged
    WHERE user_id IS NOT NULL AND cause IN ('value_differs', 'extra_in_speed', 'late_in_speed', 'lost_in_speed')
),

overlapping AS (
    SELECT
        differing.*,
        SUM(IFF(started_at <= ended_before_at, 0, 1)) OVER (
            PARTITION BY user_id ORDER BY started_at, pair_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS stretch
    FROM differing
),

recut AS (
    SELECT
        user_id,
        stretch
    FROM overlapping
    GROUP BY user_id, stretch
    HAVING
        COUNT_IF(is_in_speed) <> COUNT_IF(is_in_batch)
        AND COUNT_IF(is_in_speed) > 0
        AND COUNT_IF(is_in_batch) > 0
        AND &{conserved}
),

recut_pairs AS (
    SELECT overlapping.pair_id
    FROM overlapping
    INNER JOIN recut
        ON overlapping.user_id = recut.user_id AND overlapping.stretch = recut.stretch
),

explained AS (
    SELECT
        judged.* EXCLUDE (cause),
        IFF(recut_pairs.pair_id IS NULL, judged.cause, 'session_split_or_merged') AS cause
    FROM judged
    LEFT JOIN recut_pairs
        ON judged.pair_id = recut_pairs.pair_id
),

-- rank: of several sessions that bring one key the first tells why; a copy brings none that its original does not.
pairs AS (
    SELECT
        explained.*,
        IFF(
            explained.cause IN ('identifier_form', 'duplicated_in_speed'),
            98,
            COALESCE(ARRAY_POSITION(explained.cause::VARIANT, ARRAY_CONSTRUCT(&{causes})), 99)
        ) AS rank,
        CASE explained.cause
            WHEN 'tier_differs'
                THEN 'speed ' || COALESCE(explained.speed_tier, 'no tier')
                    || ', batch ' || COALESCE(explained.batch_tier, 'no tier')
            WHEN 'value_differs' THEN explained.differing
            WHEN 'identifier_form' THEN explained.stored_id || ' beside ' || explained.first_stored_id
            WHEN 'rejected_by_rule' THEN explained.codes
            WHEN 'set_aside_in_speed' THEN explained.reason
            WHEN 'day_differs'
                THEN IFF(explained.is_in_speed, 'batch ', 'speed ') || TO_CHAR(explained.other_date, 'YYYY-MM-DD')
            WHEN 'not_yet_flagged' THEN explained.waiting_batch
            WHEN 'not_yet_loaded' THEN explained.waiting_batch
        END AS detail
    FROM explained
)

SELECT
    asked.run_id,
    asked.date,
    parts.*
FROM asked
CROSS JOIN (&{parts}) AS parts
