-- When a batch was published, which one before it, and of which snapshots it is.
SELECT
    $1:published_at::STRING AS published_at,
    $1:previous::STRING AS previous,
    $1:mode::STRING AS mode,
    TO_JSON($1:tables) AS tables
FROM @raw.landing/&{path} (FILE_FORMAT => ops.json_documents)
