-- Binds: run id, name of the lock. Held until the transaction ends; another run of the same steps waits here.
UPDATE ops.locks
SET taken_by = ?, taken_at = CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
WHERE name = ?
