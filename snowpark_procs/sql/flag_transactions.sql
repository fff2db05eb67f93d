-- Binds: batch id; JSON array of batches that come after it; JSON array of dates that those have replaced as a whole.
-- The batch's events must be in STAGING already: a line has a purchase where one of them names its transaction.
-- A row is superseded when one of those batches has the same key, wherever that row went since. A row that stands on one of those
-- dates is gone, and so is the current row, which in the order of publication it would have replaced.
INSERT INTO staging.transactions_validated_delta (
    transaction_id, user_id, product_id, quantity, unit_price, total_amount, discount_amount, tax_amount, status,
    payment_method, user_tier, created_at, is_valid, validation_errors, validation_warnings, is_test_user, copies,
    has_purchase, batch_id, is_changed, is_removed, previous_date
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
    SELECT
        *,
        IFF(transaction_id IS NULL, 1, COUNT(*) OVER (PARTITION BY transaction_id, product_id)) AS copies
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

bought AS (
    &{purchase_dates}
),

told AS (
    SELECT
        single.*,
        IFF(single.transaction_id IS NULL OR single.created_at IS NULL, NULL, bought.date IS NOT NULL) AS has_purchase
    FROM single
    LEFT JOIN bought
        ON single.transaction_id = bought.transaction_id AND single.created_at::DATE = bought.date
),

ruled AS (
    SELECT
        told.*,
        &{errors} AS validation_errors,
        &{warnings} AS validation_warnings,
        &{is_test_user} AS is_test_user
    FROM told
    CROSS JOIN constants
),

judged AS (
    SELECT
        ruled.*,
        ARRAY_SIZE(ruled.validation_errors) = 0 AS is_valid
    FROM ruled
),

superseded AS (
    SELECT DISTINCT
        &{transaction_id} AS transaction_id,
        NULLIF(r.product_id, '') AS product_id
    FROM raw.transactions AS r
    WHERE
        &{delivered_later}
        AND r.batch_id IN (SELECT f.value::STRING FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f)
),

replaced AS (
    SELECT TO_DATE(f.value::STRING, 'YYYY-MM-DD') AS date
    FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
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
    judged.copies,
    judged.has_purchase,
    judged.batch_id,
    IFF(present.transaction_id IS NULL OR replaced.date IS NOT NULL, TRUE, &{differs}) AS is_changed,
    replaced.date IS NOT NULL AS is_removed,
    present.created_at::DATE AS previous_date
FROM judged
LEFT JOIN present
    ON
        judged.transaction_id = present.transaction_id
        AND EQUAL_NULL(judged.product_id, present.product_id)
LEFT JOIN superseded
    ON
        judged.transaction_id = superseded.transaction_id
        AND EQUAL_NULL(judged.product_id, superseded.product_id)
LEFT JOIN replaced
    ON judged.created_at::DATE = replaced.date
WHERE superseded.transaction_id IS NULL AND (replaced.date IS NULL OR present.transaction_id IS NOT NULL)
