-- What a build of dbt may leave unread. Each build takes all dates that are pending, so that one number for a dataset says what
-- a model contains, in the model's own row; a number for each date (ops.model_dates) said the same.
-- The first build after this finds no number there, and builds all dates.
ALTER TABLE ops.model_builds ADD COLUMN IF NOT EXISTS
definition STRING,        -- hash of the model and its variables that the rows were built by
watermarks VARIANT;       -- {dataset: the newest change_id of ops.date_changes or ops.derived_changes that the model contains}

DROP TABLE IF EXISTS ops.model_dates;

-- One row per user of staging.int_user_days: his sums over all his dates. Written in the transaction that changes those, so that the
-- history up to a date is these less what follows, and no date before it is read.
CREATE TABLE IF NOT EXISTS ops.user_totals (
    user_id STRING NOT NULL,
    orders NUMBER(38, 0) NOT NULL,
    net_revenue NUMBER(38, 2) NOT NULL,
    active_dates NUMBER(38, 0) NOT NULL
);

INSERT INTO ops.user_totals (user_id, orders, net_revenue, active_dates)
SELECT
    user_id,
    SUM(orders) AS orders,
    SUM(net_revenue) AS net_revenue,
    COUNT(*) AS active_dates
FROM staging.int_user_days
WHERE user_id NOT IN (SELECT totals.user_id FROM ops.user_totals AS totals)
GROUP BY user_id;
