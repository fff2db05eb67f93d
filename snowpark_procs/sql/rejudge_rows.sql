UPDATE staging.&{table}
SET
    &{assignments},
    processed_at = CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
FROM &{misjudged}
