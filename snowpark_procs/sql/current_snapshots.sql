SELECT
    TO_CHAR(date, 'YYYY-MM-DD') AS date,
    extraction_id,
    TO_CHAR(extracted_at, 'YYYY-MM-DD HH24:MI:SS.FF6') AS extracted_at
FROM recon.speed_extractions
QUALIFY ROW_NUMBER() OVER (PARTITION BY date ORDER BY extracted_at DESC, extraction_id DESC) = 1
