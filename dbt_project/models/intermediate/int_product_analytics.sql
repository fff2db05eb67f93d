-- What happened to a product on a date: events on their own date, order and return lines on the date of the order or return.
-- One query without named parts, so that a condition on the date reaches the tables below.
SELECT
    date,
    product_id,
    SUM(views) AS views,
    SUM(unique_viewers) AS unique_viewers,
    SUM(add_to_carts) AS add_to_carts,
    SUM(purchases) AS purchases,
    SUM(revenue) AS revenue,
    SUM(units) AS units,
    SUM(order_value) AS order_value,
    SUM(net_revenue) AS net_revenue
FROM (
    SELECT
        date,
        product_id,
        COUNT_IF(event_type = 'product_view') AS views,
        COUNT(DISTINCT IFF(event_type = 'product_view', user_id, NULL)) AS unique_viewers,
        COUNT_IF(event_type = 'add_to_cart') AS add_to_carts,
        COUNT_IF(event_type = 'purchase') AS purchases,
        SUM(IFF(event_type = 'purchase', amount, 0)) AS revenue,
        0 AS units,
        0 AS order_value,
        0 AS net_revenue
    FROM (
        SELECT
            date,
            product_id,
            user_id,
            event_type,
            {{ purchase_amount('properties_parsed') }} AS amount
        FROM {{ ref('stg_events_cleaned') }} AS events
        WHERE
            {{ is_counted('events') }}
            AND product_id IS NOT NULL
            AND event_type IN ('product_view', 'add_to_cart', 'purchase')
    ) AS events
    GROUP BY date, product_id

    UNION ALL

    SELECT
        date,
        product_id,
        0 AS views,
        0 AS unique_viewers,
        0 AS add_to_carts,
        0 AS purchases,
        0 AS revenue,
        SUM(units) AS units,
        SUM(gross_amount) AS order_value,
        SUM(net_amount) AS net_revenue
    FROM {{ ref('int_order_lines') }}
    WHERE
        product_id IS NOT NULL
        AND line_kind IN ('sale', 'return')
    GROUP BY date, product_id
) AS metrics
GROUP BY date, product_id
