{# No two rows agree in all of `columns`; NULL agrees with NULL (dbt's own `unique` ignores NULLs). #}
{% test unique_combination(model, columns) %}
SELECT
    {{ columns | join(', ') }},
    COUNT(*) AS occurrences
FROM {{ model }}
GROUP BY {{ columns | join(', ') }}
HAVING COUNT(*) > 1
{% endtest %}
