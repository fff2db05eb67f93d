-- Binds: batch id; JSON array of batches that come after it; JSON array of dates that those have replaced as a whole.
-- A row is superseded when one of those batches has the same key, wherever that row went since. A row that stands on one of those
-- dates is gone, and so is the current row, which in the order of publication it would have replaced.
-- Of several members of one name in an event's properties the last one counts ('d'), as for the Spark job.
-- A new or changed event gets its own flags here; event_verdicts.sql gives it those of its session.
INSERT INTO staging.events_cleaned_delta (
    event_id, user_id, session_id, event_type, timestamp, device_type, browser, ip_address, page_url, product_id,
    search_query, transaction_id, user_tier, properties_parsed, properties_text, is_valid, validation_errors,
    validation_warnings, is_bot_traffic, is_test_user, own_is_bot_traffic, own_is_test_user, loaded_at, batch_id, is_changed,
    is_removed, previous_date, previous_session_id
)
WITH constants AS (
    SELECT &{constants}
),

source AS (
    SELECT
        &{event_id} AS event_id,
        &{user_id} AS user_id,
        &{session_id} AS session_id,
        &{transaction_id} AS transaction_id,
        r.event_type,
        r.timestamp,
        r.device_type,
        r.browser,
        r.ip_address,
        r.page_url,
        NULLIF(r.product_id, '') AS product_id,
        r.search_query,
        NULLIF(r.user_tier, '') AS user_tier,
        r.processing_time,
        r.loaded_at,
        r.batch_id,
        r.properties::STRING AS properties_sent,
        TRY_PARSE_JSON(r.properties::STRING, 'd') AS properties_parsed,
        IFF(TRY_PARSE_JSON(r.properties::STRING, 'd') IS NULL, r.properties::STRING, NULL) AS properties_text
    FROM raw.user_events AS r
    WHERE r.batch_id = ? AND &{delivered}
),

single AS (
    SELECT *
    FROM source
    QUALIFY
        event_id IS NULL
        OR ROW_NUMBER() OVER (
            PARTITION BY event_id
            ORDER BY
                processing_time, timestamp, session_id, user_id, event_type, product_id, page_url, search_query,
                transaction_id, user_tier, device_type, browser, ip_address, properties_sent
        ) = 1
),

ruled AS (
    SELECT
        single.*,
        &{errors} AS validation_errors,
        &{warnings} AS validation_warnings,
        &{is_bot_traffic} AS own_is_bot_traffic,
        &{is_test_user} AS own_is_test_user
    FROM single
    CROSS JOIN constants
),

judged AS (
    SELECT
        ruled.*,
        ARRAY_SIZE(ruled.validation_errors) = 0 AS is_valid
    FROM ruled
),

superseded AS (
    SELECT DISTINCT &{event_id} AS event_id
    FROM raw.user_events AS r
    WHERE
        &{delivered_later}
        AND r.batch_id IN (SELECT f.value::STRING FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f)
),

replaced AS (
    SELECT TO_DATE(f.value::STRING, 'YYYY-MM-DD') AS date
    FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
),

present AS (
    SELECT *
    FROM staging.events_cleaned AS known
    WHERE &{known}
),

compared AS (
    SELECT
        judged.*,
        (present.event_id IS NULL OR replaced.date IS NOT NULL OR &{differs}) AS is_changed,
        replaced.date IS NOT NULL AS is_removed,
        present.is_bot_traffic AS known_is_bot_traffic,
        present.is_test_user AS known_is_test_user,
        present.timestamp::DATE AS previous_date,
        present.session_id AS previous_session_id
    FROM judged
    LEFT JOIN present
        ON judged.event_id = present.event_id
    LEFT JOIN superseded
        ON judged.event_id = superseded.event_id
    LEFT JOIN replaced
        ON judged.timestamp::DATE = replaced.date
    WHERE superseded.event_id IS NULL AND (replaced.date IS NULL OR present.event_id IS NOT NULL)
)

SELECT
    event_id,
    user_id,
    session_id,
    event_type,
    timestamp,
    device_type,
    browser,
    ip_address,
    page_url,
    product_id,
    search_query,
    transaction_id,
    user_tier,
    properties_parsed,
    properties_text,
    is_valid,
    validation_errors,
    validation_warnings,
    IFF(is_changed, own_is_bot_traffic, known_is_bot_traffic) AS is_bot_traffic,
    IFF(is_changed, own_is_test_user, known_is_test_user) AS is_test_user,
    own_is_bot_traffic,
    own_is_test_user,
    loaded_at,
    batch_id,
    is_changed,
    is_removed,
    previous_date,
    previous_session_id
FROM compared
