UPDATE staging.events_cleaned
SET
    is_bot_traffic = verdicts.is_bot_traffic,
    is_test_user = verdicts.is_test_user,
    processed_at = CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
FROM (
    &{verdicts}
) AS verdicts
WHERE
    events_cleaned.session_id = verdicts.session_id
    AND events_cleaned.timestamp = verdicts.timestamp
    AND events_cleaned.own_is_bot_traffic = verdicts.own_is_bot_traffic
    AND events_cleaned.own_is_test_user = verdicts.own_is_test_user
    AND &{near}
