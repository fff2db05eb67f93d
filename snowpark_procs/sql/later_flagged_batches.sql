-- Bind: batch id. Batches in the order of publication that come after this one and are in STAGING already.
SELECT
    later.batch_id,
    TO_JSON(
        COALESCE(GET(GET(later.manifest:datasets, datasets.dataset), 'dates'), later.manifest:affected_dates)
    ) AS dates,
    datasets.dataset,
    datasets.scope,
    datasets.min_time::DATE AS first_date,
    datasets.max_time::DATE AS last_date
FROM ops.batches AS later
INNER JOIN ops.batches AS this
    ON
        later.published_at > this.published_at
        OR (later.published_at = this.published_at AND later.batch_id > this.batch_id)
INNER JOIN ops.batch_datasets AS datasets
    ON later.batch_id = datasets.batch_id
WHERE this.batch_id = ? AND later.flagged_at IS NOT NULL
