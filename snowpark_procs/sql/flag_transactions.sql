-- Binds: batch id; JSON array of batches that come after it; JSON array of dates that those have replaced as a whole.
INSERT INTO staging.transactions_validated_delta (
    transaction_id, user_id, product_id, quantity, unit_price, total_amount, discount_amount, tax_amount, status,
    payment_method, user_tier, created_at, is_valid, validation_errors, validation_warnings, is_test_user, batch_id,
    is_changed, is_removed, previous_date
)
WITH constants AS (
    SELECT &{constants}
),

source AS (
    SELECT
        &{transaction_id} AS transaction_id,
        &{user_id} AS user_id,
        NULLIF(r.product_id, '') AS product_id,
        r.quantity,
        r.unit_price,
        r.total_amount,
        r.discount_amount,
        r.tax_amount,
        r.status,
        r.payment_method,
        NULLIF(r.user_tier, '') AS user_tier,
        r.created_at,
        r.batch_id
    FROM raw.transactions AS r
    WHERE r.batch_id = ? AND &{delivered}
),

single AS (
    SELECT *
    FROM source
    QUALIFY
        transaction_id IS NULL
        OR ROW_NUMBER() OVER (
            PARTITION BY transaction_id, product_id
            ORDER BY
                created_at, user_id, quantity, unit_price, total_amount, discount_amount, tax_amount, status,
                payment_method, user_tier
        ) = 1
),

ruled AS (
    SELECT
        single.*,
        &{errors} AS validation_errors,
        &{warnings} AS validation_warnings,
        &{is_test_user} AS is_test_user
    FROM single
    CROSS JOIN constants
),

judged AS (
    SELECT
        ruled.*,
        ARRAY_SIZE(ruled.validation_errors) = 0 AS is_valid
    FROM ruled
),

present AS (
    SELECT *
    FROM staging.transactions_validated AS known
    WHERE &{known}
)

SELECT
    judged.transaction_id,
    judged.user_id,
    judged.product_id,
    judged.quantity,
    judged.unit_price,
    judged.total_amount,
    judged.discount_amount,
    judged.tax_amount,
    judged.status,
    judged.payment_method,
    judged.user_tier,
    judged.created_at,
    judged.is_valid,
    judged.validation_errors,
    judged.validation_warnings,
    judged.is_test_user,
    judged.batch_id,
    (present.transaction_id IS NULL OR &{differs}) AS is_changed,
    FALSE AS is_removed,
    present.created_at::DATE AS previous_date
FROM judged
LEFT JOIN present
    ON
        judged.transaction_id = present.transaction_id
        AND EQUAL_NULL(judged.product_id, present.product_id)
WHERE
    (
        present.batch_id IS NULL
        OR present.batch_id NOT IN (SELECT f.value::STRING FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f)
    )
    AND (
        judged.created_at IS NULL
        OR judged.created_at::DATE NOT IN (SELECT f.value::DATE FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f)
    )
