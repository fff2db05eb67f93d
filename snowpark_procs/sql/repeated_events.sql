-- The events of the delta that their batch brought more than once.
SELECT event_id
FROM staging.events_cleaned_delta
WHERE copies > 1
