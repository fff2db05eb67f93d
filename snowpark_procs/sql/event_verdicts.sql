-- The events whose flags are not those of their session, or their own without one, and what they should be. An event
-- is part of a session from its first moment to its last one, at most as long as a session can be.
SELECT
    e.session_id,
    e.timestamp,
    e.own_is_bot_traffic,
    e.own_is_test_user,
    COALESCE(s.is_bot_traffic, e.own_is_bot_traffic) AS is_bot_traffic,
    COALESCE(s.is_test_user, e.own_is_test_user) AS is_test_user,
    COUNT(*) AS events
FROM staging.events_cleaned AS e
LEFT JOIN staging.user_sessions_enhanced AS s
    ON
        e.session_id = s.session_id
        AND e.timestamp >= s.session_start
        AND e.timestamp <= s.session_end
        AND e.timestamp <= DATEADD('microsecond', &{session_microseconds}, s.session_start)
        AND &{near_sessions}
WHERE
    &{near_events}
    AND (
        e.is_bot_traffic IS DISTINCT FROM COALESCE(s.is_bot_traffic, e.own_is_bot_traffic)
        OR e.is_test_user IS DISTINCT FROM COALESCE(s.is_test_user, e.own_is_test_user)
    )
GROUP BY 1, 2, 3, 4, 5, 6
