SELECT COALESCE(SUM(verdicts.events), 0) AS events
FROM (
    &{verdicts}
) AS verdicts
