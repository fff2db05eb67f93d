-- Orders, people and totals in MARTS, and what dbt must know to rebuild only what changed.
ALTER TABLE marts.daily_metrics ADD COLUMN IF NOT EXISTS
converting_sessions NUMBER(38, 0),
orders NUMBER(38, 0),
order_value NUMBER(38, 2),
units NUMBER(38, 0),
net_revenue NUMBER(38, 2),
buyers NUMBER(38, 0);

ALTER TABLE marts.product_performance ADD COLUMN IF NOT EXISTS
units NUMBER(38, 0),
net_revenue NUMBER(38, 2);

CREATE TABLE IF NOT EXISTS marts.daily_totals (
    date DATE,
    unique_users NUMBER(38, 0),
    sessions NUMBER(38, 0),
    converting_sessions NUMBER(38, 0),
    purchases NUMBER(38, 0),
    revenue NUMBER(38, 2),
    orders NUMBER(38, 0),
    order_value NUMBER(38, 2),
    units NUMBER(38, 0),
    net_revenue NUMBER(38, 2),
    buyers NUMBER(38, 0),
    cancelled_orders NUMBER(38, 0),
    guest_orders NUMBER(38, 0),
    returns NUMBER(38, 0),
    returned_units NUMBER(38, 0),
    returning_buyers NUMBER(38, 0),
    avg_order_value NUMBER(38, 2),
    returning_buyer_rate NUMBER(18, 6),
    change_id NUMBER(38, 0),
    created_at TIMESTAMP_NTZ
)
CLUSTER BY (date);

-- What the reconciliation compares: counted as the speed layer counts. invalid_…: the same over sessions that are not valid.
CREATE TABLE IF NOT EXISTS marts.daily_speed_comparable (
    date DATE,
    user_tier STRING,
    sessions NUMBER(38, 0),
    page_views NUMBER(38, 0),
    product_views NUMBER(38, 0),
    searches NUMBER(38, 0),
    add_to_cart_events NUMBER(38, 0),
    purchases NUMBER(38, 0),
    revenue NUMBER(38, 2),
    unique_users NUMBER(38, 0),
    converting_sessions NUMBER(38, 0),
    invalid_sessions NUMBER(38, 0),
    invalid_page_views NUMBER(38, 0),
    invalid_product_views NUMBER(38, 0),
    invalid_searches NUMBER(38, 0),
    invalid_add_to_cart_events NUMBER(38, 0),
    invalid_purchases NUMBER(38, 0),
    invalid_revenue NUMBER(38, 2),
    invalid_unique_users NUMBER(38, 0),
    invalid_converting_sessions NUMBER(38, 0),
    change_id NUMBER(38, 0),
    created_at TIMESTAMP_NTZ
)
CLUSTER BY (date, user_tier);

-- One row per order (or transaction) and product. line_kind: sale (purchase events, joined to their transaction), return (a transaction
-- of negative quantity), unsold (a transaction that no purchase event tells of: no order, kept so that both sides can be compared).
-- first_date, last_date: the UTC dates of the first and last event or transaction that the line is made of.
CREATE TABLE IF NOT EXISTS staging.int_order_lines (
    order_id STRING,
    product_id STRING,
    line_kind STRING,
    date DATE,
    occurred_at TIMESTAMP_NTZ,
    ordered_at TIMESTAMP_NTZ,
    user_id STRING,
    user_tier STRING,
    purchases NUMBER(38, 0),
    gross_amount NUMBER(38, 2),
    units NUMBER(38, 0),
    discount_amount NUMBER(38, 2),
    tax_amount NUMBER(38, 2),
    net_amount NUMBER(38, 2),
    returned_units NUMBER(38, 0),
    transaction_total NUMBER(38, 2),
    status STRING,
    is_cancelled BOOLEAN,
    first_date DATE,
    last_date DATE,
    created_at TIMESTAMP_NTZ
)
CLUSTER BY (date);

-- One row per user and UTC date on which he is active, with his history up to and including that date.
CREATE TABLE IF NOT EXISTS staging.int_user_days (
    date DATE,
    user_id STRING,
    user_tier STRING,
    sessions NUMBER(38, 0),
    orders NUMBER(38, 0),
    returns NUMBER(38, 0),
    net_revenue NUMBER(38, 2),
    orders_to_date NUMBER(38, 0),
    net_revenue_to_date NUMBER(38, 2),
    active_dates_to_date NUMBER(38, 0),
    created_at TIMESTAMP_NTZ
)
CLUSTER BY (date);

-- Which dates of what dbt has built changed for those built upon it: the ledger's continuation behind STAGING. change_id grows
-- within a dataset in the order of commits: it is taken under the row of the model in ops.model_builds.
CREATE TABLE IF NOT EXISTS ops.derived_changes (
    change_id NUMBER(38, 0) NOT NULL,
    dataset STRING NOT NULL,              -- orders | user_days
    date DATE NOT NULL,
    changed_at TIMESTAMP_NTZ NOT NULL
);

-- One row per incremental model. A build writes only if version is still what it was when the build read what is pending.
CREATE TABLE IF NOT EXISTS ops.model_builds (
    model STRING NOT NULL,
    version NUMBER(38, 0) NOT NULL,
    built_by STRING,                      -- dbt's invocation_id
    built_at TIMESTAMP_NTZ
);

INSERT INTO ops.model_builds (model, version)
SELECT
    names.model,
    0 AS version
FROM (
    VALUES
    ('int_order_lines'),
    ('int_user_days'),
    ('mart_daily_metrics'),
    ('mart_daily_speed_comparable'),
    ('mart_daily_totals'),
    ('mart_product_performance'),
    ('mart_user_tier_analytics')
) AS names (model)
WHERE names.model NOT IN (SELECT builds.model FROM ops.model_builds AS builds);

-- The watermarks: the newest change of a dataset's date that a model contains, and the definition (a hash of model and
-- variables) that it was built by.
CREATE TABLE IF NOT EXISTS ops.model_dates (
    model STRING NOT NULL,
    dataset STRING NOT NULL,              -- of ops.date_changes or ops.derived_changes
    date DATE NOT NULL,
    change_id NUMBER(38, 0) NOT NULL,
    definition STRING NOT NULL,
    built_at TIMESTAMP_NTZ NOT NULL
);
