-- Each date's product views, cart additions, purchases and revenue equal those of the events themselves.
WITH built_dates AS (
    {{ built_dates('mart_product_performance', 'user_events') }}
),

balance AS (
    SELECT
        events.date,
        IFF(events.event_type = 'product_view', 1, 0) AS views,
        IFF(events.event_type = 'add_to_cart', 1, 0) AS add_to_carts,
        IFF(events.event_type = 'purchase', 1, 0) AS purchases,
        IFF(events.event_type = 'purchase', {{ purchase_amount('events.properties_parsed') }}, 0) AS revenue
    FROM {{ ref('stg_events_cleaned') }} AS events
    INNER JOIN built_dates ON events.date = built_dates.date
    WHERE
        {{ is_counted('events') }}
        AND events.product_id IS NOT NULL

    UNION ALL

    SELECT
        products.date,
        -products.views AS views,
        -products.add_to_carts AS add_to_carts,
        -products.purchases AS purchases,
        -products.revenue AS revenue
    FROM {{ ref('mart_product_performance') }} AS products
    INNER JOIN built_dates ON products.date = built_dates.date
)

SELECT
    date,
    SUM(views) AS missing_views,
    SUM(add_to_carts) AS missing_add_to_carts,
    SUM(purchases) AS missing_purchases,
    SUM(revenue) AS missing_revenue
FROM balance
GROUP BY date
HAVING
    SUM(views) != 0
    OR SUM(add_to_carts) != 0
    OR SUM(purchases) != 0
    OR SUM(revenue) != 0
