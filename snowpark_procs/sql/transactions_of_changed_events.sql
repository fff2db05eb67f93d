-- The transactions that a changed event names, or named, by the delta of events.
SELECT transaction_id
FROM staging.events_cleaned_delta
WHERE is_changed AND transaction_id IS NOT NULL
UNION
SELECT previous_transaction_id AS transaction_id
FROM staging.events_cleaned_delta
WHERE is_changed AND previous_transaction_id IS NOT NULL
