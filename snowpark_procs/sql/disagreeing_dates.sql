-- Dates whose newest comparison disagrees and was not explained yet, the newest 31.
SELECT TO_CHAR(newest.date, 'YYYY-MM-DD') AS date
FROM recon.latest_runs AS newest
WHERE
    newest.verdict = 'disagree'
    AND newest.run_id NOT IN (SELECT explanations.run_id FROM recon.explanations AS explanations)
ORDER BY newest.date DESC
LIMIT 31
