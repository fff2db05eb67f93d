{{ config(alias='daily_speed_comparable', cluster_by=['date', 'user_tier']) }}
{%- set plan = build([driver('user_sessions')]) %}
{{ build_note(plan) }}

WITH affected_dates AS (
    {{ affected_dates(plan) }}
),

newest_changes AS (
    {{ newest_changes(plan, 'user_sessions') }}
),

{% set counted = {
    'page_views': 'page_views', 'product_views': 'product_views', 'searches': 'searches',
    'add_to_cart_events': 'add_to_cart_events', 'purchases': 'purchases', 'revenue': 'total_spent'
} -%}
compared AS (
    SELECT
        date,
        user_tier,
        is_valid,
        {%- for value in counted.values() %}
        {{ value }},
        {%- endfor %}
        {{ compared_identifier('session_id') }} AS session_key,
        {{ compared_identifier('user_id') }} AS user_key
    FROM {{ ref('stg_user_sessions_enhanced') }}
    WHERE {{ on_times(plan['dates'], 'session_start') }}
),

sessions AS (
    SELECT
        date,
        user_tier,
        {%- for metric, value in counted.items() %}
        COALESCE(SUM(IFF(is_valid, {{ value }}, 0)), 0) AS {{ metric }},
        COALESCE(SUM(IFF(is_valid, 0, {{ value }})), 0) AS invalid_{{ metric }},
        {%- endfor %}
        COUNT(DISTINCT IFF(is_valid, session_key, NULL)) AS sessions,
        COUNT_IF(NOT is_valid) AS invalid_sessions,
        COUNT(DISTINCT IFF(is_valid AND purchases > 0, session_key, NULL)) AS converting_sessions,
        COUNT_IF(NOT is_valid AND purchases > 0) AS invalid_converting_sessions,
        COUNT(DISTINCT IFF(is_valid, user_key, NULL)) AS unique_users,
        COUNT(DISTINCT IFF(is_valid, NULL, user_key)) AS invalid_unique_users
    FROM compared
    GROUP BY date, user_tier
),

daily AS (
    SELECT
        affected_dates.date AS affected_date,
        COALESCE(newest_changes.change_id, 0) AS change_id,
        sessions.*
    FROM affected_dates
    LEFT JOIN newest_changes
        ON affected_dates.date = newest_changes.date
    INNER JOIN sessions
        ON affected_dates.date = sessions.date
)

SELECT
    affected_date::DATE AS date,
    user_tier::VARCHAR AS user_tier,
    sessions::NUMBER(38, 0) AS sessions,
    page_views::NUMBER(38, 0) AS page_views,
    product_views::NUMBER(38, 0) AS product_views,
    searches::NUMBER(38, 0) AS searches,
    add_to_cart_events::NUMBER(38, 0) AS add_to_cart_events,
    purchases::NUMBER(38, 0) AS purchases,
    revenue::NUMBER(38, 2) AS revenue,
    unique_users::NUMBER(38, 0) AS unique_users,
    converting_sessions::NUMBER(38, 0) AS converting_sessions,
    invalid_sessions::NUMBER(38, 0) AS invalid_sessions,
    invalid_page_views::NUMBER(38, 0) AS invalid_page_views,
    invalid_product_views::NUMBER(38, 0) AS invalid_product_views,
    invalid_searches::NUMBER(38, 0) AS invalid_searches,
    invalid_add_to_cart_events::NUMBER(38, 0) AS invalid_add_to_cart_events,
    invalid_purchases::NUMBER(38, 0) AS invalid_purchases,
    invalid_revenue::NUMBER(38, 2) AS invalid_revenue,
    invalid_unique_users::NUMBER(38, 0) AS invalid_unique_users,
    invalid_converting_sessions::NUMBER(38, 0) AS invalid_converting_sessions,
    change_id::NUMBER(38, 0) AS change_id,
    {{ built_at() }} AS created_at
FROM daily
