-- Bind: JSON array of speed manifests, extracted_at without a zone.
INSERT INTO recon.speed_extractions (extraction_id, date, extracted_at, row_count, non_uuid_ids, loaded_at)
SELECT
    f.value:extraction_id::STRING AS extraction_id,
    f.value:date::STRING::DATE AS date,
    f.value:extracted_at::STRING::TIMESTAMP_NTZ AS extracted_at,
    f.value:rows::NUMBER(38, 0) AS row_count,
    f.value:non_uuid_ids::NUMBER(38, 0) AS non_uuid_ids,
    CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ AS loaded_at
FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
