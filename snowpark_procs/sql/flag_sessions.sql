-- Binds: batch id; JSON array of batches that come after it; JSON array of dates that those have replaced as a whole;
-- JSON array of dates that this batch replaces as a whole. (The batch id and the later batches twice.)
-- A session is its events from the first one on, up to the maximum session length. The Spark job reads no further back than
-- that, so an identifier that comes back later arrives as a session of its own: the earlier one stays.
-- A row of no event says that a session is no more: all its events are copies of such that count in other sessions.
-- The batch's events must be in STAGING already: a session is a test user's when one of its events is.
INSERT INTO staging.user_sessions_enhanced_delta (
    session_id, user_id, user_tier, session_start, session_end, session_duration_minutes, page_views, product_views,
    searches, add_to_cart_events, purchases, total_spent, items_purchased, avg_order_value, device_type, browser,
    converted_to_purchase, conversion_time_minutes, is_high_value_session, is_bounce_session, first_purchase_at,
    event_count, distinct_ip_count, is_valid, validation_errors, validation_warnings, is_bot_traffic, is_test_user,
    batch_id, is_changed, is_removed, previous_date
)
WITH source AS (
    SELECT
        &{session_id} AS session_id,
        &{user_id} AS user_id,
        r.user_tier,
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
            DATEDIFF('microsecond', r.session_start, r.first_purchase_at) / 60000000 AS NUMBER(18, 4)
        ) AS conversion_time_minutes,
        r.first_purchase_at,
        r.event_count,
        r.distinct_ip_count,
        r.batch_id
    FROM raw.user_sessions AS r
    WHERE r.batch_id = ?
),

test_sessions AS (
    SELECT DISTINCT session_id
    FROM staging.events_cleaned
    WHERE is_test_user
),

single AS (
    SELECT
        source.*,
        (test_sessions.session_id IS NOT NULL) AS has_test_event
    FROM source
    LEFT JOIN test_sessions
        ON source.session_id = test_sessions.session_id
    QUALIFY
        source.session_id IS NULL
        OR ROW_NUMBER() OVER (
            PARTITION BY source.session_id
            ORDER BY source.event_count DESC, source.session_start, source.session_end, source.user_id
        ) = 1
),

ruled AS (
    SELECT
        single.*,
        &{errors} AS validation_errors,
        &{warnings} AS validation_warnings,
        &{is_bot_traffic} AS is_bot_traffic,
        &{is_test_user} AS is_test_user,
        &{is_high_value_session} AS is_high_value_session,
        &{is_bounce_session} AS is_bounce_session
    FROM single
),

judged AS (
    SELECT
        ruled.*,
        ARRAY_SIZE(ruled.validation_errors) = 0 AS is_valid
    FROM ruled
),

session_limit AS (
    SELECT batches.manifest:max_session_hours::NUMBER(18, 6) * 3600 AS seconds
    FROM ops.batches AS batches
    WHERE batches.batch_id = ?
),

emptied_later AS (
    SELECT
        &{session_id} AS session_id,
        MIN(r.session_start) AS session_start,
        MAX(r.session_end) AS session_end
    FROM raw.user_sessions AS r
    WHERE
        r.event_count = 0
        AND r.batch_id IN (SELECT f.value::STRING FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f)
    GROUP BY 1
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
    judged.is_valid,
    judged.validation_errors,
    judged.validation_warnings,
    judged.is_bot_traffic,
    judged.is_test_user,
    judged.batch_id,
    (present.session_id IS NULL OR &{differs}) AS is_changed,
    COALESCE(judged.event_count = 0, FALSE) AS is_removed,
    present.session_start::DATE AS previous_date
FROM judged
LEFT JOIN staging.user_sessions_enhanced AS present
    ON judged.session_id = present.session_id
LEFT JOIN emptied_later
    ON judged.session_id = emptied_later.session_id
CROSS JOIN session_limit
WHERE
    (
        present.batch_id IS NULL
        OR present.batch_id NOT IN (SELECT f.value::STRING FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f)
        OR DATEDIFF('second', judged.session_end, present.session_start) > session_limit.seconds
    )
    AND (
        judged.session_start IS NULL
        OR judged.session_start::DATE NOT IN (SELECT f.value::DATE FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f)
    )
    AND (
        present.session_id IS NULL
        OR COALESCE(DATEDIFF('second', present.session_end, judged.session_start), 0) <= session_limit.seconds
        OR present.session_start::DATE IN (SELECT f.value::DATE FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f)
    )
    AND (
        COALESCE(judged.event_count, 1) > 0
        OR DATEDIFF('second', judged.session_end, present.session_start) <= session_limit.seconds
    )
    AND (
        emptied_later.session_id IS NULL
        OR DATEDIFF('second', judged.session_end, emptied_later.session_start) > session_limit.seconds
        OR DATEDIFF('second', emptied_later.session_end, judged.session_start) > session_limit.seconds
    )
