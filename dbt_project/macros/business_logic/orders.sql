{# An order is a transaction id; a purchase event without one is an order of its own. `row` is the event's alias. #}
{% macro order_id(row) -%}
    COALESCE({{ row }}.transaction_id, 'event:' || {{ row }}.event_id)
{%- endmacro %}

{# Units that a purchase event tells of: properties.quantity where it is a whole number above zero, in at most 18 digits, else 1. #}
{% macro purchased_units(properties) -%}
    IFF(
        REGEXP_LIKE({{ properties }}:quantity::VARCHAR, '0*[1-9][0-9]{0,17}([.]0{1,60})?'),
        TRY_TO_NUMBER({{ properties }}:quantity::VARCHAR, 38, 0),
        1
    )
{%- endmacro %}

{# The statuses of a cancelled transaction, as a list of literals in lower case (var cancelled_statuses). #}
{% macro cancelled_statuses() -%}
    {%- if var('cancelled_statuses') is string -%}
        {%- do exceptions.raise_compiler_error('the variable cancelled_statuses is no list') -%}
    {%- endif -%}
    '{{ var("cancelled_statuses") | map("lower") | join("', '") }}'
{%- endmacro %}
