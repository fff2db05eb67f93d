{{ config(alias='daily_metrics', cluster_by=['date', 'user_tier']) }}

WITH affected_dates AS (
    {{ affected_dates('user_sessions', is_incremental()) }}
),

behavior AS (
    SELECT * FROM {{ ref('int_user_behavior_metrics') }}
),

funnels AS (
    SELECT * FROM {{ ref('int_conversion_funnels') }}
),

-- An affected date without sessions keeps one row of NULLs: the tombstone that the replace_dates strategy expects.
daily AS (
    SELECT
        affected_dates.date,
        affected_dates.change_id,
        behavior.user_tier,
        behavior.unique_users,
        behavior.sessions,
        behavior.page_views,
        behavior.session_minutes,
        behavior.product_views,
        behavior.searches,
        funnels.converting_sessions,
        funnels.add_to_cart_events,
        funnels.purchases,
        funnels.revenue,
        {{ ratio('funnels.revenue', 'behavior.unique_users') }}::NUMBER(38, 2) AS revenue_per_user
    FROM affected_dates
    {{ 'LEFT' if is_incremental() else 'INNER' }} JOIN behavior
        ON affected_dates.date = behavior.date
    LEFT JOIN funnels
        ON
            behavior.date = funnels.date
            AND EQUAL_NULL(behavior.user_tier, funnels.user_tier)
)

SELECT
    date::DATE AS date,
    user_tier::VARCHAR AS user_tier,
    unique_users::NUMBER(38, 0) AS unique_users,
    sessions::NUMBER(38, 0) AS sessions,
    page_views::NUMBER(38, 0) AS page_views,
    ({{ average('session_minutes', 'sessions') }})::NUMBER(18, 4) AS avg_session_duration_minutes,
    product_views::NUMBER(38, 0) AS product_views,
    searches::NUMBER(38, 0) AS searches,
    add_to_cart_events::NUMBER(38, 0) AS add_to_cart_events,
    purchases::NUMBER(38, 0) AS purchases,
    revenue::NUMBER(38, 2) AS revenue,
    {{ ratio('converting_sessions', 'sessions') }}::NUMBER(18, 6) AS session_to_purchase_rate,
    {{ ratio('add_to_cart_events', 'product_views') }}::NUMBER(18, 6) AS view_to_cart_rate,
    {{ ratio('purchases', 'add_to_cart_events') }}::NUMBER(18, 6) AS cart_to_purchase_rate,
    {{ ratio('revenue', 'purchases') }}::NUMBER(38, 2) AS avg_order_value,
    revenue_per_user::NUMBER(38, 2) AS revenue_per_user,
    ({{ calculate_customer_lifetime_value('user_tier', 'revenue_per_user') }})::NUMBER(38, 2) AS customer_lifetime_value,
    change_id::NUMBER(38, 0) AS change_id,
    IFF(
        sessions IS NULL, NULL, CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
    )::TIMESTAMP_NTZ AS created_at
FROM daily
