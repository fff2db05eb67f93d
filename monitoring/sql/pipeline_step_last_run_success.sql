SELECT
    step,
    status
FROM (
    SELECT
        step,
        IFF(status = 'succeeded', 1, 0) AS status
    FROM ops.step_runs
    WHERE step IN ('load_batch', 'flag_quality', 'reflag', 'extract_speed_layer', 'load_speed_snapshot', 'reconcile')
    QUALIFY ROW_NUMBER() OVER (PARTITION BY step ORDER BY finished_at DESC, run_id DESC) = 1
    UNION ALL
    SELECT
        'task_graph' AS step,
        IFF(status = 'succeeded', 1, 0) AS status
    FROM ops.graph_runs
    QUALIFY ROW_NUMBER() OVER (ORDER BY reported_at DESC, graph_run_id DESC) = 1
    UNION ALL
    SELECT
        'schemachange-deploy' AS step,
        IFF(status = 'Success', 1, 0) AS status
    FROM schemachange.change_history
    QUALIFY ROW_NUMBER() OVER (ORDER BY installed_on DESC) = 1
) AS newest
