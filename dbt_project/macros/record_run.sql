{# One INSERT into ops.dbt_runs with what became of each model and test of a run, for monitoring; nothing where dbt built and tested
   nothing. See: https://docs.getdbt.com/reference/dbt-jinja-functions/on-run-end-context #}
{% macro record_run(results) -%}
    {%- set rows = [] -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'test') -%}
        {%- for result in results if result.node.resource_type in ('model', 'test', 'unit_test') -%}
            {%- do rows.append("('" ~ result.node.name ~ "', '"
                ~ (result.node.config.materialized if result.node.resource_type == 'model' else 'test') ~ "', '"
                ~ result.status ~ "', " ~ result.execution_time | round(3) ~ ")") -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if rows -%}
    INSERT INTO {{ source('ops', 'dbt_runs') }} (invocation_id, node, materialization, status, seconds, finished_at)
    SELECT
        '{{ invocation_id }}',
        executed.node,
        executed.materialization,
        executed.status,
        executed.seconds,
        CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
    FROM (
        VALUES
        {{ rows | join(',\n        ') }}
    ) AS executed (node, materialization, status, seconds)
    {%- endif -%}
{%- endmacro %}
