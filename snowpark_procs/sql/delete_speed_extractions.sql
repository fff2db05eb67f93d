-- Bind: JSON array of extraction ids. A day whose content went back to an earlier state has that snapshot again.
DELETE FROM recon.speed_extractions
WHERE extraction_id IN (SELECT f.value::STRING FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f)
