-- Orders from their lines. An order of which every line is cancelled is cancelled.
SELECT
    order_id,
    date,
    ordered_at,
    user_id,
    user_tier,
    COUNT(*) AS lines,
    SUM(purchases) AS purchases,
    SUM(gross_amount) AS gross_amount,
    SUM(units) AS units,
    SUM(discount_amount) AS discount_amount,
    SUM(tax_amount) AS tax_amount,
    SUM(net_amount) AS net_amount,
    BOOLAND_AGG(is_cancelled) AS is_cancelled,
    COUNT(transaction_total) AS lines_with_transaction
FROM {{ ref('int_order_lines') }}
WHERE line_kind = 'sale'
GROUP BY order_id, date, ordered_at, user_id, user_tier
