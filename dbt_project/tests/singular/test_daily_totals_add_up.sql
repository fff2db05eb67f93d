-- What a date has over all tiers is the sum over its tiers: users too, since a user has one tier on a date.
WITH built_dates AS (
    {{ built_dates('mart_daily_metrics', 'user_sessions') }}
    INTERSECT
    {{ built_dates('mart_daily_totals', 'user_sessions') }}
),

{% set summed = ['unique_users', 'sessions', 'converting_sessions', 'purchases', 'revenue', 'orders', 'order_value', 'units', 'net_revenue', 'buyers'] -%}
balance AS (
    SELECT
        date,
        {%- for metric in summed %}
        {{ metric }}{{ ',' if not loop.last }}
        {%- endfor %}
    FROM {{ ref('mart_daily_totals') }}

    UNION ALL

    SELECT
        date,
        {%- for metric in summed %}
        -{{ metric }} AS {{ metric }}{{ ',' if not loop.last }}
        {%- endfor %}
    FROM {{ ref('mart_daily_metrics') }}
)

SELECT
    balance.date,
    {%- for metric in summed %}
    SUM(balance.{{ metric }}) AS missing_{{ metric }}{{ ',' if not loop.last }}
    {%- endfor %}
FROM balance
INNER JOIN built_dates ON balance.date = built_dates.date
GROUP BY balance.date
HAVING
    {%- for metric in summed %}
    {{ 'OR ' if not loop.first }}SUM(balance.{{ metric }}) != 0
    {%- endfor %}
