{# A model's schema is the one that its folder names, never prefixed with the target's: the schemas belong to the
   migrations, and every target has its own database. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
