WITH transactions AS (
    SELECT * FROM {{ source('staging', 'transactions_validated') }}
)

SELECT
    transaction_id,
    NULLIF(user_id, '') AS user_id,
    NULLIF(product_id, '') AS product_id,
    quantity,
    unit_price,
    total_amount,
    discount_amount,
    tax_amount,
    status,
    payment_method,
    NULLIF(user_tier, '') AS user_tier,
    created_at,
    is_valid,
    validation_errors,
    validation_warnings,
    is_test_user,
    batch_id,
    processed_at,
    TO_DATE(created_at) AS date
FROM transactions
