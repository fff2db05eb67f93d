-- Every line that was really bought (units and price above zero, invoice neither cancelled nor an adjustment) is a
-- purchase; the invoice is the session and the order.
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
    -- A UUID made of what identifies the line, so that importing the file again gives the same ids.
    REGEXP_REPLACE(
        MD5(CONCAT_WS('|', 'online_retail', InvoiceNo, StockCode, occurrence)),
        '^(.{8})(.{4})(.{4})(.{4})(.{12})$', '$1-$2-$3-$4-$5'
    ) AS event_id,
    REGEXP_REPLACE(CustomerID, '[.]0$', '') AS user_id,
    InvoiceNo AS session_id,
    'purchase' AS event_type,
    CAST(InvoiceDate AS TIMESTAMP) AS timestamp,
    StockCode AS product_id,
    InvoiceNo AS transaction_id,
    'unknown' AS user_tier,
    TO_JSON(NAMED_STRUCT(
        'amount', CAST(ROUND(units * price, 2) AS STRING),
        'quantity', units,
        'country', Country
    )) AS properties
FROM numbered
WHERE units > 0 AND price > 0 AND InvoiceNo NOT LIKE 'C%' AND InvoiceNo NOT LIKE 'A%'
