-- Binds: JSON array of dates, time of the comparison. One row per tier and metric that either side has.
INSERT INTO recon.results (
    run_id, date, user_tier, metric, speed_value, batch_value, difference, relative_difference, status, compared_at
)
WITH
&{inputs},

speed_groups AS (
    SELECT
        s.date,
        s.user_tier,
        COUNT(DISTINCT s.session_id)::NUMBER(20, 2) AS sessions,
        COALESCE(SUM(s.page_views), 0)::NUMBER(20, 2) AS page_views,
        COALESCE(SUM(s.purchases), 0)::NUMBER(20, 2) AS purchases,
        COALESCE(SUM(s.total_spent), 0)::NUMBER(20, 2) AS revenue
    FROM recon.speed_sessions AS s
    INNER JOIN asked ON s.date = asked.date
    GROUP BY s.date, s.user_tier
),

metrics AS (
    SELECT names.metric
    FROM (VALUES ('sessions'), ('page_views'), ('purchases'), ('revenue')) AS names (metric)
),

sides AS (
    SELECT
        g.date,
        g.user_tier,
        metrics.metric,
        DECODE(
            metrics.metric,
            'sessions', g.sessions, 'page_views', g.page_views, 'purchases', g.purchases, 'revenue', g.revenue
        ) AS speed_value,
        NULL::NUMBER(20, 2) AS batch_value
    FROM speed_groups AS g
    CROSS JOIN metrics
    UNION ALL
    SELECT
        g.date,
        g.user_tier,
        metrics.metric,
        NULL::NUMBER(20, 2) AS speed_value,
        DECODE(
            metrics.metric,
            'sessions', g.sessions, 'page_views', g.page_views, 'purchases', g.purchases, 'revenue', g.revenue
        ) AS batch_value
    FROM batch_groups AS g
    CROSS JOIN metrics
),

-- GROUP BY takes NULL for a tier like any other; a join would lose it.
cells AS (
    SELECT
        date,
        user_tier,
        metric,
        MAX(speed_value) AS speed_value,
        MAX(batch_value) AS batch_value
    FROM sides
    GROUP BY date, user_tier, metric
),

limits AS (
    SELECT
        metrics.metric,
        COALESCE(t.absolute, 0) AS absolute,
        COALESCE(t.relative, 0) AS relative
    FROM metrics
    LEFT JOIN recon.tolerances AS t ON metrics.metric = t.metric
)

SELECT
    fresh.run_id,
    cells.date,
    cells.user_tier,
    cells.metric,
    cells.speed_value,
    cells.batch_value,
    &{difference} AS difference,
    &{relative_difference} AS relative_difference,
    &{status} AS status,
    ?::TIMESTAMP_NTZ AS compared_at
FROM cells
INNER JOIN fresh ON cells.date = fresh.date
INNER JOIN limits ON cells.metric = limits.metric
WHERE fresh.extraction_id IS NOT NULL
