{# A share of a whole lies between 0 and 1; NULL passes. #}
{% test share(model, column_name) %}
SELECT *
FROM {{ model }}
WHERE {{ column_name }} NOT BETWEEN 0 AND 1
{% endtest %}
