-- Fragment: common table expressions. Bind: JSON array of dates.
-- fresh: the dates whose inputs (snapshot, mart rows, tolerances) differ from those of their newest run, with the id of
-- the run to come. The id continues the previous run's, so inputs that go back to an earlier state are a run of their own.
asked AS (
    SELECT f.value::DATE AS date
    FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
),

snapshots AS (
    SELECT
        date,
        extraction_id
    FROM recon.speed_extractions
    QUALIFY ROW_NUMBER() OVER (PARTITION BY date ORDER BY extracted_at DESC, extraction_id DESC) = 1
),

batch_groups AS (
    SELECT
        m.date,
        m.user_tier,
        MAX(m.change_id) AS change_id,
        COALESCE(SUM(m.sessions), 0)::NUMBER(20, 2) AS sessions,
        COALESCE(SUM(m.page_views), 0)::NUMBER(20, 2) AS page_views,
        COALESCE(SUM(m.purchases), 0)::NUMBER(20, 2) AS purchases,
        COALESCE(SUM(m.revenue), 0)::NUMBER(20, 2) AS revenue
    FROM marts.daily_speed_comparable AS m
    INNER JOIN asked ON m.date = asked.date
    -- A tier with nothing but invalid sessions has a row, and nothing to compare.
    WHERE m.sessions > 0
    GROUP BY m.date, m.user_tier
),

mart_states AS (
    SELECT
        date,
        MAX(change_id) AS change_id,
        LISTAGG(
            COALESCE('=' || user_tier, '-') || '|' || sessions || '|' || page_views || '|' || purchases || '|' || revenue,
            ';'
        ) WITHIN GROUP (ORDER BY user_tier) AS content
    FROM batch_groups
    GROUP BY date
),

tolerance_state AS (
    SELECT
        LISTAGG(metric || '|' || absolute || '|' || relative, ';') WITHIN GROUP (ORDER BY metric) AS content
    FROM recon.tolerances
),

newest_runs AS (
    SELECT
        date,
        run_id,
        inputs_digest
    FROM recon.runs
    QUALIFY ROW_NUMBER() OVER (PARTITION BY date ORDER BY compared_at DESC, run_id DESC) = 1
),

inputs AS (
    SELECT
        asked.date,
        snapshots.extraction_id,
        mart_states.change_id,
        MD5(
            COALESCE(snapshots.extraction_id, '-')
            || '#' || COALESCE(mart_states.change_id::STRING, '-')
            || '#' || COALESCE(mart_states.content, '-')
            || '#' || COALESCE(tolerance_state.content, '-')
        ) AS inputs_digest
    FROM asked
    LEFT JOIN snapshots ON asked.date = snapshots.date
    LEFT JOIN mart_states ON asked.date = mart_states.date
    CROSS JOIN tolerance_state
),

fresh AS (
    SELECT
        inputs.date,
        inputs.extraction_id,
        inputs.change_id,
        inputs.inputs_digest,
        MD5(inputs.date::STRING || '#' || inputs.inputs_digest || '#' || COALESCE(newest_runs.run_id, '-')) AS run_id
    FROM inputs
    LEFT JOIN newest_runs ON inputs.date = newest_runs.date
    WHERE newest_runs.run_id IS NULL OR newest_runs.inputs_digest <> inputs.inputs_digest
)
