-- By which rules STAGING is judged: one row, written by the first run of ops.flag_quality and by ops.reflag over all dates. Rules that
-- change later are found by comparing (view ops.rules_applied).
CREATE TABLE IF NOT EXISTS ops.applied_rules (
    definition STRING,                    -- hash of the rules, thresholds and session limit; NULL: not known
    applied_at TIMESTAMP_NTZ NOT NULL     -- UTC
);

-- What was judged before this table was there may have been judged by any rules.
INSERT INTO ops.applied_rules (definition, applied_at)
SELECT
    NULL AS definition,
    MAX(flagged_at) AS applied_at
FROM ops.batches
WHERE NOT EXISTS (SELECT 1 FROM ops.applied_rules)
HAVING MAX(flagged_at) IS NOT NULL;
