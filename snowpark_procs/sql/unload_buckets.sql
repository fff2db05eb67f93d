-- location, day, compared: literals. hashed: a query with bucket and hash of each session. One file a day, whole or not there.
COPY INTO &{location}
FROM (
    WITH newest AS (
        SELECT MAX(changes.change_id) AS change_id
        FROM ops.date_changes AS changes
        WHERE changes.dataset = 'user_sessions' AND changes.date = TO_DATE(&{day}, 'YYYY-MM-DD')
    )

    SELECT
        hashed.bucket,
        COUNT(*) AS row_count,
        SUM(hashed.high) AS high,
        SUM(hashed.low) AS low,
        &{compared} AS compared,
        &{count} AS bucket_count,
        newest.change_id
    FROM (&{hashed}) AS hashed
    CROSS JOIN newest
    GROUP BY hashed.bucket, newest.change_id
)
FILE_FORMAT = (TYPE = PARQUET)
SINGLE = TRUE
OVERWRITE = TRUE
MAX_FILE_SIZE = 1073741824
HEADER = TRUE
