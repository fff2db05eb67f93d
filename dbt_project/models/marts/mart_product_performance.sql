{{ config(alias='product_performance', cluster_by=['date', 'product_id']) }}

-- A view may end on the next day, so that day's changes rebuild this one too.
WITH affected_dates AS (
    {{ affected_dates('user_events', is_incremental(), spill_days=1) }}
),

products AS (
    SELECT * FROM {{ ref('int_product_analytics') }}
),

-- An affected date without product events keeps one row of NULLs: the tombstone that the replace_dates strategy expects.
daily AS (
    SELECT
        affected_dates.date,
        affected_dates.change_id,
        products.product_id,
        products.views,
        products.unique_viewers,
        products.view_microseconds,
        products.timed_views,
        products.add_to_carts,
        products.purchases,
        products.revenue
    FROM affected_dates
    {{ 'LEFT' if is_incremental() else 'INNER' }} JOIN products
        ON affected_dates.date = products.date
)

SELECT
    date::DATE AS date,
    product_id::VARCHAR AS product_id,
    views::NUMBER(38, 0) AS views,
    unique_viewers::NUMBER(38, 0) AS unique_viewers,
    ({{ average('view_microseconds', 'timed_views * 1000000') }})::NUMBER(18, 4) AS avg_view_duration_seconds,
    add_to_carts::NUMBER(38, 0) AS add_to_carts,
    purchases::NUMBER(38, 0) AS purchases,
    {{ ratio('add_to_carts', 'views') }}::NUMBER(18, 6) AS view_to_cart_rate,
    {{ ratio('purchases', 'add_to_carts') }}::NUMBER(18, 6) AS cart_to_purchase_rate,
    revenue::NUMBER(38, 2) AS revenue,
    {{ ratio('revenue', 'purchases') }}::NUMBER(38, 2) AS avg_selling_price,
    change_id::NUMBER(38, 0) AS change_id,
    IFF(
        product_id IS NULL, NULL, CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
    )::TIMESTAMP_NTZ AS created_at
FROM daily
