-- columns: of the files and of the table. values: paths into a row, with casts. batch_literal: a literal. The one way by which COPY writes the
-- batch id too: an UPDATE afterwards would write every partition twice.
COPY INTO raw.&{table} (&{columns}, batch_id, file_name, loaded_at)
FROM (
    SELECT
        &{values},
        &{batch_literal},
        METADATA$FILENAME,
        METADATA$START_SCAN_TIME::TIMESTAMP_NTZ
    FROM @raw.&{stage}
)
FILES = (&{files})
FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE USE_VECTORIZED_SCANNER = TRUE)
ON_ERROR = ABORT_STATEMENT
FORCE = TRUE
