{{ config(alias='product_performance', cluster_by=['date', 'product_id']) }}
{#- A view may end on a following date, so that the changes of those dates rebuild this one too. -#}
{%- set view_days = ((var('view_idle_minutes') | float) / 1440) | round(0, 'ceil') | int -%}
{%- set plan = build([driver('user_events', spill_days=view_days), driver('orders', derived=true)]) %}
{{ build_note(plan) }}

WITH affected_dates AS (
    {{ affected_dates(plan) }}
),

newest_changes AS (
    {{ newest_changes(plan, 'user_events') }}
),

products AS (
    SELECT
        date,
        product_id,
        COUNT_IF(kind = 'product_view') AS views,
        COUNT(DISTINCT IFF(kind = 'product_view', user_id, NULL)) AS unique_viewers,
        COUNT_IF(kind = 'add_to_cart') AS add_to_carts,
        COUNT_IF(kind = 'purchase') AS purchases,
        SUM(revenue) AS revenue,
        SUM(units) AS units,
        SUM(order_value) AS order_value,
        SUM(net_revenue) AS net_revenue
    FROM {{ ref('int_product_analytics') }}
    WHERE {{ on_times(plan['dates'], 'moment') }}
    GROUP BY date, product_id
),

-- A view lasts until the next event with its session id, whatever that is and on whichever side of midnight. Only the dates of the
-- build, and those on which their views can end, reach the window.
followed AS (
    SELECT
        date,
        product_id,
        event_type,
        IFF(
            session_id IS NULL,
            NULL,
            {{ microseconds(
                'timestamp', 'LEAD(timestamp) OVER (PARTITION BY session_id ORDER BY timestamp, event_id)'
            ) }}
        ) AS view_microseconds
    FROM {{ ref('stg_events_cleaned') }} AS events
    WHERE
        {{ is_counted('events') }}
        AND {{ on_times(plan['dates'], 'timestamp', after=view_days) }}
),

-- A gap longer than the idle limit is no view time.
timed_views AS (
    SELECT
        date,
        product_id,
        SUM(view_microseconds) AS view_microseconds,
        COUNT(*) AS views
    FROM followed
    WHERE
        event_type = 'product_view'
        AND product_id IS NOT NULL
        AND view_microseconds <= {{ var('view_idle_minutes') }} * 60000000
    GROUP BY date, product_id
),

daily AS (
    SELECT
        affected_dates.date AS affected_date,
        COALESCE(newest_changes.change_id, 0) AS change_id,
        products.*,
        timed_views.view_microseconds,
        timed_views.views AS timed_views
    FROM affected_dates
    LEFT JOIN newest_changes
        ON affected_dates.date = newest_changes.date
    INNER JOIN products
        ON affected_dates.date = products.date
    LEFT JOIN timed_views
        ON
            products.date = timed_views.date
            AND products.product_id = timed_views.product_id
)

SELECT
    affected_date::DATE AS date,
    product_id::VARCHAR AS product_id,
    views::NUMBER(38, 0) AS views,
    unique_viewers::NUMBER(38, 0) AS unique_viewers,
    {{ average('view_microseconds', 'timed_views * 1000000', 4) }}::NUMBER(18, 4) AS avg_view_duration_seconds,
    add_to_carts::NUMBER(38, 0) AS add_to_carts,
    purchases::NUMBER(38, 0) AS purchases,
    {{ ratio('add_to_carts', 'views', 6) }}::NUMBER(18, 6) AS view_to_cart_rate,
    {{ ratio('purchases', 'add_to_carts', 6) }}::NUMBER(18, 6) AS cart_to_purchase_rate,
    revenue::NUMBER(38, 2) AS revenue,
    {{ ratio('order_value', 'units', 2) }}::NUMBER(38, 2) AS avg_selling_price,
    change_id::NUMBER(38, 0) AS change_id,
    {{ built_at() }} AS created_at,
    units::NUMBER(38, 0) AS units,
    net_revenue::NUMBER(38, 2) AS net_revenue
FROM daily
