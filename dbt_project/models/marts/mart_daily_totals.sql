{{ config(alias='daily_totals', cluster_by=['date']) }}
{%- set plan = build([driver('user_sessions'), driver('orders', derived=true), driver('user_days', derived=true)]) %}
{{ build_note(plan) }}

WITH affected_dates AS (
    {{ affected_dates(plan) }}
),

newest_changes AS (
    {{ newest_changes(plan, 'user_sessions') }}
),

-- A user has one tier on a date, so users can be summed over tiers.
behavior AS (
    SELECT
        date,
        SUM(unique_users) AS unique_users,
        SUM(sessions) AS sessions,
        SUM(buyers) AS buyers,
        SUM(returning_buyers) AS returning_buyers
    FROM {{ ref('int_user_behavior_metrics') }}
    WHERE {{ on_dates(plan['dates'], 'date') }}
    GROUP BY date
),

funnels AS (
    SELECT
        date,
        SUM(converting_sessions) AS converting_sessions,
        SUM(purchases) AS purchases,
        SUM(revenue) AS revenue,
        SUM(orders) AS orders,
        SUM(order_value) AS order_value,
        SUM(units) AS units,
        SUM(net_revenue) AS net_revenue,
        SUM(cancelled_orders) AS cancelled_orders,
        SUM(guest_orders) AS guest_orders,
        SUM(returned_units) AS returned_units
    FROM {{ ref('int_conversion_funnels') }}
    WHERE {{ on_dates(plan['dates'], 'date') }}
    GROUP BY date
),

-- The lines of one return may name users of several tiers: it is one return all the same.
returned AS (
    SELECT
        date,
        COUNT(DISTINCT order_id) AS returns
    FROM {{ ref('int_order_lines') }}
    WHERE
        line_kind = 'return'
        AND {{ on_dates(plan['dates'], 'date') }}
    GROUP BY date
),

-- Whatever has users has a session, an order or a return, so that funnels has every date that behavior has.
daily AS (
    SELECT
        affected_dates.date,
        COALESCE(newest_changes.change_id, 0) AS change_id,
        COALESCE(behavior.unique_users, 0) AS unique_users,
        COALESCE(behavior.sessions, 0) AS sessions,
        COALESCE(behavior.buyers, 0) AS buyers,
        COALESCE(behavior.returning_buyers, 0) AS returning_buyers,
        funnels.converting_sessions,
        funnels.purchases,
        funnels.revenue,
        funnels.orders,
        funnels.order_value,
        funnels.units,
        funnels.net_revenue,
        funnels.cancelled_orders,
        funnels.guest_orders,
        funnels.returned_units,
        COALESCE(returned.returns, 0) AS returns
    FROM affected_dates
    LEFT JOIN newest_changes
        ON affected_dates.date = newest_changes.date
    INNER JOIN funnels
        ON affected_dates.date = funnels.date
    LEFT JOIN behavior
        ON affected_dates.date = behavior.date
    LEFT JOIN returned
        ON affected_dates.date = returned.date
)

SELECT
    date::DATE AS date,
    unique_users::NUMBER(38, 0) AS unique_users,
    sessions::NUMBER(38, 0) AS sessions,
    converting_sessions::NUMBER(38, 0) AS converting_sessions,
    purchases::NUMBER(38, 0) AS purchases,
    revenue::NUMBER(38, 2) AS revenue,
    orders::NUMBER(38, 0) AS orders,
    order_value::NUMBER(38, 2) AS order_value,
    units::NUMBER(38, 0) AS units,
    net_revenue::NUMBER(38, 2) AS net_revenue,
    buyers::NUMBER(38, 0) AS buyers,
    cancelled_orders::NUMBER(38, 0) AS cancelled_orders,
    guest_orders::NUMBER(38, 0) AS guest_orders,
    returns::NUMBER(38, 0) AS returns,
    returned_units::NUMBER(38, 0) AS returned_units,
    returning_buyers::NUMBER(38, 0) AS returning_buyers,
    {{ ratio('order_value', 'orders', 2) }}::NUMBER(38, 2) AS avg_order_value,
    {{ ratio('returning_buyers', 'buyers', 6) }}::NUMBER(18, 6) AS returning_buyer_rate,
    change_id::NUMBER(38, 0) AS change_id,
    {{ built_at() }} AS created_at
FROM daily
