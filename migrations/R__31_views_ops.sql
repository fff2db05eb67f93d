-- Answers for on-call about the ledger. All times are UTC.
CREATE OR REPLACE VIEW ops.batch_status
COPY GRANTS
COMMENT = 'Each loaded batch: how far it got, how many rows it brought, and what its load took'
AS
SELECT
    batches.batch_id,
    batches.mode,
    batches.published_at,
    batches.loaded_at,
    batches.flagged_at,
    IFF(batches.flagged_at IS NULL, 'loaded', 'flagged') AS status,
    SUM(IFF(datasets.dataset = 'user_events', datasets.row_count, 0)) AS events,
    SUM(IFF(datasets.dataset = 'transactions', datasets.row_count, 0)) AS transactions,
    SUM(IFF(datasets.dataset = 'user_sessions', datasets.row_count, 0)) AS sessions,
    SUM(datasets.byte_count) AS bytes,
    batches.load_seconds,
    batches.code_version
FROM ops.batches AS batches
INNER JOIN ops.batch_datasets AS datasets
    ON batches.batch_id = datasets.batch_id
GROUP BY
    batches.batch_id, batches.mode, batches.published_at, batches.loaded_at, batches.flagged_at, batches.load_seconds,
    batches.code_version;

CREATE OR REPLACE VIEW ops.pending_dates
COPY GRANTS
COMMENT = 'Dates that changed in STAGING after a model that dbt keeps was built; models: which'
AS
WITH changes AS (
    SELECT
        dataset,
        date,
        MAX(change_id) AS change_id,
        MAX(changed_at) AS changed_at
    FROM ops.date_changes
    GROUP BY dataset, date
),

-- A model is driven by the datasets that it has built before; one that was never built waits for all.
drivers AS (
    SELECT
        builds.model,
        watermarks.key AS dataset,
        watermarks.value::NUMBER(38, 0) AS change_id
    FROM ops.model_builds AS builds, LATERAL FLATTEN(INPUT => builds.watermarks) AS watermarks
)

SELECT
    changes.date,
    changes.dataset,
    changes.change_id,
    MIN(drivers.change_id) AS built_change_id,
    changes.changed_at,
    LISTAGG(DISTINCT drivers.model, ', ') WITHIN GROUP (ORDER BY drivers.model) AS models
FROM changes
LEFT JOIN drivers
    ON changes.dataset = drivers.dataset
WHERE changes.change_id > COALESCE(drivers.change_id, 0)
GROUP BY changes.date, changes.dataset, changes.change_id, changes.changed_at;

CREATE OR REPLACE VIEW ops.quality_by_day
COPY GRANTS
COMMENT = 'How many rows of a UTC date each quality rule found, and of how many; a NULL date: rows without a time'
AS
WITH judged AS (
    SELECT
        'events' AS dataset,
        e.timestamp::DATE AS date,
        ARRAY_CAT(
            ARRAY_CAT(e.validation_errors::ARRAY, e.validation_warnings::ARRAY),
            ARRAY_CONSTRUCT_COMPACT(
                IFF(e.is_bot_traffic, 'is_bot_traffic', NULL),
                IFF(e.is_test_user, 'is_test_user', NULL)
            )
        ) AS codes
    FROM staging.events_cleaned AS e
    UNION ALL
    SELECT
        'sessions' AS dataset,
        s.session_start::DATE AS date,
        ARRAY_CAT(
            ARRAY_CAT(s.validation_errors::ARRAY, s.validation_warnings::ARRAY),
            ARRAY_CONSTRUCT_COMPACT(
                IFF(s.is_bot_traffic, 'is_bot_traffic', NULL),
                IFF(s.is_test_user, 'is_test_user', NULL),
                IFF(s.is_high_value_session, 'is_high_value_session', NULL),
                IFF(s.is_bounce_session, 'is_bounce_session', NULL)
            )
        ) AS codes
    FROM staging.user_sessions_enhanced AS s
    UNION ALL
    SELECT
        'transactions' AS dataset,
        t.created_at::DATE AS date,
        ARRAY_CAT(
            ARRAY_CAT(t.validation_errors::ARRAY, t.validation_warnings::ARRAY),
            ARRAY_CONSTRUCT_COMPACT(IFF(t.is_test_user, 'is_test_user', NULL))
        ) AS codes
    FROM staging.transactions_validated AS t
),

days AS (
    SELECT
        dataset,
        date,
        COUNT(*) AS staged_rows
    FROM judged
    GROUP BY dataset, date
),

findings AS (
    SELECT
        judged.dataset,
        judged.date,
        f.value::STRING AS code,
        COUNT(*) AS found
    FROM judged, LATERAL FLATTEN(INPUT => judged.codes) AS f
    GROUP BY judged.dataset, judged.date, f.value::STRING
)

SELECT
    days.date,
    rules.dataset,
    rules.code,
    rules.severity,
    COALESCE(findings.found, 0) AS found,
    days.staged_rows
FROM days
INNER JOIN ops.quality_rules AS rules
    ON days.dataset = rules.dataset
LEFT JOIN findings
    ON
        days.dataset = findings.dataset
        AND EQUAL_NULL(days.date, findings.date)
        AND rules.code = findings.code;

CREATE OR REPLACE VIEW ops.quality_summary
COPY GRANTS
COMMENT = 'How many current rows each quality rule found, and of how many'
AS
SELECT
    rules.dataset,
    rules.code,
    rules.severity,
    rules.description,
    COALESCE(SUM(by_day.found), 0) AS found,
    COALESCE(SUM(by_day.staged_rows), 0) AS staged_rows
FROM ops.quality_rules AS rules
LEFT JOIN ops.quality_by_day AS by_day
    ON rules.dataset = by_day.dataset AND rules.code = by_day.code
WHERE rules.severity <> 'flag'
GROUP BY rules.dataset, rules.code, rules.severity, rules.description;

CREATE OR REPLACE VIEW ops.recent_failures
COPY GRANTS
COMMENT = 'Failed attempts at a step that no later success of the same step and subject made good'
AS
SELECT
    failed.step,
    failed.subject,
    failed.finished_at,
    failed.detail:error::STRING AS error,
    failed.run_id
FROM ops.step_runs AS failed
WHERE
    failed.status = 'failed'
    AND NOT EXISTS (
        SELECT 1
        FROM ops.step_runs AS succeeded
        WHERE
            succeeded.status = 'succeeded'
            AND succeeded.step = failed.step
            AND succeeded.subject = failed.subject
            AND succeeded.finished_at > failed.finished_at
    );

CREATE OR REPLACE VIEW ops.session_limit
COPY GRANTS
COMMENT = 'How long a session can be: the configuration of the ingest job, by the manifests of the loaded batches'
AS
SELECT COALESCE(MAX(batches.manifest:max_session_hours::NUMBER(18, 6)), 24) AS max_session_hours
FROM ops.batches AS batches;

-- An alert is raised once for what it is about, and again when that has been well in between.
-- Whether the finalizer sees that its run was one failure too many is not documented; that nothing reports any more is seen in any case.
CREATE OR REPLACE VIEW ops.due_alerts
COPY GRANTS
COMMENT = 'What an alert would tell now: findings that no alert has told of since they began'
AS
WITH explained AS (
    SELECT
        run_id,
        user_tier,
        cause,
        COUNT(DISTINCT session_id) AS sessions
    FROM recon.explanations
    GROUP BY run_id, user_tier, cause
    QUALIFY ROW_NUMBER() OVER (PARTITION BY run_id, user_tier ORDER BY COUNT(DISTINCT session_id) DESC, cause) <= 3
),

top_causes AS (
    SELECT
        run_id,
        user_tier,
        LISTAGG(cause || ' ' || sessions, ', ') WITHIN GROUP (ORDER BY sessions DESC, cause) AS causes
    FROM explained
    GROUP BY run_id, user_tier
),

findings AS (
    SELECT
        'convergence_slo' AS alert,
        convergence.date,
        convergence.user_tier,
        convergence.bad_since_at AS began_at,
        OBJECT_CONSTRUCT(
            'date', TO_CHAR(convergence.date, 'YYYY-MM-DD'),
            'user_tier', convergence.user_tier,
            'bad_cells', convergence.bad_cells,
            'bad_hours', convergence.bad_hours,
            'slo_hours', convergence.slo_hours,
            'causes', top_causes.causes
        ) AS detail
    FROM recon.convergence AS convergence
    LEFT JOIN top_causes
        ON convergence.run_id = top_causes.run_id AND EQUAL_NULL(convergence.user_tier, top_causes.user_tier)
    WHERE convergence.state = 'stuck'
    UNION ALL
    SELECT
        'not_ready' AS alert,
        waiting_days.date,
        NULL AS user_tier,
        waiting_days.since_at AS began_at,
        OBJECT_CONSTRUCT(
            'date', TO_CHAR(waiting_days.date, 'YYYY-MM-DD'),
            'waits_for', waiting_days.waits_for,
            'since_at', TO_CHAR(waiting_days.since_at, 'YYYY-MM-DD HH24:MI:SS')
        ) AS detail
    FROM recon.waiting_days AS waiting_days
    WHERE waiting_days.is_overdue
    UNION ALL
    SELECT
        'graph_failed' AS alert,
        NULL AS date,
        NULL AS user_tier,
        failed_runs.reported_at AS began_at,
        OBJECT_CONSTRUCT(
            'graph_run_id', failed_runs.graph_run_id,
            'status', failed_runs.status,
            'failed_task', failed_runs.failed_task,
            'error_message', failed_runs.error_message
        ) AS detail
    FROM ops.graph_runs AS failed_runs
    WHERE failed_runs.status IN ('failed', 'cancelled', 'suspended')
    QUALIFY ROW_NUMBER() OVER (ORDER BY failed_runs.reported_at DESC) = 1
    UNION ALL
    SELECT
        'graph_stopped' AS alert,
        NULL AS date,
        NULL AS user_tier,
        newest_run.reported_at AS began_at,
        OBJECT_CONSTRUCT(
            'last_reported_at', TO_CHAR(newest_run.reported_at, 'YYYY-MM-DD HH24:MI:SS'),
            'status', newest_run.status,
            'resume', 'SELECT SYSTEM$TASK_DEPENDENTS_ENABLE(''ops.t_load'')'
        ) AS detail
    FROM (
        SELECT
            runs.reported_at,
            runs.status
        FROM ops.graph_runs AS runs
        QUALIFY ROW_NUMBER() OVER (ORDER BY runs.reported_at DESC) = 1
    ) AS newest_run
    WHERE
        newest_run.status = 'suspended'
        OR newest_run.reported_at
        < DATEADD('hour', -{{ graph_silence_hours }}, CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ)
),

raised AS (
    SELECT
        alert_events.alert,
        alert_events.detail:date::STRING AS date,
        alert_events.detail:user_tier::STRING AS user_tier,
        MAX(alert_events.raised_at) AS raised_at
    FROM ops.alert_events AS alert_events
    GROUP BY alert_events.alert, alert_events.detail:date::STRING, alert_events.detail:user_tier::STRING
)

SELECT
    findings.alert,
    findings.date,
    findings.user_tier,
    findings.began_at,
    findings.detail
FROM findings
LEFT JOIN raised
    ON
        findings.alert = raised.alert
        AND EQUAL_NULL(TO_CHAR(findings.date, 'YYYY-MM-DD'), raised.date)
        AND EQUAL_NULL(findings.user_tier, raised.user_tier)
WHERE raised.raised_at IS NULL OR raised.raised_at < findings.began_at;

CREATE OR REPLACE VIEW ops.rules_in_force
COPY GRANTS
COMMENT = 'Hash of the enabled quality rules, the thresholds and the session limit'
AS
SELECT MD5(LISTAGG(stated.rule, '\n') WITHIN GROUP (ORDER BY stated.rule)) AS definition
FROM (
    SELECT rules.dataset || '.' || rules.code || ' ' || rules.severity || ': ' || rules.predicate AS rule
    FROM ops.quality_rules AS rules
    WHERE rules.enabled
    UNION ALL
    SELECT thresholds.name || ' = ' || thresholds.value::STRING AS rule
    FROM ops.quality_thresholds AS thresholds
    UNION ALL
    SELECT 'max_session_hours = ' || session_limit.max_session_hours::STRING AS rule
    FROM ops.session_limit AS session_limit
) AS stated;

CREATE OR REPLACE VIEW ops.rules_applied
COPY GRANTS
COMMENT = 'Whether STAGING is judged by the rules in force; where not, CALL ops.reflag() judges it anew'
AS
SELECT
    applied.definition,
    in_force.definition AS definition_in_force,
    EQUAL_NULL(applied.definition, in_force.definition) AS is_current,
    applied.applied_at
FROM ops.applied_rules AS applied
CROSS JOIN ops.rules_in_force AS in_force;
