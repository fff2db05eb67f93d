-- stage: lake | landing. files: a list of literals, at most 1,000. The columns that the files have, each with its type and the files that have it.
SELECT
    column_name,
    type,
    filenames
FROM TABLE(INFER_SCHEMA(LOCATION => '@raw.&{stage}/', FILE_FORMAT => 'ops.batch_files', FILES => (&{files})))
ORDER BY order_id
