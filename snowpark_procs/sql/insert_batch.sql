-- Binds: batch id, contract version, mode, manifest text, published at.
INSERT INTO ops.batches (batch_id, contract_version, mode, manifest, published_at, loaded_at)
SELECT
    ?,
    ?,
    ?,
    PARSE_JSON(?),
    ?::TIMESTAMP_NTZ,
    CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
