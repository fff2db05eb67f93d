{{ config(severity='warn', tags=['reconciliation']) }}
-- Returns under ids of their own, of a user and product of which an earlier order line is refunded or returned by its status: if both tell
-- of the same goods, they are subtracted twice (docs/metrics.md, Return line). difference: what these returns take off.
WITH order_lines AS (
    SELECT
        line_kind,
        order_id,
        product_id,
        user_id,
        date,
        net_amount,
        is_cancelled,
        LOWER(status) AS known_status,
        COALESCE(ordered_at, occurred_at) AS moment
    FROM {{ ref('int_order_lines') }}
    WHERE line_kind IN ('sale', 'return')
),

doubtful AS (
    SELECT DISTINCT
        given_back.order_id,
        given_back.product_id,
        given_back.date,
        given_back.net_amount
    FROM order_lines AS given_back
    INNER JOIN order_lines AS sales
        ON
            given_back.user_id = sales.user_id
            AND EQUAL_NULL(given_back.product_id, sales.product_id)
            AND given_back.order_id != sales.order_id
            AND given_back.moment >= sales.moment
    WHERE
        given_back.line_kind = 'return'
        AND sales.line_kind = 'sale'
        AND sales.is_cancelled
        AND sales.known_status IN ('refunded', 'returned')
)

SELECT
    date,
    COUNT(*) AS lines,
    SUM(net_amount) AS difference
FROM doubtful
GROUP BY date
