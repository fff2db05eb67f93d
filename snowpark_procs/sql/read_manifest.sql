SELECT TO_JSON($1) AS document
FROM @raw.landing/&{path} (FILE_FORMAT => ops.json_documents)
