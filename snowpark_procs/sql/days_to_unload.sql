-- Binds: JSON array of the dates that have a file; columns that are compared. Dates whose marts are built and whose file, if any, is of an
-- earlier change or of other columns. A date that has a file keeps one: an old one would make its snapshots refused.
WITH filed AS (
    SELECT TO_DATE(f.value::STRING, 'YYYY-MM-DD') AS date
    FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
),

limits AS (
    SELECT
        COALESCE(MAX(IFF(settings.name = 'bucket_days', settings.value, NULL)), 0) AS days,
        COALESCE(MAX(IFF(settings.name = 'bucket_min_sessions', settings.value, NULL)), 0) AS sessions
    FROM recon.settings AS settings
),

built AS (
    SELECT COALESCE(MAX(builds.watermarks:user_sessions::NUMBER(38, 0)), 0) AS change_id
    FROM ops.model_builds AS builds
    WHERE builds.model = 'mart_daily_speed_comparable'
),

changed AS (
    SELECT
        changes.date,
        MAX(changes.change_id) AS change_id
    FROM ops.date_changes AS changes
    WHERE changes.dataset = 'user_sessions'
    GROUP BY changes.date
),

newest AS (
    SELECT MAX(changed.date) AS date
    FROM changed
),

counted AS (
    SELECT
        m.date,
        SUM(m.sessions) AS sessions
    FROM marts.daily_speed_comparable AS m
    GROUP BY m.date
)

SELECT
    TO_CHAR(changed.date, 'YYYY-MM-DD') AS date,
    changed.change_id,
    COALESCE(counted.sessions, 0) AS sessions
FROM changed
CROSS JOIN built
CROSS JOIN newest
CROSS JOIN limits
LEFT JOIN counted
    ON changed.date = counted.date
LEFT JOIN filed
    ON changed.date = filed.date
LEFT JOIN recon.bucket_unloads AS unloads
    ON changed.date = unloads.date AND filed.date IS NOT NULL
WHERE
    changed.change_id <= built.change_id
    AND (unloads.date IS NULL OR unloads.change_id < changed.change_id OR unloads.compared <> ?)
    AND (
        filed.date IS NOT NULL
        OR (counted.sessions >= limits.sessions AND changed.date > DATEADD('day', -limits.days::NUMBER(9, 0), newest.date))
    )
ORDER BY changed.date
