COPY INTO @raw.landing/_manifests/&{batch_id}.loaded
FROM (
    SELECT OBJECT_CONSTRUCT('batch_id', batch_id, 'loaded_at', TO_CHAR(loaded_at, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"'))
    FROM ops.batches
    WHERE batch_id = &{batch_literal}
)
FILE_FORMAT = (TYPE = JSON COMPRESSION = NONE)
SINGLE = TRUE
OVERWRITE = TRUE
