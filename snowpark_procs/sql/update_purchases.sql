-- Tells the lines of transactions which changed events name whether they have a purchase.
UPDATE staging.transactions_validated
SET
    has_purchase = facts.has_purchase,
    processed_at = CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
FROM (
    SELECT
        known.transaction_id,
        known.created_at::DATE AS date,
        bought.date IS NOT NULL AS has_purchase
    FROM staging.transactions_validated AS known
    LEFT JOIN (
        &{purchase_dates}
    ) AS bought
        ON known.transaction_id = bought.transaction_id AND known.created_at::DATE = bought.date
    WHERE
        &{near_lines}
        AND known.transaction_id IN (
            &{named}
        )
    GROUP BY 1, 2, 3
) AS facts
WHERE
    transactions_validated.transaction_id = facts.transaction_id
    AND transactions_validated.created_at::DATE = facts.date
    AND transactions_validated.has_purchase IS DISTINCT FROM facts.has_purchase
