DELETE FROM raw.&{table}
WHERE batch_id IN (
    SELECT old.batch_id
    FROM ops.batches AS old
    WHERE
        old.flagged_at < DATEADD('day', ?, CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ)
        AND old.published_at < COALESCE(
            (SELECT MIN(waiting.published_at) FROM ops.batches AS waiting WHERE waiting.flagged_at IS NULL),
            '9999-12-31'::TIMESTAMP_NTZ
        )
)
