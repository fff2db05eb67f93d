-- Tiers that a day was built with or compared with, and those that have limits.
SELECT NULLIF(m.user_tier, '') AS user_tier
FROM marts.daily_speed_comparable AS m
UNION
SELECT results.user_tier
FROM recon.results AS results
UNION
SELECT tolerances.user_tier
FROM recon.tolerances AS tolerances
ORDER BY user_tier
