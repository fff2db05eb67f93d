-- Binds: JSON array of the buckets whose rows the snapshot has; extraction id. Those of all others are the same on both sides, so the
-- warehouse takes its own. hashed: a query for the batch side's sessions of the day, each with its bucket.
INSERT INTO recon.speed_sessions (
    extraction_id, date, session_id, user_id, user_tier, session_start, session_end, page_views, product_views, searches,
    add_to_cart_events, purchases, total_spent, session_id_as_stored, user_id_as_stored, is_batch_row, loaded_at
)
WITH fetched AS (
    SELECT f.value::NUMBER(38, 0) AS bucket
    FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
)

SELECT
    ? AS extraction_id,
    TO_DATE(hashed.session_start) AS date,
    &{taken},
    IFF(hashed.session_id IS NULL, NULL, NULLIF(hashed.stored_session_id, hashed.session_id)) AS session_id_as_stored,
    &{user_as_stored} AS user_id_as_stored,
    TRUE AS is_batch_row,
    CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ AS loaded_at
FROM (&{hashed}) AS hashed
WHERE hashed.bucket NOT IN (SELECT fetched.bucket FROM fetched)
