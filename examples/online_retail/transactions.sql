-- The lines of one article on an invoice of UCI "Online Retail" are a transaction line: what was sold, what came back (an
-- invoice C…) and what is neither (adjustments: an invoice A…, no price, units that vanish elsewhere), each summed by itself.
WITH typed AS (
    SELECT
        InvoiceNo,
        StockCode,
        REGEXP_REPLACE(CustomerID, '[.]0$', '') AS user_id,
        TRY_CAST(Quantity AS INT) AS units,
        TRY_CAST(UnitPrice AS DECIMAL(18, 6)) AS price,
        CAST(InvoiceDate AS TIMESTAMP) AS created_at
    FROM lines
),

judged AS (
    SELECT
        *,
        -- Each line is rounded before it is added, as its purchase event is.
        ROUND(units * price, 2) AS amount,
        CASE
            WHEN InvoiceNo LIKE 'C%' AND units < 0 THEN 'returned'
            WHEN InvoiceNo LIKE 'C%' OR InvoiceNo LIKE 'A%' OR units <= 0 OR price <= 0 THEN 'adjustment'
            ELSE 'completed'
        END AS status,
        -- A line with a value that cannot be read is set aside alone: in a sum nobody would miss it.
        CASE WHEN units * price IS NULL OR created_at IS NULL THEN MONOTONICALLY_INCREASING_ID() END AS unreadable
    FROM typed
),

summed AS (
    SELECT
        InvoiceNo,
        StockCode,
        status,
        MIN(user_id) AS user_id,
        SUM(units) AS units,
        SUM(amount) AS amount,
        MIN(created_at) AS created_at
    FROM judged
    GROUP BY InvoiceNo, StockCode, status, unreadable
)

SELECT
    -- An adjustment of an article that the invoice also sold is a line of its own.
    CASE
        WHEN status = 'adjustment' AND BOOL_OR(status <> 'adjustment') OVER (PARTITION BY InvoiceNo, StockCode)
            THEN CONCAT(InvoiceNo, '/adjustment')
        ELSE InvoiceNo
    END AS transaction_id,
    user_id,
    StockCode AS product_id,
    CAST(units AS INT) AS quantity,
    CAST(COALESCE(ROUND(amount / NULLIF(units, 0), 2), 0) AS DECIMAL(10, 2)) AS unit_price,
    CAST(amount AS DECIMAL(10, 2)) AS total_amount,
    CAST(0 AS DECIMAL(10, 2)) AS discount_amount,
    CAST(0 AS DECIMAL(10, 2)) AS tax_amount,
    status,
    'unknown' AS user_tier,
    created_at
FROM summed
