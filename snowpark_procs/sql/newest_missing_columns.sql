-- What the speed layer lacked when it was read last.
SELECT ARRAY_TO_STRING(missing_columns, ',') AS missing_columns
FROM recon.speed_extractions
QUALIFY ROW_NUMBER() OVER (ORDER BY extracted_at DESC, extraction_id DESC) = 1
