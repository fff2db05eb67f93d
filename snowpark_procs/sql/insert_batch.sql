-- Binds: batch id, contract version, mode, manifest text, published at, seconds, code version.
INSERT INTO ops.batches (
    batch_id, contract_version, mode, manifest, published_at, load_seconds, code_version, loaded_at
)
SELECT
    ?,
    ?,
    ?,
    PARSE_JSON(?),
    TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD HH24:MI:SS.FF6'),
    ?::NUMBER(18, 3),
    ?,
    CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
