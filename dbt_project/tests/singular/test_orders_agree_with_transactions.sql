{{ config(severity='warn', tags=['reconciliation'], fail_calc='COUNT_IF(NOT is_explained)') }}
-- What purchase events and transactions tell differently of the same orders, by cause and date of the order; what the transaction's own discount
-- and tax explain is listed and warned of no more. A shop without a transaction feed has nothing to compare. difference: what the events
-- say less what the transactions say.
WITH causes AS (
    SELECT
        date,
        CASE
            WHEN line_kind = 'unsold' AND is_cancelled THEN NULL
            WHEN line_kind = 'unsold' AND LOWER(status) = 'adjustment' THEN NULL
            WHEN line_kind = 'unsold' THEN 'transaction without a purchase event'
            WHEN transaction_total IS NULL THEN 'purchase event without a transaction'
            WHEN gross_amount = transaction_total THEN NULL
            WHEN gross_amount = transaction_total + discount_amount THEN 'discount'
            WHEN gross_amount = transaction_total - tax_amount THEN 'tax'
            WHEN gross_amount = transaction_total + discount_amount - tax_amount THEN 'discount and tax'
            ELSE 'amounts differ'
        END AS cause,
        gross_amount - COALESCE(transaction_total, 0) AS difference
    FROM {{ ref('int_order_lines') }}
    WHERE line_kind IN ('sale', 'unsold')
)

SELECT
    date,
    cause,
    cause IN ('discount', 'tax', 'discount and tax') AS is_explained,
    COUNT(*) AS lines,
    SUM(difference) AS difference
FROM causes
WHERE
    cause IS NOT NULL
    AND EXISTS (SELECT 1 FROM {{ ref('stg_transactions_validated') }})
GROUP BY date, cause
