{# The form in which the reconciliation compares an identifier (docs/reconciliation.md, Identifiers): without blanks around it, in lower case,
   and a UUID in any form with hyphens. The procedures have the same expression (snowpark_procs/identifiers.py). #}
{% macro compared_identifier(column) -%}
    {%- set bare = "TRIM(" ~ column ~ ", ' \\t\\r\\n')" -%}
    {%- set uuid = "[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}" -%}
    {%- set any_form = "^(urn:uuid:)?([{](" ~ uuid ~ ")[}]|" ~ uuid ~ ")$" -%}
    {%- set groups = "^.*([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})[}]?$" -%}
    {%- set uuid_of_form = "REGEXP_REPLACE(" ~ bare ~ ", '" ~ groups ~ "', '\\\\1-\\\\2-\\\\3-\\\\4-\\\\5', 1, 0, 'i')" -%}
    NULLIF(LOWER(IFF(LENGTH({{ bare }}) IN (32, 34, 38, 41, 43, 45, 47) AND REGEXP_LIKE({{ bare }}, '{{ any_form }}', 'i'), {{ uuid_of_form }}, {{ bare }})), '')
{%- endmacro %}
