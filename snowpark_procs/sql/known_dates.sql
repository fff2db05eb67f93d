-- Dates that the marts have or that a snapshot was loaded for. is_built: the mart reflects all changes of the date's
-- sessions; a date whose sessions all went has no mart rows and is built.
WITH marts_dates AS (
    SELECT
        date,
        MAX(change_id) AS change_id
    FROM marts.daily_metrics
    GROUP BY date
),

changed_dates AS (
    SELECT
        date,
        MAX(change_id) AS change_id
    FROM ops.date_changes
    WHERE dataset = 'user_sessions'
    GROUP BY date
),

session_dates AS (
    SELECT DISTINCT session_start::DATE AS date
    FROM staging.user_sessions_enhanced
    WHERE is_valid
),

known AS (
    SELECT date FROM marts_dates
    UNION
    SELECT date FROM recon.speed_extractions
)

SELECT
    known.date::STRING AS date,
    (
        changed_dates.change_id IS NULL
        OR COALESCE(marts_dates.change_id, 0) >= changed_dates.change_id
        OR (marts_dates.date IS NULL AND session_dates.date IS NULL)
    ) AS is_built
FROM known
LEFT JOIN marts_dates ON known.date = marts_dates.date
LEFT JOIN changed_dates ON known.date = changed_dates.date
LEFT JOIN session_dates ON known.date = session_dates.date
ORDER BY known.date
