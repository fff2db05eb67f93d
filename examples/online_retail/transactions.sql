-- Every invoice line of UCI "Online Retail" becomes a transaction line.
WITH numbered AS (
    SELECT
        *,
        TRY_CAST(Quantity AS INT) AS units,
        TRY_CAST(UnitPrice AS DECIMAL(18, 6)) AS price,
        -- The same article may stand on an invoice several times, with the same content even: its occurrences are numbered.
        ROW_NUMBER() OVER (
            PARTITION BY InvoiceNo, StockCode
            ORDER BY InvoiceDate, Quantity, UnitPrice, Description, CustomerID, Country
        ) AS occurrence
    FROM lines
)

SELECT
    CASE WHEN occurrence = 1 THEN InvoiceNo ELSE CONCAT(InvoiceNo, '/', occurrence) END AS transaction_id,
    REGEXP_REPLACE(CustomerID, '[.]0$', '') AS user_id,
    StockCode AS product_id,
    units AS quantity,
    CAST(ROUND(price, 2) AS DECIMAL(10, 2)) AS unit_price,
    CAST(ROUND(units * price, 2) AS DECIMAL(10, 2)) AS total_amount,
    CAST(0 AS DECIMAL(10, 2)) AS discount_amount,
    CAST(0 AS DECIMAL(10, 2)) AS tax_amount,
    CASE
        WHEN InvoiceNo LIKE 'C%' THEN 'cancelled'
        WHEN InvoiceNo LIKE 'A%' THEN 'adjustment'
        WHEN units < 0 THEN 'returned'
        WHEN price <= 0 THEN 'adjustment'
        ELSE 'completed'
    END AS status,
    'unknown' AS user_tier,
    CAST(InvoiceDate AS TIMESTAMP) AS created_at
FROM numbered
