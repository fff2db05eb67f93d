{# Expected revenue of a user of the tier over the lifetime horizon: what the average user of this tier brought on this
   day, times the active days expected of the tier (var clv_active_days). No tier, or one that the shop does not know, counts as
   `unknown`. revenue_per_user is taken as published (rounded to cents), so that anyone can recompute
   the figure from the mart. #}
{% macro calculate_customer_lifetime_value(user_tier, revenue_per_user) -%}
    {%- set active_days = var('clv_active_days') -%}
    {{ revenue_per_user }} * CASE {{ user_tier }}
        {%- for tier in ['bronze', 'silver', 'gold', 'platinum'] %}
        WHEN '{{ tier }}' THEN {{ active_days[tier] }}
        {%- endfor %}
        ELSE {{ active_days['unknown'] }}
    END
{%- endmacro %}
