-- The sessions of which an event has changed, by the delta of events: the one that it is in, and the one that it was in; and those that
-- have, on its date, its address, or the one that it had.
SELECT session_id
FROM staging.events_cleaned_delta
WHERE is_changed AND session_id IS NOT NULL
UNION
SELECT previous_session_id AS session_id
FROM staging.events_cleaned_delta
WHERE is_changed AND previous_session_id IS NOT NULL
UNION
SELECT e.session_id
FROM staging.events_cleaned AS e
INNER JOIN (
    SELECT
        ip_address,
        timestamp::DATE AS date
    FROM staging.events_cleaned_delta
    WHERE is_changed
    UNION
    SELECT
        previous_ip_address AS ip_address,
        previous_date AS date
    FROM staging.events_cleaned_delta
    WHERE is_changed
) AS addresses
    ON e.ip_address = addresses.ip_address AND e.timestamp::DATE = addresses.date
WHERE e.session_id IS NOT NULL AND &{near_events}
