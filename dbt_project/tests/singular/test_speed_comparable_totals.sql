-- Each date's sessions, purchases and revenue, valid and invalid, are those of all rows of STAGING: nothing is left out unnamed.
WITH built_dates AS (
    {{ built_dates('mart_daily_speed_comparable', 'user_sessions') }}
),

balance AS (
    SELECT
        date,
        COUNT(DISTINCT IFF(is_valid, LOWER(TRIM(session_id, ' \t\r\n')), NULL)) + COUNT_IF(NOT is_valid) AS sessions,
        SUM(purchases) AS purchases,
        SUM(total_spent) AS revenue
    FROM {{ ref('stg_user_sessions_enhanced') }}
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
