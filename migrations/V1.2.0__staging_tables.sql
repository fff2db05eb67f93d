-- STAGING: one current row per event, session and transaction line, with its quality flags. Nothing is dropped:
-- a row that breaks a rule of severity 'error' is kept with is_valid = FALSE.
-- validation_errors / validation_warnings: arrays of rule codes (see ops.quality_rules), [] when none.
CREATE TABLE IF NOT EXISTS staging.events_cleaned (
    event_id STRING,
    user_id STRING,
    session_id STRING,
    event_type STRING,
    timestamp TIMESTAMP_NTZ,
    device_type STRING,
    browser STRING,
    ip_address STRING,
    page_url STRING,
    product_id STRING,
    search_query STRING,
    transaction_id STRING,
    user_tier STRING,
    properties_parsed VARIANT,
    is_valid BOOLEAN,
    validation_errors VARIANT,
    validation_warnings VARIANT,
    is_bot_traffic BOOLEAN,
    is_test_user BOOLEAN,
    batch_id STRING,
    processed_at TIMESTAMP_NTZ DEFAULT CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
)
CLUSTER BY (TO_DATE(timestamp), event_type, user_tier);

CREATE TABLE IF NOT EXISTS staging.user_sessions_enhanced (
    session_id STRING,
    user_id STRING,
    user_tier STRING,
    session_start TIMESTAMP_NTZ,
    session_end TIMESTAMP_NTZ,
    session_duration_minutes NUMBER(18, 4),
    page_views NUMBER(38, 0),
    product_views NUMBER(38, 0),
    searches NUMBER(38, 0),
    add_to_cart_events NUMBER(38, 0),
    purchases NUMBER(38, 0),
    total_spent NUMBER(38, 2),
    items_purchased NUMBER(38, 0),
    avg_order_value NUMBER(38, 2),
    device_type STRING,
    browser STRING,
    converted_to_purchase BOOLEAN,
    conversion_time_minutes NUMBER(18, 4),
    is_high_value_session BOOLEAN,
    is_bounce_session BOOLEAN,
    first_purchase_at TIMESTAMP_NTZ,
    event_count NUMBER(38, 0),
    distinct_ip_count NUMBER(38, 0),
    is_valid BOOLEAN,
    validation_errors VARIANT,
    validation_warnings VARIANT,
    is_bot_traffic BOOLEAN,
    is_test_user BOOLEAN,
    batch_id STRING,
    processed_at TIMESTAMP_NTZ DEFAULT CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
)
CLUSTER BY (TO_DATE(session_start), user_tier);

-- A transaction of several products is several lines: (transaction_id, product_id) identifies a line.
CREATE TABLE IF NOT EXISTS staging.transactions_validated (
    transaction_id STRING,
    user_id STRING,
    product_id STRING,
    quantity NUMBER(38, 0),
    unit_price NUMBER(10, 2),
    total_amount NUMBER(10, 2),
    discount_amount NUMBER(10, 2),
    tax_amount NUMBER(10, 2),
    status STRING,
    payment_method STRING,
    user_tier STRING,
    created_at TIMESTAMP_NTZ,
    is_valid BOOLEAN,
    validation_errors VARIANT,
    validation_warnings VARIANT,
    is_test_user BOOLEAN,
    batch_id STRING,
    processed_at TIMESTAMP_NTZ DEFAULT CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
)
CLUSTER BY (TO_DATE(created_at), user_tier);
