{# Incremental strategy `replace_dates`: replaces whole dates, in one transaction.

   The model's query returns every row of every affected date and, for an affected date that has become empty, one row
   with nothing but date and change_id: a tombstone (created_at IS NULL). dbt keeps the result in a temporary table, so
   ledger and data were read by one statement, at one moment; a change committed since then stays pending for
   the next run. All rows of those dates go, those that are no tombstones come in; no other row is touched. #}
{% macro get_incremental_replace_dates_sql(arg_dict) -%}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set affected = arg_dict['temp_relation'] -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set dml -%}
    DELETE FROM {{ target }}
    WHERE date IN (SELECT DISTINCT date FROM {{ affected }});

    INSERT INTO {{ target }} ({{ columns }})
    SELECT {{ columns }}
    FROM {{ affected }}
    WHERE created_at IS NOT NULL
    {%- endset -%}
    {%- do return(snowflake_dml_explicit_transaction(dml)) -%}
{%- endmacro %}
