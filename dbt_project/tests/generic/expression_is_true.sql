{# Rows for which `expression` is FALSE; unknown (NULL) passes. #}
{% test expression_is_true(model, expression) %}
SELECT *
FROM {{ model }}
WHERE NOT ({{ expression }})
{% endtest %}
