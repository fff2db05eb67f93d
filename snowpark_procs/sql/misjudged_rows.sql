-- What limits a table's rows to those of which the present rules say something else than what stands with them: `given`, and the condition.
(
    SELECT &{given}
) AS given
WHERE
    &{scope}
    AND (
        &{differs}
    )
