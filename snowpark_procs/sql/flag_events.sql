-- Binds: batch id; JSON array of batches that come after it; JSON array of dates that those have replaced as a whole; JSON array of
-- dates that this batch replaces as a whole.
-- Of several copies of an event one counts, the same as in its session (`ranked_copies` in spark_ingest): the earliest
-- that names a session. So a row takes the place of the current one only where it comes before it, or where the current one lies
-- on a date that the batch replaces. A row that stands on a date that later batches have replaced is gone, and so is the current
-- row whose place it would have taken; so is one of an event that later batches had too and that is no more.
-- Of several members of one name in an event's properties the last one counts ('d'), as for the Spark job.
-- A new or changed event gets its own flags here; event_verdicts.sql gives it those of its session.
INSERT INTO staging.events_cleaned_delta (
    event_id, user_id, session_id, event_type, timestamp, device_type, browser, ip_address, page_url, product_id,
    search_query, transaction_id, user_tier, properties_parsed, properties_text, is_valid, validation_errors,
    validation_warnings, is_bot_traffic, is_test_user, own_is_bot_traffic, own_is_test_user, loaded_at, copies, batch_id,
    is_changed, is_removed, previous_date, previous_session_id, previous_transaction_id, previous_ip_address
)
WITH constants AS (
    SELECT &{constants}
),

brought AS (
    SELECT
        &{event_id} AS event_id,
        &{user_id} AS user_id,
        &{session_id} AS session_id,
        &{transaction_id} AS transaction_id,
        NULLIF(r.event_type, '') AS event_type,
        r.timestamp,
        r.device_type,
        r.browser,
        r.ip_address,
        r.page_url,
        NULLIF(r.product_id, '') AS product_id,
        r.search_query,
        NULLIF(r.user_tier, '') AS user_tier,
        r.loaded_at,
        r.batch_id,
        r.properties::STRING AS properties
    FROM raw.user_events AS r
    WHERE r.batch_id = ? AND &{delivered}
),

parsed AS (
    SELECT
        brought.*,
        &{properties_parsed} AS properties_parsed
    FROM brought
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

present AS (
    SELECT known.*
    FROM staging.events_cleaned AS known
    WHERE &{known} AND known.event_id IN (SELECT brought.event_id FROM brought)
),

-- Events of which there is something to choose.
repeated AS (
    SELECT
        event_id,
        COUNT_IF(is_brought) AS copies
    FROM (
        SELECT
            brought.event_id,
            TRUE AS is_brought
        FROM brought
        UNION ALL
        SELECT
            present.event_id,
            FALSE AS is_brought
        FROM present
    ) AS every_copy
    WHERE event_id IS NOT NULL
    GROUP BY event_id
    HAVING COUNT(*) > 1
),

source AS (
    SELECT
        parsed.* EXCLUDE (properties),
        IFF(parsed.properties_parsed IS NULL, parsed.properties, NULL) AS properties_text,
        COALESCE(repeated.copies, 1) AS copies,
        TRUE AS is_brought,
        1 AS precedence,
        repeated.event_id IS NOT NULL AS is_repeated
    FROM parsed
    LEFT JOIN repeated
        ON parsed.event_id = repeated.event_id
),

copies AS (
    SELECT *
    FROM source
    WHERE is_repeated
    UNION ALL
    SELECT
        present.event_id,
        present.user_id,
        present.session_id,
        present.transaction_id,
        present.event_type,
        present.timestamp,
        present.device_type,
        present.browser,
        present.ip_address,
        present.page_url,
        present.product_id,
        present.search_query,
        present.user_tier,
        present.loaded_at,
        present.batch_id,
        present.properties_parsed,
        present.properties_text,
        present.copies,
        FALSE AS is_brought,
        IFF(later.batch_id IS NULL, 2, 0) AS precedence,
        TRUE AS is_repeated
    FROM present
    LEFT JOIN later
        ON present.batch_id = later.batch_id
    LEFT JOIN own_dates
        ON present.timestamp::DATE = own_dates.date
    WHERE own_dates.date IS NULL OR later.batch_id IS NOT NULL
),

-- What sessions are made of goes first, as in the Spark job; an amount is what the quality rules take for one.
single AS (
    SELECT *
    FROM source
    WHERE NOT is_repeated
    UNION ALL
    SELECT *
    FROM copies
    QUALIFY
        ROW_NUMBER() OVER (
            PARTITION BY event_id
            ORDER BY
                (session_id IS NULL OR timestamp IS NULL),
                timestamp,
                user_id NULLS FIRST,
                session_id NULLS FIRST,
                event_type NULLS FIRST,
                device_type NULLS FIRST,
                browser NULLS FIRST,
                ip_address NULLS FIRST,
                user_tier NULLS FIRST,
                IFF(
                    event_type = 'purchase'
                    AND REGEXP_LIKE(properties_parsed:amount::STRING, '-?[0-9]{1,60}([.][0-9]{1,60})?([eE][+-]?[0-9]{1,3})?'),
                    TRY_TO_DECIMAL(properties_parsed:amount::STRING, 20, 2),
                    NULL
                ) NULLS FIRST,
                page_url NULLS FIRST,
                product_id NULLS FIRST,
                search_query NULLS FIRST,
                transaction_id NULLS FIRST,
                TO_JSON(properties_parsed) NULLS FIRST,
                properties_text NULLS FIRST,
                precedence
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
    WHERE single.is_brought
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
        AND r.batch_id IN (SELECT later.batch_id FROM later)
),

compared AS (
    SELECT
        judged.*,
        IFF(present.event_id IS NULL OR replaced.date IS NOT NULL, TRUE, &{differs}) AS is_changed,
        replaced.date IS NOT NULL AS is_removed,
        present.is_bot_traffic AS known_is_bot_traffic,
        present.is_test_user AS known_is_test_user,
        present.timestamp::DATE AS previous_date,
        present.session_id AS previous_session_id,
        present.transaction_id AS previous_transaction_id,
        present.ip_address AS previous_ip_address
    FROM judged
    LEFT JOIN present
        ON judged.event_id = present.event_id
    LEFT JOIN superseded
        ON judged.event_id = superseded.event_id
    LEFT JOIN replaced
        ON judged.timestamp::DATE = replaced.date
    WHERE
        (superseded.event_id IS NULL AND replaced.date IS NULL)
        OR (present.event_id IS NOT NULL AND (superseded.event_id IS NULL OR replaced.date IS NULL))
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
    copies,
    batch_id,
    is_changed,
    is_removed,
    previous_date,
    previous_session_id,
    previous_transaction_id,
    previous_ip_address
FROM compared
