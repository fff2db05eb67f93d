-- folder: empty for all dates, or '<date>/'. pattern: of the manifests to read, as a literal. Each as one text, torn or not.
SELECT
    METADATA$FILENAME AS path,
    $1 AS document
FROM @raw.landing/_speed_manifests/&{folder} (FILE_FORMAT => ops.whole_documents, PATTERN => &{pattern})
