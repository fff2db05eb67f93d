-- folder: empty for all dates, or '<date>/'.
SELECT
    METADATA$FILENAME AS path,
    TO_JSON($1) AS document
FROM @raw.landing/_speed_manifests/&{folder} (FILE_FORMAT => ops.json_documents, PATTERN => '.*[.]json')
