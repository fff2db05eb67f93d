-- What a rule of events needs to be asked again, without RAW (ops.reflag).
-- properties_text: the properties as they came, where they are no JSON. loaded_at: when RAW received the event, UTC.
ALTER TABLE staging.events_cleaned ADD COLUMN properties_text STRING, loaded_at TIMESTAMP_NTZ;

ALTER TABLE staging.events_cleaned_delta ADD COLUMN properties_text STRING, loaded_at TIMESTAMP_NTZ;

UPDATE staging.events_cleaned
SET loaded_at = batches.loaded_at
FROM ops.batches AS batches
WHERE events_cleaned.batch_id = batches.batch_id;

-- The identifiers of RAW are as they came; those of STAGING have lost braces, hyphens and capitals, if they are UUIDs.
UPDATE staging.events_cleaned
SET properties_text = malformed.properties_text
FROM (
    SELECT
        r.batch_id,
        LOWER(REPLACE(REGEXP_REPLACE(r.event_id, '[{}-]', ''), 'urn:uuid:', '')) AS event_key,
        MIN(r.properties::STRING) AS properties_text
    FROM raw.user_events AS r
    WHERE r.properties IS NOT NULL AND TRY_PARSE_JSON(r.properties::STRING) IS NULL
    GROUP BY 1, 2
) AS malformed
WHERE
    events_cleaned.properties_parsed IS NULL
    AND events_cleaned.batch_id = malformed.batch_id
    AND LOWER(REPLACE(events_cleaned.event_id, '-', '')) = malformed.event_key;

-- staging.user_sessions_enhanced.requests_per_minute is from now on told of the session's own length, of a second at least (and no longer of a
-- minute at least): a burst is as fast as it is, and bot_min_requests says from how many requests on a rate tells anything.
-- ops.date_changes.batch_id: the batch that brought the change, or the run (ops.step_runs) of ops.reflag that made it.
