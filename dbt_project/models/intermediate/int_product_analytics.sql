WITH events AS (
    SELECT *
    FROM {{ ref('stg_events_cleaned') }}
    WHERE is_valid
),

-- A view lasts until the next event of its session, whatever that is and on whichever side of midnight.
followed AS (
    SELECT
        date,
        product_id,
        user_id,
        event_type,
        properties_parsed,
        timestamp,
        IFF(
            session_id IS NULL,
            NULL,
            LEAD(timestamp) OVER (PARTITION BY session_id ORDER BY timestamp, event_id)
        ) AS next_timestamp
    FROM events
),

product_events AS (
    SELECT
        date,
        product_id,
        user_id,
        event_type = 'product_view' AS is_view,
        event_type = 'add_to_cart' AS is_cart,
        event_type = 'purchase' AS is_purchase,
        {{ purchase_amount('properties_parsed') }} AS amount,
        DATEDIFF('microsecond', timestamp, next_timestamp) AS view_microseconds
    FROM followed
    WHERE
        product_id IS NOT NULL
        AND event_type IN ('product_view', 'add_to_cart', 'purchase')
),

-- A gap longer than a session may last is no view.
timed AS (
    SELECT
        date,
        product_id,
        user_id,
        is_view,
        is_cart,
        is_purchase,
        amount,
        IFF(
            is_view AND view_microseconds <= {{ var('max_session_hours') }} * 3600000000,
            view_microseconds,
            NULL
        ) AS view_microseconds
    FROM product_events
)

SELECT
    date,
    product_id,
    COUNT_IF(is_view) AS views,
    COUNT(DISTINCT IFF(is_view, user_id, NULL)) AS unique_viewers,
    COUNT_IF(is_cart) AS add_to_carts,
    COUNT_IF(is_purchase) AS purchases,
    SUM(IFF(is_purchase, amount, 0)) AS revenue,
    SUM(view_microseconds) AS view_microseconds,
    COUNT(view_microseconds) AS timed_views
FROM timed
GROUP BY date, product_id
