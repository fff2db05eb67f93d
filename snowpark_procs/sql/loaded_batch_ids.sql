SELECT batch_id
FROM ops.batches
