-- hashed: a query for a snapshot's rows, each with its hash. As texts: more digits than a client's numbers have.
SELECT
    COUNT(*) AS row_count,
    COALESCE(SUM(hashed.high), 0)::STRING AS high,
    COALESCE(SUM(hashed.low), 0)::STRING AS low
FROM (&{hashed}) AS hashed
