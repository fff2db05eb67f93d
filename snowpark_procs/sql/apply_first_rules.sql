-- The rules that the first batch was judged by.
INSERT INTO ops.applied_rules (definition, applied_at)
SELECT
    in_force.definition,
    CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ AS applied_at
FROM ops.rules_in_force AS in_force
WHERE NOT EXISTS (SELECT 1 FROM ops.applied_rules)
