-- file: a literal. count: of buckets that are asked for. condition: on the coarse bucket. Sums as texts.
SELECT
    MOD($1:BUCKET::NUMBER(38, 0), &{count}) AS bucket,
    SUM($1:ROW_COUNT::NUMBER(38, 0)) AS row_count,
    SUM($1:HIGH::NUMBER(38, 0))::STRING AS high,
    SUM($1:LOW::NUMBER(38, 0))::STRING AS low
FROM &{file} (FILE_FORMAT => ops.parquet_files)
WHERE &{condition}
GROUP BY 1
