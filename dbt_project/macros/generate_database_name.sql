{# The target's database. The target dev refuses production's, whatever the environment says. #}
{% macro generate_database_name(custom_database_name=none, node=none) -%}
    {%- set database = (custom_database_name or target.database) | trim -%}
    {%- if target.name == 'dev' and database | replace('"', '') | trim | upper == var('production_database') | upper -%}
        {%- do exceptions.raise_compiler_error(
            "the target dev would write into " ~ database ~ ", which is production's: set SNOWFLAKE_DEV_DATABASE to a database of your own") -%}
    {%- endif -%}
    {{ database }}
{%- endmacro %}
