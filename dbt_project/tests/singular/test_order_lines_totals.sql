-- The purchases and amounts of all orders are those of all purchase events, where the lines contain the newest changes.
WITH balance AS (
    SELECT
        1 AS purchases,
        {{ purchase_amount('events.properties_parsed') }} AS gross_amount
    FROM {{ ref('stg_events_cleaned') }} AS events
    WHERE
        events.event_type = 'purchase'
        AND {{ is_counted('events') }}

    UNION ALL

    SELECT
        -purchases AS purchases,
        -gross_amount AS gross_amount
    FROM {{ ref('int_order_lines') }}
),

pending AS (
    SELECT changes.date
    FROM (
        {{ driving_changes([driver('user_events')]) }}
    ) AS changes
    LEFT JOIN ({{ built_dates('int_order_lines', 'user_events') }}) AS built
        ON changes.date = built.date
    WHERE built.date IS NULL
)

SELECT
    SUM(purchases) AS missing_purchases,
    SUM(gross_amount) AS missing_amount
FROM balance
WHERE NOT EXISTS (SELECT 1 FROM pending)
HAVING
    SUM(purchases) != 0
    OR SUM(gross_amount) != 0
