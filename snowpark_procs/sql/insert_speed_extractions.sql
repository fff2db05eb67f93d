-- Bind: JSON array of speed manifests, extracted_at without a zone.
INSERT INTO recon.speed_extractions (
    extraction_id, date, extracted_at, row_count, non_uuid_ids, loaded_at,
    set_aside_rows, set_aside_path, missing_columns, engine, read_as, change_id, fetched_rows, uncompared_columns
)
SELECT
    f.value:extraction_id::STRING AS extraction_id,
    TO_DATE(f.value:date::STRING, 'YYYY-MM-DD') AS date,
    TO_TIMESTAMP_NTZ(f.value:extracted_at::STRING, 'YYYY-MM-DD HH24:MI:SS.FF6') AS extracted_at,
    f.value:rows::NUMBER(38, 0) AS row_count,
    f.value:non_uuid_ids::NUMBER(38, 0) AS non_uuid_ids,
    CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ AS loaded_at,
    f.value:set_aside_rows::NUMBER(38, 0) AS set_aside_rows,
    f.value:set_aside_path::STRING AS set_aside_path,
    f.value:missing_columns::ARRAY AS missing_columns,
    f.value:engine::STRING AS engine,
    f.value:read_as::STRING AS read_as,
    f.value:change_id::STRING::NUMBER(38, 0) AS change_id,
    f.value:fetched_rows::NUMBER(38, 0) AS fetched_rows,
    f.value:uncompared_columns::ARRAY AS uncompared_columns
FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
