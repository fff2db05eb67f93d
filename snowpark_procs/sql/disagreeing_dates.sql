-- Bind: digest of what explanations depend on. Dates whose newest comparison disagrees and is not explained by that, the newest 31.
SELECT TO_CHAR(newest.date, 'YYYY-MM-DD') AS date
FROM recon.latest_runs AS newest
WHERE
    newest.verdict = 'disagree'
    AND newest.run_id NOT IN (
        SELECT explained.run_id
        FROM recon.explained_runs AS explained
        WHERE explained.inputs_digest = ? AND NOT explained.has_late
    )
ORDER BY newest.date DESC
LIMIT 31
