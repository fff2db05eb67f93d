-- The sessions that have a part on the dates, or no time.
SELECT s.session_id
FROM staging.user_sessions_enhanced AS s
WHERE
    s.session_id IS NOT NULL
    AND &{near_sessions}
    AND &{ended}
