SELECT
    dataset,
    SUM(row_count)
FROM ops.batch_datasets
GROUP BY dataset
