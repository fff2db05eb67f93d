SELECT
    statistics.name,
    CASE statistics.name WHEN 'median' THEN hours.median WHEN 'max' THEN hours.longest END
FROM (VALUES ('median'), ('max')) AS statistics (name)
CROSS JOIN (
    SELECT
        MEDIAN(hours_to_convergence) AS median,
        MAX(hours_to_convergence) AS longest
    FROM recon.convergence
    WHERE state = 'converged'
) AS hours
