{# SELECT date: the dates of a dataset whose newest change in ops.date_changes the model contains. A change that is committed while
   dbt runs is above the model's watermark: the date is then left to the next run, and to its tests. #}
{% macro built_dates(model_name, dataset) -%}
    SELECT changes.date
    FROM (
        {{ driving_changes([driver(dataset)]) }}
    ) AS changes
    INNER JOIN {{ source('ops', 'model_dates') }} AS built
        ON
            changes.dataset = built.dataset
            AND changes.date = built.date
    WHERE
        built.model = '{{ model_name }}'
        AND changes.change_id = built.change_id
{%- endmacro %}
