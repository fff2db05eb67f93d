-- Bind: batch id. A batch from before its datasets had dates of their own tells them for all together.
SELECT
    datasets.dataset,
    datasets.scope,
    datasets.row_count,
    datasets.min_time::DATE AS first_date,
    datasets.max_time::DATE AS last_date,
    TO_JSON(
        COALESCE(GET(GET(batches.manifest:datasets, datasets.dataset), 'dates'), batches.manifest:affected_dates)
    ) AS dates
FROM ops.batch_datasets AS datasets
INNER JOIN ops.batches AS batches
    ON datasets.batch_id = batches.batch_id
WHERE datasets.batch_id = ?
