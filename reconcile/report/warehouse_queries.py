"""What a report asks the warehouse. {dates} is a condition on the date, {runs} a query of bound run ids."""

# A run with limits of one CALL is no verdict of its day. A run of an earlier version recorded nothing of its snapshot.
RUNS = """
SELECT r.run_id, r.date, r.compared_at, r.verdict, r.waits_for, r.change_id,
       r.matching, r.within_tolerance, r.out_of_tolerance, r.missing_in_batch, r.missing_in_speed,
       r.extraction_id, COALESCE(r.extracted_at, e.extracted_at), COALESCE(r.speed_rows, e.row_count), e.non_uuid_ids,
       e.set_aside_rows, e.set_aside_path, e.read_as || ' (' || e.engine || ')'
FROM recon.runs r
LEFT JOIN recon.speed_extractions e ON e.extraction_id = r.extraction_id AND e.date = r.date
WHERE NOT COALESCE(r.is_override, FALSE) AND {dates}
ORDER BY r.date, r.compared_at, r.run_id
"""
RESULTS = """
SELECT c.run_id, c.date, c.user_tier, c.metric, c.speed_value, c.batch_value, c.difference, c.relative_difference, c.status,
       c.absolute_tolerance, c.relative_tolerance, c.invalid_value
FROM recon.results c
WHERE c.run_id IN ({runs})
"""
METRICS = "SELECT metric, unit, description FROM recon.metrics ORDER BY position, metric"
CONVERGENCE = """
SELECT date, user_tier, state, bad_since_at, COALESCE(bad_hours, hours_to_convergence), slo_hours, slo_burn
FROM recon.convergence
WHERE {dates}
"""
POINTS = """
SELECT date, user_tier, compared_at, bad_cells, discrepancy
FROM recon.discrepancies
WHERE {dates}
ORDER BY compared_at, run_id
"""
WAITS = "SELECT date, since_at, due_at, is_overdue FROM recon.waiting_days WHERE {dates}"
REFUSALS = "SELECT date, extraction_id, reason, refused_at FROM recon.refused_snapshots WHERE {dates}"
DIFFERING = "SELECT DISTINCT date FROM recon.latest_results WHERE difference <> 0"
# Days of which no snapshot was loaded since one was refused.
REFUSED = """
SELECT DISTINCT r.date
FROM recon.refused_snapshots r
LEFT JOIN recon.speed_extractions e ON e.date = r.date AND e.loaded_at >= r.refused_at
WHERE e.date IS NULL
"""
# What weighs most comes first, whatever the metrics' units. The weight of a cause or a session is the sum, over the metrics, of
# its part of what all sessions of the day differ by.
PARTS = """
parts AS (
    SELECT
        run_id, session_id, user_tier, metric, cause, detail, difference,
        COUNT(DISTINCT session_id) OVER (PARTITION BY run_id, user_tier, cause) AS sessions,
        ABS(difference) / NULLIF(SUM(ABS(difference)) OVER (PARTITION BY run_id, metric), 0) AS share
    FROM recon.explanations
    WHERE run_id IN ({runs})
)"""
CAUSES = """
WITH {parts}
SELECT run_id, user_tier, cause, metric, SUM(difference), MAX(sessions)
FROM parts
GROUP BY run_id, user_tier, cause, metric
ORDER BY SUM(SUM(share)) OVER (PARTITION BY run_id, user_tier, cause) DESC, cause, user_tier, metric
"""
SESSIONS = """
WITH {parts},
worst AS (
    SELECT run_id, session_id, SUM(share) AS weight
    FROM parts
    WHERE session_id IS NOT NULL
    GROUP BY run_id, session_id
    QUALIFY ROW_NUMBER() OVER (PARTITION BY run_id ORDER BY SUM(share) DESC, session_id) <= {most}
)
SELECT p.run_id, p.session_id, p.user_tier, p.metric, p.cause, p.detail, p.difference
FROM parts p
JOIN worst w ON w.run_id = p.run_id AND w.session_id = p.session_id
ORDER BY w.weight DESC, p.session_id, p.cause, p.user_tier, p.metric
"""
