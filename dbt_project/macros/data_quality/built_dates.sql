{# SELECT date: the dates whose every change in the ledger the mart claims to contain. A change that is committed while dbt
   runs is above the mart's watermark: the date is then left to the next run, and to its tests. #}
{% macro built_dates(mart, dataset, spill_days=0) -%}
    SELECT affected.date
    FROM (
        {{ affected_dates(dataset, incremental=false, spill_days=spill_days) }}
    ) AS affected
    WHERE affected.change_id <= (SELECT MAX(built.change_id) FROM {{ mart }} AS built)
{%- endmacro %}
