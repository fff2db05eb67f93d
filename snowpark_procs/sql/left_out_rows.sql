-- Binds: extraction id; date. How many rows the snapshot left out, and the file in the landing that has each with its reason.
SELECT
    set_aside_rows,
    set_aside_path
FROM recon.speed_extractions
WHERE extraction_id = ? AND date = TO_DATE(?, 'YYYY-MM-DD') AND set_aside_rows > 0
