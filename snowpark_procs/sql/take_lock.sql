-- lock: load | flag | speed | reconcile. Bind: run id. Held until the transaction ends; another run of the same steps waits here.
UPDATE ops.lock_&{lock}
SET taken_by = ?, taken_at = CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
