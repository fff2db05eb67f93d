{# When the row was built, UTC. #}
{% macro built_at() -%}
    CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
{%- endmacro %}
