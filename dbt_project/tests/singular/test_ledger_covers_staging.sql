-- Every valid row of STAGING has its date in the ledger; a row whose date is missing there (or is NULL) would never reach a mart.
WITH staged AS (
    SELECT DISTINCT
        'user_sessions' AS dataset,
        date
    FROM {{ ref('stg_user_sessions_enhanced') }}
    WHERE is_valid

    UNION ALL

    SELECT DISTINCT
        'user_events' AS dataset,
        date
    FROM {{ ref('stg_events_cleaned') }}
    WHERE is_valid
)

SELECT
    staged.dataset,
    staged.date
FROM staged
LEFT JOIN {{ source('ops', 'date_changes') }} AS ledger
    ON
        staged.dataset = ledger.dataset
        AND staged.date = ledger.date
WHERE ledger.date IS NULL
