-- MARTS: built by dbt (aliases of mart_daily_metrics, mart_user_tier_analytics, mart_product_performance).
-- Departures from the requirement: a rate can exceed 10 (purchases per cart add), so rates are NUMBER(18,6); averages
-- and sums get room; change_id is the newest ops.date_changes entry that the row's date was built from.
CREATE TABLE IF NOT EXISTS marts.daily_metrics (
    date DATE,
    user_tier STRING,
    unique_users NUMBER(38, 0),
    sessions NUMBER(38, 0),
    page_views NUMBER(38, 0),
    avg_session_duration_minutes NUMBER(18, 4),
    product_views NUMBER(38, 0),
    searches NUMBER(38, 0),
    add_to_cart_events NUMBER(38, 0),
    purchases NUMBER(38, 0),
    revenue NUMBER(38, 2),
    session_to_purchase_rate NUMBER(18, 6),
    view_to_cart_rate NUMBER(18, 6),
    cart_to_purchase_rate NUMBER(18, 6),
    avg_order_value NUMBER(38, 2),
    revenue_per_user NUMBER(38, 2),
    customer_lifetime_value NUMBER(38, 2),
    change_id NUMBER(38, 0),
    created_at TIMESTAMP_NTZ
)
CLUSTER BY (date, user_tier);

CREATE TABLE IF NOT EXISTS marts.user_tier_analytics (
    date DATE,
    user_tier STRING,
    avg_events_per_session NUMBER(18, 4),
    avg_products_viewed_per_session NUMBER(18, 4),
    avg_searches_per_session NUMBER(18, 4),
    purchase_frequency NUMBER(18, 6),
    avg_purchase_amount NUMBER(38, 2),
    repeat_purchase_rate NUMBER(18, 6),
    bounce_rate NUMBER(18, 6),
    time_to_purchase_minutes NUMBER(18, 4),
    change_id NUMBER(38, 0),
    created_at TIMESTAMP_NTZ
)
CLUSTER BY (date, user_tier);

CREATE TABLE IF NOT EXISTS marts.product_performance (
    date DATE,
    product_id STRING,
    views NUMBER(38, 0),
    unique_viewers NUMBER(38, 0),
    avg_view_duration_seconds NUMBER(18, 4),
    add_to_carts NUMBER(38, 0),
    purchases NUMBER(38, 0),
    view_to_cart_rate NUMBER(18, 6),
    cart_to_purchase_rate NUMBER(18, 6),
    revenue NUMBER(38, 2),
    avg_selling_price NUMBER(38, 2),
    change_id NUMBER(38, 0),
    created_at TIMESTAMP_NTZ
)
CLUSTER BY (date, product_id);
