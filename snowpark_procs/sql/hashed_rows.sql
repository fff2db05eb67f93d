-- A query of other statements: rows with bucket and hash. Snowflake reads a digest as a big-endian number.
SELECT
    texts.*,
    MOD(MD5_NUMBER_LOWER64(texts.identifier), &{count}) AS bucket,
    MD5_NUMBER_UPPER64(texts.compared) AS high,
    MD5_NUMBER_LOWER64(texts.compared) AS low
FROM (
    SELECT
        s.*,
        &{identifier} AS identifier,
        &{compared} AS compared
    FROM (&{rows}) AS s
) AS texts
