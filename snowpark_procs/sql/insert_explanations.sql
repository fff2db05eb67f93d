-- Binds: date; run id.
-- Each session of the date on either side, paired by its identifier, gets the first cause that holds; docs/reconciliation.md has them
-- in this order. Then what it brings to each cell on each side, and so its part of the difference.
INSERT INTO recon.explanations (
    run_id, date, user_tier, metric, session_id, user_id, cause, detail, speed_value, batch_value, difference
)
WITH asked AS (
    SELECT
        TO_DATE(?, 'YYYY-MM-DD') AS date,
        ?::STRING AS run_id
),

-- A session that ended after this may still be on its way into the snapshot.
moment AS (
    SELECT
        MAX(runs.extracted_at) AS extracted_at,
        MAX(IFF(settings.name = 'allowed_lateness_hours', settings.value, 0)) AS lateness_hours
    FROM recon.runs AS runs
    INNER JOIN asked
        ON runs.run_id = asked.run_id
    CROSS JOIN recon.settings AS settings
),

speed_sessions AS (
    SELECT
        s.* EXCLUDE (user_tier, session_id, user_id),
        COALESCE(s.session_id_as_stored, s.session_id) AS stored_id,
        NULLIF(s.user_tier, '') AS user_tier,
        NULLIF(LOWER(TRIM(s.session_id, ' \t\r\n')), '') AS session_id,
        NULLIF(LOWER(TRIM(s.user_id, ' \t\r\n')), '') AS user_id
    FROM recon.speed_sessions AS s
    INNER JOIN asked
        ON s.date = asked.date
),

speed_rows AS (
    SELECT
        ROW_NUMBER() OVER (
            ORDER BY session_id, session_start, session_end, user_tier, user_id, stored_id, total_spent, page_views
        ) AS row_number,
        stored_id,
        session_id,
        user_id,
        user_tier,
        session_start,
        session_end,
        &{marks}
    FROM speed_sessions
),

-- The batch side's sessions of the date, and those of other dates that the speed layer has on this one.
known_sessions AS (
    SELECT
        b.* EXCLUDE (user_tier, session_id, user_id),
        b.session_id AS stored_id,
        NULLIF(b.user_tier, '') AS user_tier,
        NULLIF(LOWER(TRIM(b.session_id, ' \t\r\n')), '') AS session_id,
        NULLIF(LOWER(TRIM(b.user_id, ' \t\r\n')), '') AS user_id,
        TO_DATE(b.session_start) AS date
    FROM staging.user_sessions_enhanced AS b
),

known AS (
    SELECT known_sessions.*
    FROM known_sessions
    CROSS JOIN asked
    WHERE
        known_sessions.date = asked.date
        OR known_sessions.session_id IN (SELECT speed_rows.session_id FROM speed_rows WHERE speed_rows.session_id IS NOT NULL)
),

batch_rows AS (
    SELECT
        ROW_NUMBER() OVER (ORDER BY known.stored_id) AS row_number,
        ROW_NUMBER() OVER (PARTITION BY known.session_id ORDER BY known.stored_id) AS copy,
        known.stored_id,
        known.session_id,
        known.user_id,
        known.user_tier,
        known.session_start,
        known.session_end,
        &{marks}
    FROM known
    INNER JOIN asked
        ON known.date = asked.date
    WHERE known.is_valid
),

-- Of several rows of one session the one most like the batch side's is its pair; the others are copies.
likeness AS (
    SELECT
        s.row_number,
        MAX(
            IFF(s.stored_id = b.stored_id, 1, 0) + IFF(EQUAL_NULL(s.user_tier, b.user_tier), 1, 0) + &{equal_marks}
        ) AS likeness
    FROM speed_rows AS s
    LEFT JOIN batch_rows AS b
        ON s.session_id = b.session_id
    GROUP BY s.row_number
),

ranked AS (
    SELECT
        speed_rows.*,
        ROW_NUMBER() OVER (
            PARTITION BY speed_rows.session_id
            ORDER BY likeness.likeness DESC, speed_rows.session_end DESC, speed_rows.row_number
        ) AS copy,
        FIRST_VALUE(speed_rows.stored_id) OVER (
            PARTITION BY speed_rows.session_id
            ORDER BY likeness.likeness DESC, speed_rows.session_end DESC, speed_rows.row_number
        ) AS first_stored_id
    FROM speed_rows
    INNER JOIN likeness
        ON speed_rows.row_number = likeness.row_number
),

-- What else is known of these identifiers.
rejected AS (
    SELECT
        known.session_id,
        MIN(ARRAY_TO_STRING(known.validation_errors::ARRAY, ', ')) AS codes
    FROM known
    WHERE NOT known.is_valid
    GROUP BY known.session_id
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
        LOWER(TRIM(s.session_id, ' \t\r\n')) AS session_id,
        MIN(s.date) AS date
    FROM recon.speed_sessions AS s
    CROSS JOIN asked
    WHERE s.date <> asked.date AND LOWER(TRIM(s.session_id, ' \t\r\n')) IN (SELECT batch_rows.session_id FROM batch_rows)
    GROUP BY 1
),

raw_ids AS (
    SELECT
        r.batch_id,
        &{canonical_id} AS canonical_id
    FROM raw.user_sessions AS r
    WHERE r.batch_id IN (SELECT batches.batch_id FROM ops.batches AS batches WHERE batches.flagged_at IS NULL)
),

unflagged AS (
    SELECT
        LOWER(TRIM(canonical_id, ' \t\r\n')) AS session_id,
        MIN(batch_id) AS batch_id
    FROM raw_ids
    GROUP BY LOWER(TRIM(canonical_id, ' \t\r\n'))
),

staged AS (
    &{staged}
),

staged_ids AS (
    SELECT
        r.batch_id,
        &{canonical_id} AS canonical_id
    FROM staged AS r
),

unloaded AS (
    SELECT
        LOWER(TRIM(canonical_id, ' \t\r\n')) AS session_id,
        MIN(batch_id) AS batch_id
    FROM staged_ids
    GROUP BY LOWER(TRIM(canonical_id, ' \t\r\n'))
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
        ARRAY_TO_STRING(ARRAY_COMPACT(ARRAY_CONSTRUCT(&{differing})), ', ') AS differing,
        &{both_marks}
    FROM ranked AS s
    FULL OUTER JOIN batch_rows AS b
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
            WHEN speed_elsewhere.session_id IS NOT NULL THEN 'day_differs'
            WHEN moment.extracted_at < DATEADD('second', moment.lateness_hours * 3600, paired.batch_end)
                THEN 'late_in_speed'
            ELSE 'lost_in_speed'
        END AS cause,
        rejected.codes,
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
    LEFT JOIN unflagged
        ON paired.session_id = unflagged.session_id
    LEFT JOIN unloaded
        ON paired.session_id = unloaded.session_id
),

-- One user's differing sessions bring the same in sum on both sides, and are another number: cut elsewhere.
recut AS (
    SELECT user_id
    FROM judged
    WHERE
        user_id IS NOT NULL
        AND cause IN ('value_differs', 'extra_in_speed', 'late_in_speed', 'lost_in_speed')
    GROUP BY user_id
    HAVING
        COUNT_IF(is_in_speed) <> COUNT_IF(is_in_batch)
        AND COUNT_IF(is_in_speed) > 0
        AND COUNT_IF(is_in_batch) > 0
        AND &{conserved}
),

explained AS (
    SELECT
        judged.* EXCLUDE (cause),
        IFF(
            recut.user_id IS NOT NULL
            AND judged.cause IN ('value_differs', 'extra_in_speed', 'late_in_speed', 'lost_in_speed'),
            'session_split_or_merged',
            judged.cause
        ) AS cause
    FROM judged
    LEFT JOIN recut
        ON judged.user_id = recut.user_id
),

detailed AS (
    SELECT
        explained.*,
        COALESCE(ARRAY_POSITION(explained.cause::VARIANT, ARRAY_CONSTRUCT(&{causes})), 99) AS rank,
        CASE explained.cause
            WHEN 'tier_differs'
                THEN 'speed ' || COALESCE(explained.speed_tier, 'no tier')
                    || ', batch ' || COALESCE(explained.batch_tier, 'no tier')
            WHEN 'value_differs' THEN explained.differing
            WHEN 'identifier_form' THEN explained.stored_id || ' beside ' || explained.first_stored_id
            WHEN 'rejected_by_rule' THEN explained.codes
            WHEN 'day_differs'
                THEN IFF(explained.is_in_speed, 'batch ', 'speed ') || TO_CHAR(explained.other_date, 'YYYY-MM-DD')
            WHEN 'not_yet_flagged' THEN explained.waiting_batch
            WHEN 'not_yet_loaded' THEN explained.waiting_batch
        END AS detail
    FROM explained
),

-- Sums: what each differing session brings to a cell.
added AS (
    SELECT
        detailed.pair_id,
        detailed.speed_tier AS user_tier,
        names.metric,
        DECODE(names.metric, &{speed_sums}) AS speed_value,
        0::NUMBER(32, 6) AS batch_value
    FROM detailed
    CROSS JOIN (VALUES &{sum_names}) AS names (metric)
    WHERE detailed.cause IS NOT NULL AND detailed.is_in_speed
    UNION ALL
    SELECT
        detailed.pair_id,
        detailed.batch_tier AS user_tier,
        names.metric,
        0::NUMBER(32, 6) AS speed_value,
        DECODE(names.metric, &{batch_sums}) AS batch_value
    FROM detailed
    CROSS JOIN (VALUES &{sum_names}) AS names (metric)
    WHERE detailed.cause IS NOT NULL AND detailed.is_in_batch
),

-- Distinct counts: the keys that one side alone has, each with the session whose cause comes first.
keyed AS (
    SELECT
        detailed.pair_id,
        detailed.rank,
        detailed.speed_tier AS user_tier,
        names.metric,
        DECODE(names.metric, &{speed_keys}) AS key,
        1 AS is_speed
    FROM detailed
    CROSS JOIN (VALUES &{key_names}) AS names (metric)
    WHERE detailed.is_in_speed
    UNION ALL
    SELECT
        detailed.pair_id,
        detailed.rank,
        detailed.batch_tier AS user_tier,
        names.metric,
        DECODE(names.metric, &{batch_keys}) AS key,
        0 AS is_speed
    FROM detailed
    CROSS JOIN (VALUES &{key_names}) AS names (metric)
    WHERE detailed.is_in_batch
),

lone_keys AS (
    SELECT
        user_tier,
        metric,
        MAX(is_speed) AS is_speed,
        SPLIT_PART(MIN(LPAD(rank::STRING, 2, '0') || '|' || pair_id), '|', 2) AS pair_id
    FROM keyed
    WHERE key IS NOT NULL
    GROUP BY user_tier, metric, key
    HAVING MIN(is_speed) = MAX(is_speed)
),

parts AS (
    SELECT
        pair_id,
        user_tier,
        metric,
        SUM(speed_value) AS speed_value,
        SUM(batch_value) AS batch_value
    FROM added
    GROUP BY pair_id, user_tier, metric
    HAVING SUM(speed_value) <> SUM(batch_value)
    UNION ALL
    SELECT
        pair_id,
        user_tier,
        metric,
        is_speed::NUMBER(32, 6) AS speed_value,
        (1 - is_speed)::NUMBER(32, 6) AS batch_value
    FROM lone_keys
)

-- A metric that the speed layer has no column for has no cells.
SELECT
    asked.run_id,
    asked.date,
    parts.user_tier,
    parts.metric,
    detailed.session_id,
    detailed.user_id,
    COALESCE(detailed.cause, 'unexplained') AS cause,
    detailed.detail,
    parts.speed_value,
    parts.batch_value,
    parts.speed_value - parts.batch_value AS difference
FROM parts
INNER JOIN detailed
    ON parts.pair_id = detailed.pair_id
CROSS JOIN asked
WHERE parts.metric IN (
    SELECT results.metric
    FROM recon.results AS results
    INNER JOIN asked AS recorded
        ON results.run_id = recorded.run_id
)
