-- What rules ask of a row beyond its own columns, kept with it so that ops.reflag asks again without RAW. Facts, whatever the rules.
-- copies: how often the row's batch brought its key. has_purchase: TRUE when a purchase event of the line's UTC date, the one before or
-- the one after has its transaction id; NULL for a line without an id or a time.
ALTER TABLE staging.events_cleaned ADD COLUMN copies NUMBER(38, 0);
ALTER TABLE staging.transactions_validated ADD COLUMN copies NUMBER(38, 0), has_purchase BOOLEAN;

-- Of changed events also what they were before: a line loses its purchase, an address a session.
ALTER TABLE staging.events_cleaned_delta ADD COLUMN
copies NUMBER(38, 0),
previous_transaction_id STRING,
previous_ip_address STRING;
ALTER TABLE staging.transactions_validated_delta ADD COLUMN copies NUMBER(38, 0), has_purchase BOOLEAN;

ALTER TABLE staging.events_cleaned_delta MODIFY COLUMN previous_ip_address SET MASKING POLICY ops.mask_ip_address;

-- The identifiers of RAW are as they came; those of STAGING have lost braces, hyphens and capitals, if they are UUIDs.
UPDATE staging.events_cleaned
SET copies = brought.copies
FROM (
    SELECT
        r.batch_id,
        LOWER(REPLACE(REGEXP_REPLACE(r.event_id, '[{}-]', ''), 'urn:uuid:', '')) AS event_key,
        COUNT(*) AS copies
    FROM raw.user_events AS r
    WHERE r.event_id IS NOT NULL
    GROUP BY 1, 2
) AS brought
WHERE
    events_cleaned.batch_id = brought.batch_id
    AND LOWER(REPLACE(events_cleaned.event_id, '-', '')) = brought.event_key;

UPDATE staging.transactions_validated
SET copies = brought.copies
FROM (
    SELECT
        r.batch_id,
        LOWER(REPLACE(REGEXP_REPLACE(r.transaction_id, '[{}-]', ''), 'urn:uuid:', '')) AS transaction_key,
        NULLIF(r.product_id, '') AS product_id,
        COUNT(*) AS copies
    FROM raw.transactions AS r
    WHERE r.transaction_id IS NOT NULL
    GROUP BY 1, 2, 3
) AS brought
WHERE
    transactions_validated.batch_id = brought.batch_id
    AND LOWER(REPLACE(transactions_validated.transaction_id, '-', '')) = brought.transaction_key
    AND EQUAL_NULL(transactions_validated.product_id, brought.product_id);

UPDATE staging.transactions_validated
SET has_purchase = FALSE
WHERE transaction_id IS NOT NULL AND created_at IS NOT NULL;

UPDATE staging.transactions_validated
SET has_purchase = TRUE
FROM (
    SELECT DISTINCT
        e.transaction_id,
        DATEADD('day', near_dates.days, e.timestamp::DATE) AS date
    FROM staging.events_cleaned AS e
    CROSS JOIN (VALUES (-1), (0), (1)) AS near_dates (days)
    WHERE
        e.event_type = 'purchase'
        AND e.transaction_id IS NOT NULL
        AND e.timestamp >= TO_TIMESTAMP_NTZ('0002-01-01', 'YYYY-MM-DD')
        AND e.timestamp < TO_TIMESTAMP_NTZ('9999-01-01', 'YYYY-MM-DD')
) AS bought
WHERE
    transactions_validated.transaction_id = bought.transaction_id
    AND transactions_validated.created_at::DATE = bought.date;

-- Where a threshold's number comes from.
ALTER TABLE ops.quality_thresholds ADD COLUMN source STRING;
