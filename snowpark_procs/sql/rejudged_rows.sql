-- The rows of which the present rules say something else than what stands with them. Rows without a key are such rows like others.
SELECT &{table}.&{time}
FROM staging.&{table}
CROSS JOIN &{misjudged}
