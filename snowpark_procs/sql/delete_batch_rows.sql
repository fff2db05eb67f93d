-- Bind: batch id. COPY … FORCE loads a file again, so what an earlier attempt left must go first.
DELETE FROM raw.&{table}
WHERE batch_id = ?
