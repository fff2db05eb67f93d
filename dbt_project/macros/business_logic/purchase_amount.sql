{# The amount of a purchase event: properties.amount as money, each amount rounded half away from zero to cents before
   anything is summed. The grammar is that of the Spark job (docs/metrics.md, Amount); what it does not allow, and what has more
   than 18 digits before the point, counts 0 and is named by the quality rule unparsable_amount. #}
{% macro purchase_amount(properties) -%}
    IFF(
        REGEXP_LIKE({{ properties }}:amount::VARCHAR, '-?[0-9]{1,60}([.][0-9]{1,60})?([eE][+-]?[0-9]{1,3})?'),
        COALESCE(TRY_TO_DECIMAL({{ properties }}:amount::VARCHAR, 20, 2), 0),
        0
    )
{%- endmacro %}
