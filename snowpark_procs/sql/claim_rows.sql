-- Bind: batch id. Only this transaction's rows can lack one.
UPDATE raw.&{table}
SET batch_id = ?
WHERE batch_id IS NULL
