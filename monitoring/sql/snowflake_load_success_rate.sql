SELECT
    tables.schema_name,
    tables.table_name,
    COUNT_IF(attempts.status = 'succeeded') / NULLIF(COUNT(attempts.status), 0)
FROM (
    VALUES
    ('load_batch', 'RAW', 'user_events'),
    ('load_batch', 'RAW', 'transactions'),
    ('load_batch', 'RAW', 'user_sessions'),
    ('flag_quality', 'STAGING', 'events_cleaned'),
    ('flag_quality', 'STAGING', 'transactions_validated'),
    ('flag_quality', 'STAGING', 'user_sessions_enhanced'),
    ('load_speed_snapshot', 'RECON', 'speed_sessions')
) AS tables (step, schema_name, table_name)
INNER JOIN (
    SELECT
        step,
        status
    FROM ops.step_runs
    QUALIFY ROW_NUMBER() OVER (PARTITION BY step ORDER BY finished_at DESC, run_id DESC) <= 20
) AS attempts
    ON tables.step = attempts.step
GROUP BY tables.schema_name, tables.table_name
