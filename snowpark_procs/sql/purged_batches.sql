-- Bind: date. The batches that the marts were built from on this date, and that RAW has no session of any more.
SELECT DISTINCT changes.batch_id
FROM ops.date_changes AS changes
INNER JOIN ops.batch_datasets AS brought
    ON changes.batch_id = brought.batch_id AND changes.dataset = brought.dataset
WHERE
    changes.dataset = 'user_sessions'
    AND changes.date = TO_DATE(?, 'YYYY-MM-DD')
    AND brought.row_count > 0
    AND changes.change_id <= (
        SELECT COALESCE(MAX(builds.watermarks:user_sessions::NUMBER(38, 0)), 0)
        FROM ops.model_builds AS builds
        WHERE builds.model = 'mart_daily_speed_comparable'
    )
    AND changes.batch_id NOT IN (SELECT r.batch_id FROM raw.user_sessions AS r WHERE r.batch_id IS NOT NULL)
ORDER BY changes.batch_id
