-- Bind: date.
DELETE FROM recon.bucket_unloads
WHERE date = TO_DATE(?, 'YYYY-MM-DD')
