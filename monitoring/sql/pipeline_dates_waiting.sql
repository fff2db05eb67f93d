SELECT COUNT(DISTINCT date)
FROM ops.pending_dates
