-- file: a literal. What the file of a day's buckets says of all of them; NULLs where there is none. Sums as texts.
SELECT
    MAX($1:COMPARED::STRING) AS compared,
    MAX($1:BUCKET_COUNT::NUMBER(38, 0)) AS bucket_count,
    MAX($1:CHANGE_ID::NUMBER(38, 0)) AS change_id,
    SUM($1:ROW_COUNT::NUMBER(38, 0)) AS row_count,
    SUM($1:HIGH::NUMBER(38, 0))::STRING AS high,
    SUM($1:LOW::NUMBER(38, 0))::STRING AS low
FROM &{file} (FILE_FORMAT => ops.parquet_files)
