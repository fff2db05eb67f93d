{# SELECT date: the dates of a dataset whose newest change in ops.date_changes the model contains. A change that is committed while
   dbt runs is above the model's watermark: its date is then left to the next run, and to its tests. #}
{% macro built_dates(model_name, dataset) -%}
    SELECT changes.date
    FROM (
        {{ driving_changes([driver(dataset)]) }}
    ) AS changes
    INNER JOIN {{ source('ops', 'model_builds') }} AS builds
        ON changes.change_id <= builds.watermarks:{{ dataset }}::NUMBER(38, 0)
    WHERE builds.model = '{{ model_name }}'
{%- endmacro %}
