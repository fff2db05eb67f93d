MERGE INTO staging.&{table} AS present
USING staging.&{table}_delta AS delta
    ON &{match} AND &{near}
WHEN MATCHED AND delta.is_removed THEN DELETE
WHEN MATCHED THEN UPDATE SET
    &{assignments},
    processed_at = CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
WHEN NOT MATCHED AND NOT delta.is_removed THEN INSERT (&{columns}, processed_at)
VALUES (&{values}, CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ)
