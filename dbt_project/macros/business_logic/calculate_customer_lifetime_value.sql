{# What a user of the tier is expected to bring over the lifetime horizon: net revenue per active date, over the users and their whole
   history to date, times the active dates expected of the tier. It is average order value times purchase frequency times
   lifespan (https://www.shopify.com/blog/customer-lifetime-value), with the active date as the unit of time. 0 without a user. #}
{% macro calculate_customer_lifetime_value(user_tier, net_revenue_to_date, active_dates_to_date) -%}
    {{ ratio('(' ~ net_revenue_to_date ~ ') * (' ~ expected_active_dates(user_tier) ~ ')', active_dates_to_date, 2) }}
{%- endmacro %}

{# Active dates expected of a user of the tier (var clv_active_days). No tier, or one that the shop does not know, counts as `unknown`. #}
{% macro expected_active_dates(user_tier) -%}
    {%- set active_days = var('clv_active_days') -%}
    CASE {{ user_tier }}
        {%- for tier in ['bronze', 'silver', 'gold', 'platinum'] %}
        WHEN '{{ tier }}' THEN {{ active_days[tier] }}
        {%- endfor %}
        ELSE {{ active_days['unknown'] }}
    END
{%- endmacro %}
