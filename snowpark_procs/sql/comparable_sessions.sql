-- A query of other statements: the batch side's sessions of a day, as the speed layer's snapshot would have them. day: a literal.
SELECT
    NULLIF(LOWER(TRIM(b.session_id, ' \t\r\n')), '') AS session_id,
    NULLIF(LOWER(TRIM(b.user_id, ' \t\r\n')), '') AS user_id,
    NULLIF(b.user_tier, '') AS user_tier,
    b.session_start,
    b.session_end,
    b.page_views,
    b.product_views,
    b.searches,
    b.add_to_cart_events,
    b.purchases,
    b.total_spent,
    b.session_id AS stored_session_id,
    b.user_id AS stored_user_id
FROM staging.user_sessions_enhanced AS b
WHERE b.is_valid AND TO_DATE(b.session_start) = TO_DATE(&{day}, 'YYYY-MM-DD')
