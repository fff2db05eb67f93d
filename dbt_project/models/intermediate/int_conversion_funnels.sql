-- From view to order: sessions, orders and returns of a date, under the users' tier of that date.
-- One query without named parts, so that a condition on the date reaches the tables below.
SELECT
    date,
    user_tier,
    SUM(sessions) AS sessions,
    SUM(view_sessions) AS view_sessions,
    SUM(cart_sessions) AS cart_sessions,
    SUM(converting_sessions) AS converting_sessions,
    SUM(add_to_cart_events) AS add_to_cart_events,
    SUM(purchases) AS purchases,
    SUM(revenue) AS revenue,
    SUM(revenue_of_users) AS revenue_of_users,
    SUM(orders) AS orders,
    SUM(guest_orders) AS guest_orders,
    SUM(cancelled_orders) AS cancelled_orders,
    SUM(order_value) AS order_value,
    SUM(units) AS units,
    SUM(net_revenue) AS net_revenue,
    SUM(returns) AS returns,
    SUM(returned_units) AS returned_units
FROM (
    SELECT
        date,
        user_tier,
        COUNT(*) AS sessions,
        COUNT_IF(product_views > 0) AS view_sessions,
        COUNT_IF(add_to_cart_events > 0) AS cart_sessions,
        COUNT_IF(purchases > 0) AS converting_sessions,
        SUM(add_to_cart_events) AS add_to_cart_events,
        SUM(purchases) AS purchases,
        SUM(total_spent) AS revenue,
        SUM(IFF(user_id IS NULL, 0, total_spent)) AS revenue_of_users,
        0 AS orders,
        0 AS guest_orders,
        0 AS cancelled_orders,
        0 AS order_value,
        0 AS units,
        0 AS net_revenue,
        0 AS returns,
        0 AS returned_units
    FROM (
        SELECT
            sessions.date,
            sessions.user_id,
            IFF(sessions.user_id IS NULL, sessions.user_tier, user_days.user_tier) AS user_tier,
            sessions.product_views,
            sessions.add_to_cart_events,
            sessions.purchases,
            sessions.total_spent
        FROM {{ ref('stg_user_sessions_enhanced') }} AS sessions
        LEFT JOIN {{ ref('int_user_days') }} AS user_days
            ON
                sessions.date = user_days.date
                AND sessions.user_id = user_days.user_id
        WHERE {{ is_counted('sessions') }}
    ) AS sessions
    GROUP BY date, user_tier

    UNION ALL

    SELECT
        date,
        user_tier,
        0 AS sessions,
        0 AS view_sessions,
        0 AS cart_sessions,
        0 AS converting_sessions,
        0 AS add_to_cart_events,
        0 AS purchases,
        0 AS revenue,
        0 AS revenue_of_users,
        COUNT(DISTINCT IFF(line_kind = 'sale', order_id, NULL)) AS orders,
        COUNT(DISTINCT IFF(line_kind = 'sale' AND user_id IS NULL, order_id, NULL)) AS guest_orders,
        COUNT(DISTINCT IFF(line_kind = 'sale', order_id, NULL))
        - COUNT(DISTINCT IFF(line_kind = 'sale' AND NOT is_cancelled, order_id, NULL)) AS cancelled_orders,
        SUM(gross_amount) AS order_value,
        SUM(units) AS units,
        SUM(net_amount) AS net_revenue,
        COUNT(DISTINCT IFF(line_kind = 'return', order_id, NULL)) AS returns,
        SUM(returned_units) AS returned_units
    FROM (
        SELECT
            lines.date,
            lines.user_id,
            IFF(lines.user_id IS NULL, lines.user_tier, user_days.user_tier) AS user_tier,
            lines.order_id,
            lines.line_kind,
            lines.gross_amount,
            lines.units,
            lines.net_amount,
            lines.returned_units,
            lines.is_cancelled
        FROM {{ ref('int_order_lines') }} AS lines
        LEFT JOIN {{ ref('int_user_days') }} AS user_days
            ON
                lines.date = user_days.date
                AND lines.user_id = user_days.user_id
        WHERE lines.line_kind IN ('sale', 'return')
    ) AS lines
    GROUP BY date, user_tier
) AS metrics
GROUP BY date, user_tier
