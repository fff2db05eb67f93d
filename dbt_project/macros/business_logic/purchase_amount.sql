{# The amount of a purchase event: properties.amount as money, each amount rounded half away from zero to cents before
   anything is summed. Missing, malformed and absurd ones (over 26 digits before the point) count 0: the Spark job
   does the same, and counts them. #}
{% macro purchase_amount(properties) -%}
    COALESCE(TRY_TO_DECIMAL({{ properties }}:amount::VARCHAR, 28, 2), 0)
{%- endmacro %}
