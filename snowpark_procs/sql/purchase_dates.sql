-- The transactions that purchase events name, each with the UTC dates on which a line of it has its purchase.
SELECT DISTINCT
    e.transaction_id,
    DATEADD('day', near_dates.days, e.timestamp::DATE) AS date
FROM staging.events_cleaned AS e
CROSS JOIN (VALUES (-1), (0), (1)) AS near_dates (days)
WHERE
    e.event_type = 'purchase'
    AND e.transaction_id IS NOT NULL
    AND &{near_purchases}
    -- What has no date before or after it is no date of a shop.
    AND e.timestamp >= TO_TIMESTAMP_NTZ('0002-01-01', 'YYYY-MM-DD')
    AND e.timestamp < TO_TIMESTAMP_NTZ('9999-01-01', 'YYYY-MM-DD')
