-- A user's totals, from which his history is continued, are the sums of his dates.
WITH balance AS (
    SELECT
        user_id,
        orders,
        net_revenue,
        1 AS active_dates
    FROM {{ ref('int_user_days') }}

    UNION ALL

    SELECT
        user_id,
        -orders AS orders,
        -net_revenue AS net_revenue,
        -active_dates AS active_dates
    FROM {{ source('ops', 'user_totals') }}
)

SELECT
    user_id,
    SUM(orders) AS missing_orders,
    SUM(net_revenue) AS missing_net_revenue,
    SUM(active_dates) AS missing_active_dates
FROM balance
GROUP BY user_id
HAVING
    SUM(orders) != 0
    OR SUM(net_revenue) != 0
    OR SUM(active_dates) != 0
