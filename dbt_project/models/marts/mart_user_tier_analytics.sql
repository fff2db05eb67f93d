{{ config(alias='user_tier_analytics', cluster_by=['date', 'user_tier']) }}

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
tiers AS (
    SELECT
        affected_dates.date,
        affected_dates.change_id,
        behavior.user_tier,
        behavior.sessions,
        behavior.unique_users,
        behavior.events,
        behavior.product_views,
        behavior.searches,
        behavior.purchases_of_known_users,
        behavior.buyers,
        behavior.repeat_buyers,
        behavior.bounce_sessions,
        behavior.conversion_minutes,
        behavior.timed_conversions,
        funnels.purchases,
        funnels.revenue
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
    ({{ average('events', 'sessions') }})::NUMBER(18, 4) AS avg_events_per_session,
    ({{ average('product_views', 'sessions') }})::NUMBER(18, 4) AS avg_products_viewed_per_session,
    ({{ average('searches', 'sessions') }})::NUMBER(18, 4) AS avg_searches_per_session,
    {{ ratio('purchases_of_known_users', 'unique_users') }}::NUMBER(18, 6) AS purchase_frequency,
    {{ ratio('revenue', 'purchases') }}::NUMBER(38, 2) AS avg_purchase_amount,
    {{ ratio('repeat_buyers', 'buyers') }}::NUMBER(18, 6) AS repeat_purchase_rate,
    {{ ratio('bounce_sessions', 'sessions') }}::NUMBER(18, 6) AS bounce_rate,
    ({{ average('conversion_minutes', 'timed_conversions') }})::NUMBER(18, 4) AS time_to_purchase_minutes,
    change_id::NUMBER(38, 0) AS change_id,
    IFF(
        sessions IS NULL, NULL, CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
    )::TIMESTAMP_NTZ AS created_at
FROM tiers
