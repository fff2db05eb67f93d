{{ config(alias='daily_metrics', cluster_by=['date', 'user_tier']) }}
{%- set plan = build([driver('user_sessions'), driver('orders', derived=true), driver('user_days', derived=true)]) %}
{{ build_note(plan) }}

WITH affected_dates AS (
    {{ affected_dates(plan) }}
),

newest_changes AS (
    {{ newest_changes(plan, 'user_sessions') }}
),

behavior AS (
    SELECT *
    FROM {{ ref('int_user_behavior_metrics') }}
    WHERE {{ on_dates(plan['dates'], 'date') }}
),

funnels AS (
    SELECT *
    FROM {{ ref('int_conversion_funnels') }}
    WHERE {{ on_dates(plan['dates'], 'date') }}
),

metrics AS (
    SELECT
        COALESCE(behavior.date, funnels.date) AS date,
        COALESCE(behavior.user_tier, funnels.user_tier) AS user_tier,
        COALESCE(behavior.unique_users, 0) AS unique_users,
        COALESCE(behavior.sessions, 0) AS sessions,
        COALESCE(behavior.page_views, 0) AS page_views,
        COALESCE(behavior.session_microseconds, 0) AS session_microseconds,
        COALESCE(behavior.product_views, 0) AS product_views,
        COALESCE(behavior.searches, 0) AS searches,
        COALESCE(behavior.buyers, 0) AS buyers,
        COALESCE(behavior.net_revenue_to_date, 0) AS net_revenue_to_date,
        COALESCE(behavior.active_dates_to_date, 0) AS active_dates_to_date,
        COALESCE(funnels.add_to_cart_events, 0) AS add_to_cart_events,
        COALESCE(funnels.purchases, 0) AS purchases,
        COALESCE(funnels.converting_sessions, 0) AS converting_sessions,
        COALESCE(funnels.revenue, 0) AS revenue,
        COALESCE(funnels.revenue_of_users, 0) AS revenue_of_users,
        COALESCE(funnels.orders, 0) AS orders,
        COALESCE(funnels.order_value, 0) AS order_value,
        COALESCE(funnels.units, 0) AS units,
        COALESCE(funnels.net_revenue, 0) AS net_revenue
    FROM behavior
    FULL OUTER JOIN funnels
        ON
            behavior.date = funnels.date
            AND EQUAL_NULL(behavior.user_tier, funnels.user_tier)
),

daily AS (
    SELECT
        affected_dates.date AS affected_date,
        COALESCE(newest_changes.change_id, 0) AS change_id,
        metrics.*
    FROM affected_dates
    LEFT JOIN newest_changes
        ON affected_dates.date = newest_changes.date
    INNER JOIN metrics
        ON affected_dates.date = metrics.date
)

SELECT
    affected_date::DATE AS date,
    user_tier::VARCHAR AS user_tier,
    unique_users::NUMBER(38, 0) AS unique_users,
    sessions::NUMBER(38, 0) AS sessions,
    page_views::NUMBER(38, 0) AS page_views,
    {{ average('session_microseconds', 'sessions * 60000000', 4) }}::NUMBER(18, 4) AS avg_session_duration_minutes,
    product_views::NUMBER(38, 0) AS product_views,
    searches::NUMBER(38, 0) AS searches,
    add_to_cart_events::NUMBER(38, 0) AS add_to_cart_events,
    purchases::NUMBER(38, 0) AS purchases,
    revenue::NUMBER(38, 2) AS revenue,
    {{ ratio('converting_sessions', 'sessions', 6) }}::NUMBER(18, 6) AS session_to_purchase_rate,
    {{ ratio('add_to_cart_events', 'product_views', 6) }}::NUMBER(18, 6) AS view_to_cart_rate,
    {{ ratio('purchases', 'add_to_cart_events', 6) }}::NUMBER(18, 6) AS cart_to_purchase_rate,
    {{ ratio('order_value', 'orders', 2) }}::NUMBER(38, 2) AS avg_order_value,
    {{ ratio('revenue_of_users', 'unique_users', 2) }}::NUMBER(38, 2) AS revenue_per_user,
    {{ calculate_customer_lifetime_value('user_tier', 'net_revenue_to_date', 'active_dates_to_date') }}::NUMBER(38, 2)
        AS customer_lifetime_value,
    change_id::NUMBER(38, 0) AS change_id,
    {{ built_at() }} AS created_at,
    converting_sessions::NUMBER(38, 0) AS converting_sessions,
    orders::NUMBER(38, 0) AS orders,
    order_value::NUMBER(38, 2) AS order_value,
    units::NUMBER(38, 0) AS units,
    net_revenue::NUMBER(38, 2) AS net_revenue,
    buyers::NUMBER(38, 0) AS buyers
FROM daily
