-- Dates that the mart has or that a snapshot was loaded for. is_built: the mart contains the newest change of the date's sessions.
WITH changed_dates AS (
    SELECT
        date,
        MAX(change_id) AS change_id
    FROM ops.date_changes
    WHERE dataset = 'user_sessions'
    GROUP BY date
),

built AS (
    SELECT watermarks:user_sessions::NUMBER(38, 0) AS change_id
    FROM ops.model_builds
    WHERE model = 'mart_daily_speed_comparable'
),

known AS (
    SELECT date FROM marts.daily_speed_comparable
    UNION
    SELECT date FROM recon.speed_extractions
)

SELECT
    known.date::STRING AS date,
    (changed_dates.change_id IS NULL OR COALESCE(built.change_id, 0) >= changed_dates.change_id) AS is_built
FROM known
CROSS JOIN built
LEFT JOIN changed_dates ON known.date = changed_dates.date
ORDER BY known.date
