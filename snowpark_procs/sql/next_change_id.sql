-- Taken under the lock of the flag step, so it grows in the order of commits.
SELECT COALESCE(MAX(change_id), 0) + 1 AS change_id
FROM ops.date_changes
