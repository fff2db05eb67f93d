SELECT
    COALESCE(COUNT_IF(is_overdue), 0)
FROM recon.waiting_days
