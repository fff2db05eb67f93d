SELECT
    stages.name,
    DATE_PART('epoch_second', CASE stages.name WHEN 'published' THEN newest.published_at ELSE newest.loaded_at END)
FROM (VALUES ('published'), ('loaded')) AS stages (name)
CROSS JOIN (
    SELECT
        MAX(published_at) AS published_at,
        MAX(loaded_at) AS loaded_at
    FROM ops.batches
) AS newest
