-- Each date's sessions, purchases and revenue, valid and invalid, are those of all rows of STAGING: nothing is left out unnamed.
WITH built_dates AS (
    {{ built_dates('mart_daily_speed_comparable', 'user_sessions') }}
),

sessions AS (
    SELECT
        date,
        user_tier,
        is_valid,
        purchases,
        total_spent,
        {{ compared_identifier('session_id') }} AS session_key
    FROM {{ ref('stg_user_sessions_enhanced') }}
),

balance AS (
    SELECT
        date,
        COUNT(DISTINCT IFF(is_valid, session_key, NULL)) + COUNT_IF(NOT is_valid) AS sessions,
        SUM(purchases) AS purchases,
        SUM(total_spent) AS revenue
    FROM sessions
    GROUP BY date, user_tier

    UNION ALL

    SELECT
        date,
        -(sessions + invalid_sessions) AS sessions,
        -(purchases + invalid_purchases) AS purchases,
        -(revenue + invalid_revenue) AS revenue
    FROM {{ ref('mart_daily_speed_comparable') }}
)

SELECT
    balance.date,
    SUM(balance.sessions) AS missing_sessions,
    SUM(balance.purchases) AS missing_purchases,
    SUM(balance.revenue) AS missing_revenue
FROM balance
INNER JOIN built_dates ON balance.date = built_dates.date
GROUP BY balance.date
HAVING
    SUM(balance.sessions) != 0
    OR SUM(balance.purchases) != 0
    OR SUM(balance.revenue) != 0
