SELECT COALESCE(BOOLAND_AGG(is_current), TRUE) AS are_current
FROM ops.rules_applied
