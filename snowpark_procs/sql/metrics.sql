-- What is compared, and whether the batch side has it.
SELECT
    metrics.metric,
    metrics.aggregate,
    metrics.expression,
    COUNT_IF(columns.column_name = UPPER(metrics.metric)) > 0 AS has_column,
    COUNT_IF(columns.column_name = UPPER('invalid_' || metrics.metric)) > 0 AS has_invalid_column
FROM recon.metrics AS metrics
LEFT JOIN information_schema.columns AS columns
    ON
        columns.table_schema = 'MARTS'
        AND columns.table_name = 'DAILY_SPEED_COMPARABLE'
        AND columns.column_name IN (UPPER(metrics.metric), UPPER('invalid_' || metrics.metric))
GROUP BY metrics.metric, metrics.aggregate, metrics.expression, metrics.position
ORDER BY metrics.position, metrics.metric
