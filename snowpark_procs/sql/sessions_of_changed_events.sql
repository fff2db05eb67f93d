-- The sessions of which an event has changed, by the delta of events: the one that it is in, and the one that it was in.
SELECT session_id
FROM staging.events_cleaned_delta
WHERE is_changed AND session_id IS NOT NULL
UNION
SELECT previous_session_id AS session_id
FROM staging.events_cleaned_delta
WHERE is_changed AND previous_session_id IS NOT NULL
