{# One INSERT into ops.dbt_runs with what became of each model and test of a run, for monitoring; nothing where dbt built and tested
   nothing. It names the newest batch that was in STAGING when the run began, for the run's trace (monitoring/dbt_trace.py reads it in
   run_results.json). See: https://docs.getdbt.com/reference/dbt-jinja-functions/on-run-end-context #}
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
    {%- set newest = run_query(newest_batch()).rows -%}
    INSERT INTO {{ source('ops', 'dbt_runs') }} (invocation_id, node, materialization, status, seconds, finished_at)
    /* batch {{ newest[0][0] if newest else 'none' }} */
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

{# SELECT batch_id: the newest batch that was in STAGING when the run began. #}
{% macro newest_batch() -%}
    SELECT batch_id
    FROM {{ source('ops', 'batches') }}
    WHERE flagged_at <= TO_TIMESTAMP_NTZ('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}', 'YYYY-MM-DD HH24:MI:SS.FF6')
    ORDER BY flagged_at DESC
    LIMIT 1
{%- endmacro %}
