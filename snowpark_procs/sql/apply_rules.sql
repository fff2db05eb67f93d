-- All of STAGING has been judged by the rules in force.
UPDATE ops.applied_rules
SET
    definition = in_force.definition,
    applied_at = CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
FROM ops.rules_in_force AS in_force
WHERE NOT EQUAL_NULL(applied_rules.definition, in_force.definition)
