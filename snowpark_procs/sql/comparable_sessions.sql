-- A query of other statements: the batch side's sessions of a day, as the speed layer's snapshot would have them. day: a literal.
SELECT
    &{compared_columns},
    s.session_start,
    s.session_end,
    s.page_views,
    s.product_views,
    s.searches,
    s.add_to_cart_events,
    s.purchases,
    s.total_spent,
    s.session_id AS stored_session_id,
    s.user_id AS stored_user_id
FROM staging.user_sessions_enhanced AS s
WHERE s.is_valid AND TO_DATE(s.session_start) = TO_DATE(&{day}, 'YYYY-MM-DD')
