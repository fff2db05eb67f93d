-- Bind: batch id. Within flag_sessions.sql, which knows the batches that come after it.
-- The sessions with a copy of an event that counts in another session, more than the maximum session length away in time: the Spark job
-- looks no further, so it has counted the event in both. The batch's events must be in STAGING already.
SELECT &{session_id} AS session_id
FROM raw.user_events AS r
INNER JOIN staging.events_cleaned AS known
    ON &{event_id} = known.event_id
WHERE
    (r.batch_id = ? OR r.batch_id IN (SELECT later.batch_id FROM later))
    AND &{delivered}
    AND &{known}
    AND &{session_id} IS DISTINCT FROM known.session_id
    AND ABS(DATEDIFF('microsecond', r.timestamp, known.timestamp)) > &{session_microseconds}
UNION
SELECT previous_session_id AS session_id
FROM staging.events_cleaned_delta
WHERE
    is_changed
    AND NOT is_removed
    AND previous_session_id IS DISTINCT FROM session_id
    AND previous_date IS DISTINCT FROM timestamp::DATE
