-- A file of sessions in the landing: a query of the explanation's statement.
SELECT
    $1:session_id::STRING AS session_id,
    &{batch_literal} AS batch_id
FROM &{file} (FILE_FORMAT => ops.parquet_files)
