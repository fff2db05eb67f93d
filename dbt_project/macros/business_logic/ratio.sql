{# numerator / denominator in decimal arithmetic; 0 where the denominator is 0 or NULL: a shop without a single view has
   a view-to-cart rate of 0, as the requirement has it. Never a FLOAT: Snowflake divides NUMBER by NUMBER exactly, with
   six more digits of scale, rounding half away from zero. #}
{% macro ratio(numerator, denominator) -%}
    DIV0NULL({{ numerator }}, {{ denominator }})
{%- endmacro %}

{# numerator / denominator, NULL where there is nothing to average: an average of no durations is unknown, not 0. #}
{% macro average(total, observations) -%}
    {{ total }} / NULLIF({{ observations }}, 0)
{%- endmacro %}
