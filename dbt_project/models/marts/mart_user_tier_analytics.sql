{{ config(alias='user_tier_analytics', cluster_by=['date', 'user_tier']) }}
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
        COALESCE(behavior.sessions, 0) AS sessions,
        COALESCE(behavior.events, 0) AS events,
        COALESCE(behavior.product_views, 0) AS product_views,
        COALESCE(behavior.searches, 0) AS searches,
        COALESCE(behavior.bounce_sessions, 0) AS bounce_sessions,
        COALESCE(behavior.purchase_microseconds, 0) AS purchase_microseconds,
        COALESCE(behavior.timed_purchases, 0) AS timed_purchases,
        COALESCE(behavior.buyers, 0) AS buyers,
        COALESCE(behavior.repeat_buyers, 0) AS repeat_buyers,
        COALESCE(behavior.orders_of_users, 0) AS orders_of_users,
        COALESCE(funnels.orders, 0) AS orders,
        COALESCE(funnels.order_value, 0) AS order_value
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
    {{ average('events', 'sessions', 4) }}::NUMBER(18, 4) AS avg_events_per_session,
    {{ average('product_views', 'sessions', 4) }}::NUMBER(18, 4) AS avg_products_viewed_per_session,
    {{ average('searches', 'sessions', 4) }}::NUMBER(18, 4) AS avg_searches_per_session,
    {{ ratio('orders_of_users', 'buyers', 6) }}::NUMBER(18, 6) AS purchase_frequency,
    {{ ratio('order_value', 'orders', 2) }}::NUMBER(38, 2) AS avg_purchase_amount,
    {{ ratio('repeat_buyers', 'buyers', 6) }}::NUMBER(18, 6) AS repeat_purchase_rate,
    {{ ratio('bounce_sessions', 'sessions', 6) }}::NUMBER(18, 6) AS bounce_rate,
    {{ average('purchase_microseconds', 'timed_purchases * 60000000', 4) }}::NUMBER(18, 4) AS time_to_purchase_minutes,
    change_id::NUMBER(38, 0) AS change_id,
    {{ built_at() }} AS created_at
FROM daily
