-- Binds: JSON array of dates; time of the comparison; whether there are limits of this CALL; JSON array of the dates that batches in the
-- landing wait to bring, as {"batch_id", "date"}; JSON array of those limits, as {"metric", "absolute", "relative"}; digest of the metrics'
-- definitions.
-- One row per tier and metric that either side has, for the dates whose inputs (snapshot, mart rows, limits, readiness) differ from those
-- of their newest run. The id of the run to come continues the previous run's, so inputs that go back to an earlier state are a run of
-- their own; one with limits of this CALL is never one of the day's own. One statement evaluates all of it, at one point in time.
INSERT INTO recon.comparison (
    run_id, date, extraction_id, extracted_at, speed_rows, change_id, batch_digest, inputs_digest, waits_for, not_measured,
    user_tier, metric, speed_value, batch_value, invalid_value, absolute_tolerance, relative_tolerance, difference,
    relative_difference, status
)
WITH asked AS (
    SELECT TO_DATE(f.value::STRING, 'YYYY-MM-DD') AS date
    FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
),

moment AS (
    SELECT
        TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD HH24:MI:SS.FF6') AS compared_at,
        ?::BOOLEAN AS is_override,
        COALESCE(MAX(IFF(settings.name = 'allowed_lateness_hours', settings.value, NULL)), 0) AS lateness_hours
    FROM recon.settings AS settings
),

snapshots AS (
    SELECT
        date,
        extraction_id,
        extracted_at,
        row_count,
        loaded_at,
        ARRAY_CAT(
            COALESCE(missing_columns, ARRAY_CONSTRUCT()), COALESCE(uncompared_columns, ARRAY_CONSTRUCT())
        ) AS unknown_columns
    FROM recon.speed_extractions
    QUALIFY ROW_NUMBER() OVER (PARTITION BY date ORDER BY extracted_at DESC, extraction_id DESC) = 1
),

-- Metrics that go by a column which the speed layer does not have, or which its buckets were not compared by: unknown, not zero.
unmeasured AS (
    SELECT DISTINCT
        snapshots.date,
        metrics.metric
    FROM snapshots, LATERAL FLATTEN(INPUT => snapshots.unknown_columns) AS f
    INNER JOIN recon.metrics AS metrics
        ON REGEXP_LIKE(metrics.expression, '(.*[^a-z0-9_])?' || f.value::STRING || '([^a-z0-9_].*)?', 'is')
),

batch_groups AS (
    SELECT
        m.date,
        NULLIF(m.user_tier, '') AS user_tier,
        MAX(m.change_id) AS change_id,
        -- A tier with nothing but invalid sessions has a row, and no value to compare.
        SUM(m.sessions) > 0 AS is_there,
        &{batch_columns}
    FROM marts.daily_speed_comparable AS m
    INNER JOIN asked
        ON m.date = asked.date
    GROUP BY m.date, NULLIF(m.user_tier, '')
),

mart_states AS (
    SELECT
        date,
        MAX(change_id) AS change_id,
        MD5(LISTAGG(COALESCE('=' || user_tier, '-') || &{batch_text}, ';') WITHIN GROUP (ORDER BY user_tier)) AS digest
    FROM batch_groups
    GROUP BY date
),

-- The first day of this comparison: those before it were never extracted, and wait for nothing.
begun AS (
    SELECT MIN(known.date) AS date
    FROM (
        SELECT snapshots.date
        FROM snapshots
        UNION ALL
        SELECT refused.date
        FROM recon.refused_snapshots AS refused
    ) AS known
),

-- What the ledger, the landing and the marts say to be missing yet, by date.
changed_dates AS (
    SELECT
        changes.date,
        MAX(changes.change_id) AS change_id
    FROM ops.date_changes AS changes
    INNER JOIN asked
        ON changes.date = asked.date
    WHERE changes.dataset = 'user_sessions'
    GROUP BY changes.date
),

built AS (
    SELECT COALESCE(MAX(builds.watermarks:user_sessions::NUMBER(38, 0)), 0) AS change_id
    FROM ops.model_builds AS builds
    WHERE builds.model = 'mart_daily_speed_comparable'
),

newest_batch AS (
    SELECT MAX(batches.published_at) AS published_at
    FROM ops.batches AS batches
),

unflagged AS (
    SELECT
        batches.batch_id,
        TO_DATE(f.value::STRING, 'YYYY-MM-DD') AS last_date,
        DATEADD(
            'day',
            -CEIL(batches.manifest:max_session_hours::NUMBER(18, 6) / 24)::NUMBER(9, 0),
            TO_DATE(f.value::STRING, 'YYYY-MM-DD')
        ) AS first_date
    FROM ops.batches AS batches, LATERAL FLATTEN(INPUT => batches.manifest:affected_dates) AS f
    WHERE batches.flagged_at IS NULL
),

published AS (
    SELECT
        f.value:batch_id::STRING AS batch_id,
        TO_DATE(f.value:date::STRING, 'YYYY-MM-DD') AS date
    FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
),

waiting AS (
    SELECT
        asked.date,
        'day_not_over' AS reason
    FROM asked
    CROSS JOIN moment
    WHERE moment.compared_at < DATEADD('second', moment.lateness_hours * 3600, DATEADD('day', 1, asked.date)::TIMESTAMP_NTZ)
    UNION
    SELECT
        snapshots.date,
        'extracted_before_the_end' AS reason
    FROM snapshots
    WHERE snapshots.extracted_at < DATEADD('day', 1, snapshots.date)::TIMESTAMP_NTZ
    UNION
    SELECT
        asked.date,
        'not_extracted' AS reason
    FROM asked
    LEFT JOIN snapshots
        ON asked.date = snapshots.date
    LEFT JOIN recon.refused_snapshots AS refused
        ON asked.date = refused.date
    WHERE snapshots.date IS NULL AND refused.date IS NULL
    UNION
    SELECT
        refused.date,
        'snapshot_refused ' || refused.extraction_id AS reason
    FROM recon.refused_snapshots AS refused
    INNER JOIN asked
        ON refused.date = asked.date
    LEFT JOIN snapshots
        ON refused.date = snapshots.date
    WHERE snapshots.date IS NULL OR snapshots.loaded_at < refused.refused_at
    UNION
    SELECT
        asked.date,
        'not_published' AS reason
    FROM asked
    CROSS JOIN newest_batch
    LEFT JOIN mart_states
        ON asked.date = mart_states.date
    WHERE
        newest_batch.published_at < DATEADD('day', 1, asked.date)::TIMESTAMP_NTZ
        OR (newest_batch.published_at IS NULL AND mart_states.date IS NULL)
    UNION
    SELECT
        published.date,
        'not_loaded ' || published.batch_id AS reason
    FROM published
    UNION
    SELECT
        asked.date,
        'not_flagged ' || unflagged.batch_id AS reason
    FROM asked
    INNER JOIN unflagged
        ON asked.date >= unflagged.first_date AND asked.date <= unflagged.last_date
    UNION
    SELECT
        changed_dates.date,
        'not_built ' || changed_dates.change_id::STRING AS reason
    FROM changed_dates
    CROSS JOIN built
    WHERE changed_dates.change_id > built.change_id
),

readiness AS (
    SELECT
        waiting.date,
        LISTAGG(waiting.reason, ', ') WITHIN GROUP (ORDER BY waiting.reason) AS waits_for
    FROM waiting
    INNER JOIN begun
        ON waiting.date >= begun.date
    GROUP BY waiting.date
),

-- The limits: those of this CALL before those of the table, a tier's own before those of all tiers.
limits AS (
    SELECT
        asked.date,
        tolerances.metric,
        tolerances.user_tier,
        tolerances.absolute,
        tolerances.relative,
        0 AS is_of_this_call
    FROM recon.tolerances AS tolerances
    INNER JOIN asked
        ON
            tolerances.valid_from <= asked.date
            AND COALESCE(tolerances.valid_to, TO_DATE('9999-12-31', 'YYYY-MM-DD')) >= asked.date
    UNION ALL
    SELECT
        asked.date,
        f.value:metric::STRING AS metric,
        '*' AS user_tier,
        f.value:absolute::NUMBER(38, 6) AS absolute,
        f.value:relative::NUMBER(18, 9) AS relative,
        1 AS is_of_this_call
    FROM asked
    CROSS JOIN TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
),

limit_states AS (
    SELECT
        date,
        LISTAGG(
            metric || '|' || COALESCE('=' || user_tier, '-') || '|' || absolute || '|' || relative || '|' || is_of_this_call,
            ';'
        ) WITHIN GROUP (ORDER BY metric, user_tier, is_of_this_call, absolute, relative) AS content
    FROM limits
    GROUP BY date
),

newest_runs AS (
    SELECT
        runs.date,
        runs.run_id,
        runs.inputs_digest
    FROM recon.runs AS runs
    INNER JOIN moment
        ON COALESCE(runs.is_override, FALSE) = moment.is_override
    QUALIFY ROW_NUMBER() OVER (PARTITION BY runs.date ORDER BY runs.compared_at DESC, runs.run_id DESC) = 1
),

inputs AS (
    SELECT
        asked.date,
        snapshots.extraction_id,
        snapshots.extracted_at,
        snapshots.row_count AS speed_rows,
        mart_states.change_id,
        mart_states.digest AS batch_digest,
        readiness.waits_for,
        MD5(
            COALESCE(snapshots.extraction_id, '-')
            || '#' || COALESCE(mart_states.change_id::STRING, '-')
            || '#' || COALESCE(mart_states.digest, '-')
            || '#' || COALESCE(limit_states.content, '-')
            || '#' || COALESCE(readiness.waits_for, '-')
            || '#' || ?
        ) AS inputs_digest
    FROM asked
    LEFT JOIN snapshots
        ON asked.date = snapshots.date
    LEFT JOIN mart_states
        ON asked.date = mart_states.date
    LEFT JOIN limit_states
        ON asked.date = limit_states.date
    LEFT JOIN readiness
        ON asked.date = readiness.date
),

fresh AS (
    SELECT
        inputs.*,
        MD5(
            TO_CHAR(inputs.date, 'YYYY-MM-DD')
            || '#' || inputs.inputs_digest
            || '#' || COALESCE(newest_runs.run_id, '-')
            || IFF(moment.is_override, '#limits of this CALL', '')
        ) AS run_id
    FROM inputs
    CROSS JOIN moment
    LEFT JOIN newest_runs
        ON inputs.date = newest_runs.date
    WHERE newest_runs.run_id IS NULL OR newest_runs.inputs_digest <> inputs.inputs_digest
),

-- The sessions of the speed layer, form and emptiness of their identifiers aside.
speed_sessions AS (
    SELECT
        s.* EXCLUDE (user_tier, session_id, user_id),
        &{compared_columns}
    FROM recon.speed_sessions AS s
    INNER JOIN fresh
        ON s.date = fresh.date
),

speed_groups AS (
    SELECT
        date,
        user_tier,
        &{speed_columns}
    FROM speed_sessions
    GROUP BY date, user_tier
),

metrics AS (
    SELECT names.metric
    FROM (VALUES &{metric_names}) AS names (metric)
),

sides AS (
    SELECT
        g.date,
        g.user_tier,
        metrics.metric,
        DECODE(metrics.metric, &{values}) AS speed_value,
        NULL::NUMBER(32, 6) AS batch_value,
        NULL::NUMBER(32, 6) AS invalid_value
    FROM speed_groups AS g
    CROSS JOIN metrics
    UNION ALL
    SELECT
        g.date,
        g.user_tier,
        metrics.metric,
        NULL::NUMBER(32, 6) AS speed_value,
        IFF(g.is_there, DECODE(metrics.metric, &{values}), NULL) AS batch_value,
        DECODE(metrics.metric, &{invalid_values}) AS invalid_value
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
        MAX(batch_value) AS batch_value,
        MAX(invalid_value) AS invalid_value
    FROM sides
    GROUP BY date, user_tier, metric
    HAVING MAX(speed_value) IS NOT NULL OR MAX(batch_value) IS NOT NULL
),

limited AS (
    SELECT
        cells.*,
        COALESCE(limits.absolute, 0) AS absolute,
        COALESCE(limits.relative, 0) AS relative
    FROM cells
    LEFT JOIN limits
        ON
            cells.date = limits.date
            AND cells.metric = limits.metric
            AND (limits.user_tier = '*' OR EQUAL_NULL(limits.user_tier, cells.user_tier))
    LEFT JOIN unmeasured
        ON cells.date = unmeasured.date AND cells.metric = unmeasured.metric
    WHERE unmeasured.metric IS NULL
    QUALIFY
        ROW_NUMBER() OVER (
            PARTITION BY cells.date, cells.user_tier, cells.metric
            ORDER BY limits.is_of_this_call DESC, IFF(limits.user_tier = '*', 1, 0)
        ) = 1
),

not_measured AS (
    SELECT
        date,
        LISTAGG(metric, ', ') WITHIN GROUP (ORDER BY metric) AS metrics
    FROM unmeasured
    GROUP BY date
)

SELECT
    fresh.run_id,
    fresh.date,
    fresh.extraction_id,
    fresh.extracted_at,
    fresh.speed_rows,
    fresh.change_id,
    fresh.batch_digest,
    fresh.inputs_digest,
    fresh.waits_for,
    not_measured.metrics AS not_measured,
    limited.user_tier,
    limited.metric,
    limited.speed_value,
    limited.batch_value,
    limited.invalid_value,
    limited.absolute AS absolute_tolerance,
    limited.relative AS relative_tolerance,
    IFF(limited.metric IS NULL, NULL, &{difference}) AS difference,
    &{relative_difference} AS relative_difference,
    IFF(limited.metric IS NULL, NULL, &{status}) AS status
FROM fresh
LEFT JOIN limited
    ON fresh.date = limited.date AND fresh.extraction_id IS NOT NULL
LEFT JOIN not_measured
    ON fresh.date = not_measured.date
