{# numerator / denominator as NUMBER(38, scale); 0 where the denominator is 0 or NULL: a shop without a single view has
   a view-to-cart rate of 0, as the requirement has it. Never a FLOAT. Snowflake divides NUMBER by NUMBER with at most twelve
   decimal places (https://docs.snowflake.com/en/sql-reference/operators-arithmetic#division): the numerator
   is made that wide first, so that the only rounding that shows is the cast, half away from zero. #}
{% macro ratio(numerator, denominator, scale) -%}
    DIV0NULL(({{ numerator }})::NUMBER(38, 12), {{ denominator }})::NUMBER(38, {{ scale }})
{%- endmacro %}

{# numerator / denominator as NUMBER(38, scale), NULL where there is nothing to average: an average of no durations is unknown, not 0. #}
{% macro average(total, observations, scale) -%}
    (({{ total }})::NUMBER(38, 12) / NULLIF({{ observations }}, 0))::NUMBER(38, {{ scale }})
{%- endmacro %}

{# Microseconds from one time to another, exact. #}
{% macro microseconds(start, end) -%}
    DATEDIFF('microsecond', {{ start }}, {{ end }})
{%- endmacro %}
