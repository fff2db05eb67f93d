-- What a date has over all tiers is the sum over its tiers: users too, since a user has one tier on a date.
WITH built_dates AS (
    {{ built_dates('mart_daily_metrics', 'user_sessions') }}
    INTERSECT
    {{ built_dates('mart_daily_totals', 'user_sessions') }}
),

balance AS (
    SELECT
        date,
        unique_users,
        sessions,
        converting_sessions,
        purchases,
        revenue,
        orders,
        order_value,
        units,
        net_revenue,
        buyers
    FROM {{ ref('mart_daily_totals') }}

    UNION ALL

    SELECT
        date,
        -unique_users AS unique_users,
        -sessions AS sessions,
        -converting_sessions AS converting_sessions,
        -purchases AS purchases,
        -revenue AS revenue,
        -orders AS orders,
        -order_value AS order_value,
        -units AS units,
        -net_revenue AS net_revenue,
        -buyers AS buyers
    FROM {{ ref('mart_daily_metrics') }}
)

SELECT
    balance.date,
    SUM(balance.unique_users) AS missing_unique_users,
    SUM(balance.sessions) AS missing_sessions,
    SUM(balance.converting_sessions) AS missing_converting_sessions,
    SUM(balance.purchases) AS missing_purchases,
    SUM(balance.revenue) AS missing_revenue,
    SUM(balance.orders) AS missing_orders,
    SUM(balance.order_value) AS missing_order_value,
    SUM(balance.units) AS missing_units,
    SUM(balance.net_revenue) AS missing_net_revenue,
    SUM(balance.buyers) AS missing_buyers
FROM balance
INNER JOIN built_dates ON balance.date = built_dates.date
GROUP BY balance.date
HAVING
    SUM(balance.unique_users) != 0
    OR SUM(balance.sessions) != 0
    OR SUM(balance.converting_sessions) != 0
    OR SUM(balance.purchases) != 0
    OR SUM(balance.revenue) != 0
    OR SUM(balance.orders) != 0
    OR SUM(balance.order_value) != 0
    OR SUM(balance.units) != 0
    OR SUM(balance.net_revenue) != 0
    OR SUM(balance.buyers) != 0
