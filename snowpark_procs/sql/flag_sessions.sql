-- Binds: JSON array of batches that come after this one; JSON array of dates that those have replaced as a whole; JSON array of
-- dates that this batch replaces as a whole; batch id; those of `strays`.
-- A session is its events from the first one on, up to the maximum session length. The Spark job reads no further back than
-- that, so an identifier that comes back later arrives as a session of its own: the earlier one stays, unless it is among `forsaken`.
-- A row is superseded when a later batch has one of the same session. A row that stands on one of the dates that later batches
-- have replaced is gone, and so is the current row, which in the order of publication it would have replaced.
-- A row of no event says that a session is no more: all its events are copies of such that count in other sessions.
-- Sessions among `strays`, and those that were, have the numbers of their events in STAGING instead: some of the row's count elsewhere.
-- The batch's events must be in STAGING already: how a visitor behaved is told from the valid events of the session,
-- and how many sessions an address had on a date from those of all sessions. Known sessions
-- that are among `touched` are judged again; without a batch, they alone are judged.
-- A quotient of whole numbers has six places in Snowflake; of a dividend that is made wider first, twelve, so that it is rounded once.
-- https://docs.snowflake.com/en/sql-reference/operators-arithmetic#division
INSERT INTO staging.user_sessions_enhanced_delta (
    session_id, user_id, user_tier, session_start, session_end, session_duration_minutes, page_views, product_views,
    searches, add_to_cart_events, purchases, total_spent, items_purchased, avg_order_value, device_type, browser,
    converted_to_purchase, conversion_time_minutes, is_high_value_session, is_bounce_session, first_purchase_at,
    event_count, distinct_ip_count, requests_per_minute, max_repeats, is_valid, validation_errors, validation_warnings,
    is_bot_traffic, is_test_user, is_recounted, batch_id, is_changed, is_removed, previous_date
)
WITH constants AS (
    SELECT &{constants}
),

later AS (
    SELECT f.value::STRING AS batch_id
    FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
),

replaced AS (
    SELECT TO_DATE(f.value::STRING, 'YYYY-MM-DD') AS date
    FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
),

own_dates AS (
    SELECT TO_DATE(f.value::STRING, 'YYYY-MM-DD') AS date
    FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
),

source AS (
    SELECT
        &{session_id} AS session_id,
        &{user_id} AS user_id,
        NULLIF(r.user_tier, '') AS user_tier,
        r.session_start,
        r.session_end,
        r.session_duration_minutes,
        r.page_views,
        r.product_views,
        r.searches,
        r.add_to_cart_events,
        r.purchases,
        r.total_spent,
        r.items_purchased,
        CAST(r.total_spent / NULLIF(r.purchases, 0) AS NUMBER(38, 2)) AS avg_order_value,
        r.device_type,
        r.browser,
        r.converted_to_purchase,
        CAST(
            DATEDIFF('microsecond', r.session_start, r.first_purchase_at)::NUMBER(38, 12) / 60000000
            AS NUMBER(18, 4)
        ) AS conversion_time_minutes,
        r.first_purchase_at,
        r.event_count,
        r.distinct_ip_count,
        r.batch_id
    FROM raw.user_sessions AS r
    WHERE r.batch_id = ? AND &{delivered}
),

strays AS (
    &{strays}
),

single AS (
    SELECT *
    FROM source
    QUALIFY
        session_id IS NULL
        OR ROW_NUMBER() OVER (
            PARTITION BY session_id
            ORDER BY event_count DESC, session_start, session_end, user_id
        ) = 1
),

present AS (
    SELECT *
    FROM staging.user_sessions_enhanced AS known
    WHERE &{known}
),

superseded AS (
    SELECT DISTINCT single.session_id
    FROM single
    CROSS JOIN constants
    INNER JOIN raw.user_sessions AS r
        ON single.session_id = &{session_id}
    WHERE
        &{delivered_later}
        AND r.batch_id IN (SELECT later.batch_id FROM later)
        AND DATEDIFF('second', single.session_end, r.session_start) <= constants.max_session_hours * 3600
        AND DATEDIFF('second', r.session_end, single.session_start) <= constants.max_session_hours * 3600
),

-- Known sessions whose last events count in other ones from this batch on.
forsaken AS (
    SELECT present.session_id
    FROM present
    INNER JOIN staging.events_cleaned_delta AS moved
        ON present.session_id = moved.previous_session_id
    LEFT JOIN staging.events_cleaned AS e
        ON
            present.session_id = e.session_id
            AND e.timestamp >= present.session_start
            AND e.timestamp <= present.session_end
            AND &{near_events}
    WHERE moved.is_changed AND NOT moved.is_removed AND moved.session_id IS DISTINCT FROM moved.previous_session_id
    GROUP BY present.session_id
    HAVING COUNT(e.session_id) = 0
),

accepted AS (
    SELECT
        single.*,
        COALESCE(single.event_count = 0, FALSE) OR replaced.date IS NOT NULL AS is_removed,
        COALESCE(present.is_recounted, FALSE) OR strays.session_id IS NOT NULL AS is_recounted
    FROM single
    CROSS JOIN constants
    LEFT JOIN present
        ON single.session_id = present.session_id
    LEFT JOIN strays
        ON single.session_id = strays.session_id
    LEFT JOIN forsaken
        ON single.session_id = forsaken.session_id
    LEFT JOIN superseded
        ON single.session_id = superseded.session_id
    LEFT JOIN replaced
        ON single.session_start::DATE = replaced.date
    WHERE
        superseded.session_id IS NULL
        AND (
            present.session_id IS NULL
            OR present.batch_id NOT IN (SELECT later.batch_id FROM later)
            OR (
                replaced.date IS NULL
                AND DATEDIFF('second', single.session_end, present.session_start) > constants.max_session_hours * 3600
            )
        )
        AND (replaced.date IS NULL OR present.session_id IS NOT NULL)
        AND (
            present.session_id IS NULL
            OR COALESCE(
                DATEDIFF('second', present.session_end, single.session_start), 0
            ) <= constants.max_session_hours * 3600
            OR present.session_start::DATE IN (SELECT own_dates.date FROM own_dates)
            OR forsaken.session_id IS NOT NULL
        )
        AND (
            COALESCE(single.event_count, 1) > 0
            OR DATEDIFF('second', single.session_end, present.session_start) <= constants.max_session_hours * 3600
        )
),

touched AS (
    &{touched}
),

given AS (
    SELECT
        accepted.*,
        FALSE AS is_known
    FROM accepted
    UNION ALL
    SELECT
        present.session_id,
        present.user_id,
        present.user_tier,
        present.session_start,
        present.session_end,
        present.session_duration_minutes,
        present.page_views,
        present.product_views,
        present.searches,
        present.add_to_cart_events,
        present.purchases,
        present.total_spent,
        present.items_purchased,
        present.avg_order_value,
        present.device_type,
        present.browser,
        present.converted_to_purchase,
        present.conversion_time_minutes,
        present.first_purchase_at,
        present.event_count,
        present.distinct_ip_count,
        present.batch_id,
        FALSE AS is_removed,
        COALESCE(present.is_recounted, FALSE) OR strays.session_id IS NOT NULL AS is_recounted,
        TRUE AS is_known
    FROM present
    INNER JOIN touched
        ON present.session_id = touched.session_id
    LEFT JOIN strays
        ON present.session_id = strays.session_id
    LEFT JOIN accepted
        ON present.session_id = accepted.session_id
    WHERE
        accepted.session_id IS NULL
        -- Not those that this batch is about to remove.
        AND (
            present.session_start::DATE NOT IN (SELECT own_dates.date FROM own_dates)
            OR present.batch_id IN (SELECT later.batch_id FROM later)
        )
),

-- The events of sessions that are told anew.
members AS (
    SELECT e.*
    FROM given
    INNER JOIN staging.events_cleaned AS e
        ON
            given.session_id = e.session_id
            AND e.timestamp >= given.session_start
            AND e.timestamp <= DATEADD('microsecond', 2 * &{session_microseconds}, given.session_start)
    WHERE given.is_recounted AND &{near_events}
    QUALIFY
        e.timestamp <= DATEADD(
            'microsecond', &{session_microseconds}, MIN(e.timestamp) OVER (PARTITION BY e.session_id)
        )
),

-- As the Spark job tells them: user and tier of the first event that has one, device and browser of the earliest.
attributed AS (
    SELECT
        members.*,
        FIRST_VALUE(user_id) IGNORE NULLS OVER (
            PARTITION BY session_id ORDER BY timestamp, event_id NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS first_user_id,
        FIRST_VALUE(user_tier) IGNORE NULLS OVER (
            PARTITION BY session_id ORDER BY timestamp, event_id NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS first_user_tier,
        FIRST_VALUE(device_type) OVER (
            PARTITION BY session_id ORDER BY timestamp, event_id NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS first_device_type,
        FIRST_VALUE(browser) OVER (
            PARTITION BY session_id ORDER BY timestamp, event_id NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS first_browser,
        IFF(
            event_type = 'purchase'
            AND REGEXP_LIKE(properties_parsed:amount::STRING, '-?[0-9]{1,60}([.][0-9]{1,60})?([eE][+-]?[0-9]{1,3})?'),
            TRY_TO_DECIMAL(properties_parsed:amount::STRING, 20, 2),
            NULL
        ) AS amount
    FROM members
),

recounted AS (
    SELECT
        session_id,
        first_user_id AS user_id,
        first_user_tier AS user_tier,
        MIN(timestamp) AS session_start,
        MAX(timestamp) AS session_end,
        COUNT_IF(event_type = 'page_view') AS page_views,
        COUNT_IF(event_type = 'product_view') AS product_views,
        COUNT_IF(event_type = 'search') AS searches,
        COUNT_IF(event_type = 'add_to_cart') AS add_to_cart_events,
        COUNT_IF(event_type = 'purchase') AS purchases,
        COALESCE(SUM(amount), 0) AS total_spent,
        first_device_type AS device_type,
        first_browser AS browser,
        MIN(IFF(event_type = 'purchase', timestamp, NULL)) AS first_purchase_at,
        COUNT(*) AS event_count,
        COUNT(DISTINCT ip_address) AS distinct_ip_count
    FROM attributed
    GROUP BY session_id, first_user_id, first_user_tier, first_device_type, first_browser
),

candidates AS (
    SELECT *
    FROM given
    WHERE NOT is_recounted
    UNION ALL
    SELECT
        given.session_id,
        recounted.user_id,
        recounted.user_tier,
        COALESCE(recounted.session_start, given.session_start) AS session_start,
        COALESCE(recounted.session_end, given.session_end) AS session_end,
        CAST(
            DATEDIFF('microsecond', recounted.session_start, recounted.session_end)::NUMBER(38, 12) / 60000000
            AS NUMBER(18, 4)
        ) AS session_duration_minutes,
        recounted.page_views,
        recounted.product_views,
        recounted.searches,
        recounted.add_to_cart_events,
        recounted.purchases,
        recounted.total_spent,
        recounted.purchases AS items_purchased,
        CAST(recounted.total_spent / NULLIF(recounted.purchases, 0) AS NUMBER(38, 2)) AS avg_order_value,
        recounted.device_type,
        recounted.browser,
        recounted.purchases > 0 AS converted_to_purchase,
        CAST(
            DATEDIFF('microsecond', recounted.session_start, recounted.first_purchase_at)::NUMBER(38, 12) / 60000000
            AS NUMBER(18, 4)
        ) AS conversion_time_minutes,
        recounted.first_purchase_at,
        recounted.event_count,
        recounted.distinct_ip_count,
        given.batch_id,
        given.is_removed OR recounted.session_id IS NULL AS is_removed,
        given.is_recounted,
        given.is_known
    FROM given
    LEFT JOIN recounted
        ON given.session_id = recounted.session_id
    WHERE given.is_recounted
),

addresses AS (
    SELECT
        e.ip_address,
        e.timestamp::DATE AS date,
        COUNT(DISTINCT e.session_id) AS sessions
    FROM staging.events_cleaned AS e
    WHERE e.is_valid AND e.ip_address IS NOT NULL AND &{near_events}
    GROUP BY 1, 2
),

repeated AS (
    SELECT
        candidates.session_id,
        e.event_type,
        NULLIF(
            CASE e.event_type
                WHEN 'page_view' THEN e.page_url
                WHEN 'product_view' THEN e.product_id
                WHEN 'search' THEN e.search_query
            END, ''
        ) AS request,
        COUNT(*) AS events,
        COUNT_IF(e.own_is_bot_traffic) AS bot_events,
        COUNT_IF(e.own_is_test_user) AS test_events,
        MAX(addresses.sessions) AS address_sessions
    FROM candidates
    INNER JOIN staging.events_cleaned AS e
        ON
            candidates.session_id = e.session_id
            AND e.timestamp >= candidates.session_start
            AND e.timestamp <= candidates.session_end
            AND e.timestamp <= DATEADD('microsecond', &{session_microseconds}, candidates.session_start)
    LEFT JOIN addresses
        ON e.ip_address = addresses.ip_address AND e.timestamp::DATE = addresses.date
    WHERE e.is_valid AND &{near_events}
    GROUP BY 1, 2, 3
),

behaviour AS (
    SELECT
        session_id,
        SUM(bot_events) > 0 AS has_bot_event,
        SUM(test_events) > 0 AS has_test_event,
        SUM(IFF(event_type IN ('page_view', 'product_view', 'search'), events, 0)) AS requests,
        MAX(IFF(request IS NULL, 0, events)) AS max_repeats,
        MAX(address_sessions) AS address_sessions
    FROM repeated
    GROUP BY session_id
),

observed AS (
    SELECT
        candidates.*,
        COALESCE(behaviour.has_bot_event, FALSE) AS has_bot_event,
        COALESCE(behaviour.has_test_event, FALSE) AS has_test_event,
        COALESCE(behaviour.requests, 0) AS requests,
        COALESCE(behaviour.max_repeats, 0) AS max_repeats,
        COALESCE(behaviour.address_sessions, 0) AS address_sessions,
        CAST(
            (COALESCE(behaviour.requests, 0) * 60000000)::NUMBER(38, 12)
            / GREATEST(DATEDIFF('microsecond', candidates.session_start, candidates.session_end), 1000000)
            AS NUMBER(38, 4)
        ) AS requests_per_minute
    FROM candidates
    LEFT JOIN behaviour
        ON candidates.session_id = behaviour.session_id
),

ruled AS (
    SELECT
        observed.*,
        &{errors} AS validation_errors,
        &{warnings} AS validation_warnings,
        &{is_bot_traffic} AS is_bot_traffic,
        &{is_test_user} AS is_test_user,
        &{is_high_value_session} AS is_high_value_session,
        &{is_bounce_session} AS is_bounce_session
    FROM observed
    CROSS JOIN constants
),

judged AS (
    SELECT
        ruled.*,
        ARRAY_SIZE(ruled.validation_errors) = 0 AS is_valid
    FROM ruled
)

SELECT
    judged.session_id,
    judged.user_id,
    judged.user_tier,
    judged.session_start,
    judged.session_end,
    judged.session_duration_minutes,
    judged.page_views,
    judged.product_views,
    judged.searches,
    judged.add_to_cart_events,
    judged.purchases,
    judged.total_spent,
    judged.items_purchased,
    judged.avg_order_value,
    judged.device_type,
    judged.browser,
    judged.converted_to_purchase,
    judged.conversion_time_minutes,
    judged.is_high_value_session,
    judged.is_bounce_session,
    judged.first_purchase_at,
    judged.event_count,
    judged.distinct_ip_count,
    judged.requests_per_minute,
    judged.max_repeats,
    judged.is_valid,
    judged.validation_errors,
    judged.validation_warnings,
    judged.is_bot_traffic,
    judged.is_test_user,
    judged.is_recounted,
    judged.batch_id,
    IFF(present.session_id IS NULL OR judged.is_removed, TRUE, &{differs}) AS is_changed,
    judged.is_removed,
    present.session_start::DATE AS previous_date
FROM judged
LEFT JOIN present
    ON judged.session_id = present.session_id
WHERE
    (NOT judged.is_known OR judged.is_removed OR &{differs})
    AND (present.session_id IS NOT NULL OR NOT judged.is_removed)
