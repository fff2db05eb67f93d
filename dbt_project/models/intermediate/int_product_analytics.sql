-- What happened to products: one row per event, order line and return line of a product. Each branch has its time as it is
-- stored, so that a condition on `moment` skips micro-partitions of the tables below.
SELECT
    event_type AS kind,
    event_id AS id,
    product_id,
    timestamp AS moment,
    date,
    user_id,
    IFF(event_type = 'purchase', {{ purchase_amount('properties_parsed') }}, 0) AS revenue,
    0 AS units,
    0 AS order_value,
    0 AS net_revenue
FROM {{ ref('stg_events_cleaned') }} AS events
WHERE
    {{ is_counted('events') }}
    AND product_id IS NOT NULL
    AND event_type IN ('product_view', 'add_to_cart', 'purchase')
{% for kind, moment in [('sale', 'ordered_at'), ('return', 'occurred_at')] %}
UNION ALL

SELECT
    line_kind AS kind,
    order_id AS id,
    product_id,
    {{ moment }} AS moment,
    date,
    user_id,
    0 AS revenue,
    units,
    gross_amount AS order_value,
    net_amount AS net_revenue
FROM {{ ref('int_order_lines') }}
WHERE
    product_id IS NOT NULL
    AND line_kind = '{{ kind }}'
{% endfor %}
