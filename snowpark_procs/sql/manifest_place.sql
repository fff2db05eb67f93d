-- When a batch was published, and which one before it.
SELECT
    $1:published_at::STRING AS published_at,
    $1:previous::STRING AS previous
FROM @raw.landing/&{path} (FILE_FORMAT => ops.json_documents)
