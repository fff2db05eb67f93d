-- A lock for each kind of work is a table of its own, with one row. Snowflake locks whole partitions, not rows: while all were rows of ops.locks, which
-- is one partition, a reconciliation that an analyst asked for made the hourly load wait, and the reverse.
-- https://docs.snowflake.com/en/sql-reference/transactions#resource-locking
{% for kind in ['load', 'flag', 'speed', 'reconcile'] -%}
CREATE TABLE IF NOT EXISTS ops.lock_{{ kind }} (
    taken_by STRING,                      -- run_id of the last run that committed
    taken_at TIMESTAMP_NTZ                -- UTC
);

INSERT INTO ops.lock_{{ kind }} (taken_by)
SELECT NULL AS taken_by
WHERE NOT EXISTS (SELECT 1 FROM ops.lock_{{ kind }});

{% endfor -%}
-- Not kept: a procedure of the release before would take the old lock beside one that takes the new one. Now it fails until the deployment is through.
DROP TABLE IF EXISTS ops.locks;
