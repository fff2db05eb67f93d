{# The DML that brings ops.user_totals to what int_user_days will hold: what comes less what goes, by user, or what comes alone where all
   there is is built. It runs before the rows are replaced. target, fresh: the table, and what replaces its rows that `replaced` is
   TRUE for. Nothing is done where `ours` is not TRUE. #}
{% macro keep_user_totals(plan, target, fresh, replaced, ours) -%}
    {%- set totals = source('ops', 'user_totals') -%}
    {%- if plan['full'] -%}
    DELETE FROM {{ totals }}
    WHERE {{ ours }};

    {% endif -%}
    MERGE INTO {{ totals }} AS totals
    USING (
        SELECT
            moved.user_id,
            SUM(moved.orders) AS orders,
            SUM(moved.net_revenue) AS net_revenue,
            SUM(moved.active_dates) AS active_dates
        FROM (
            SELECT
                user_id,
                orders,
                net_revenue,
                1 AS active_dates
            FROM {{ fresh }}
            WHERE created_at IS NOT NULL
            {%- if not plan['full'] %}
            UNION ALL
            SELECT
                user_id,
                -orders AS orders,
                -net_revenue AS net_revenue,
                -1 AS active_dates
            FROM {{ target }}
            WHERE {{ replaced }}
            {%- endif %}
        ) AS moved
        WHERE {{ ours }}
        GROUP BY moved.user_id
        HAVING SUM(moved.orders) != 0 OR SUM(moved.net_revenue) != 0 OR SUM(moved.active_dates) != 0
    ) AS changes
        ON totals.user_id = changes.user_id
    WHEN MATCHED AND totals.active_dates + changes.active_dates = 0 THEN DELETE
    WHEN MATCHED THEN UPDATE SET
        orders = totals.orders + changes.orders,
        net_revenue = totals.net_revenue + changes.net_revenue,
        active_dates = totals.active_dates + changes.active_dates
    WHEN NOT MATCHED THEN INSERT (user_id, orders, net_revenue, active_dates)
    VALUES (changes.user_id, changes.orders, changes.net_revenue, changes.active_dates)
{%- endmacro %}
