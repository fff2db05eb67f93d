SELECT $1:published_at::STRING AS published_at
FROM @raw.landing/&{path} (FILE_FORMAT => ops.json_documents)
