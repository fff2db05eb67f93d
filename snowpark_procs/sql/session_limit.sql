SELECT max_session_hours
FROM ops.session_limit
