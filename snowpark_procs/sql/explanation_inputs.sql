-- Bind: batches that are published and not loaded. One digest of what explanations depend on beside their runs.
WITH snapshots AS (
    SELECT
        date,
        extraction_id
    FROM recon.speed_extractions
    QUALIFY ROW_NUMBER() OVER (PARTITION BY date ORDER BY extracted_at DESC, extraction_id DESC) = 1
),

states AS (
    SELECT
        'snapshots' AS name,
        LISTAGG(extraction_id, ',') WITHIN GROUP (ORDER BY date) AS state
    FROM snapshots
    UNION ALL
    SELECT
        'staging' AS name,
        MAX(change_id)::STRING AS state
    FROM ops.date_changes
    UNION ALL
    SELECT
        'not flagged' AS name,
        LISTAGG(batch_id, ',') WITHIN GROUP (ORDER BY batch_id) AS state
    FROM ops.batches
    WHERE flagged_at IS NULL
    UNION ALL
    SELECT
        'not loaded' AS name,
        ? AS state
    UNION ALL
    SELECT
        settings.name,
        settings.value::STRING AS state
    FROM recon.settings AS settings
    WHERE settings.name = 'allowed_lateness_hours'
)

SELECT MD5(LISTAGG(name || '=' || COALESCE(state, '-'), '#') WITHIN GROUP (ORDER BY name)) AS inputs_digest
FROM states
