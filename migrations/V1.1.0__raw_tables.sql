-- RAW: what the landing delivered, by batch, unchanged. Times are UTC without a zone; money is decimal.
-- Departures from the requirement: bare NUMBER is an integer in Snowflake, so session_duration_minutes gets a
-- scale; sums of money do not fit NUMBER(10,2) and are NUMBER(38,2).
CREATE TABLE IF NOT EXISTS raw.user_events (
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
    properties VARIANT,
    processing_time TIMESTAMP_NTZ,
    loaded_at TIMESTAMP_NTZ DEFAULT CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ,
    batch_id STRING,
    file_name STRING
)
CLUSTER BY (TO_DATE(timestamp), user_tier);

CREATE TABLE IF NOT EXISTS raw.transactions (
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
    loaded_at TIMESTAMP_NTZ DEFAULT CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ,
    batch_id STRING,
    file_name STRING
)
CLUSTER BY (TO_DATE(created_at), user_tier);

CREATE TABLE IF NOT EXISTS raw.user_sessions (
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
    device_type STRING,
    browser STRING,
    converted_to_purchase BOOLEAN,
    first_purchase_at TIMESTAMP_NTZ,
    event_count NUMBER(38, 0),
    distinct_ip_count NUMBER(38, 0),
    source_snapshot_id NUMBER(38, 0),
    loaded_at TIMESTAMP_NTZ DEFAULT CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ,
    batch_id STRING,
    file_name STRING
)
CLUSTER BY (TO_DATE(session_start), user_tier);
