-- The quality rules and flags (see ops.quality_rules). Changing one here re-deploys all; rows already in STAGING keep their
-- flags until a batch brings them again.
-- A predicate sees the columns that ops.quality_rules names, one of events also loaded_at (UTC, when RAW received it).
-- Quoting: a predicate is a SQL string, so its own quotes are doubled.
MERGE INTO ops.quality_rules AS target
USING (
    SELECT
        rules.dataset,
        rules.code,
        rules.severity,
        rules.predicate,
        rules.description
    FROM (
        VALUES
        ('events', 'missing_event_id', 'error', 'event_id IS NULL', 'An event without identifier cannot be told from a duplicate'),
        ('events', 'missing_timestamp', 'error', 'timestamp IS NULL', 'An event without time belongs to no day'),
        ('events', 'missing_event_type', 'error', 'event_type IS NULL', 'Nobody knows what happened'),
        ('events', 'implausible_timestamp', 'error', 'timestamp < ''1990-01-01''::TIMESTAMP_NTZ OR timestamp >= ''2100-01-01''::TIMESTAMP_NTZ', 'A clock defect: no shop sold online before 1990, and none sells after 2099 yet'),
        ('events', 'timestamp_in_the_future', 'warn', 'timestamp > loaded_at', 'It was loaded before it happened: the clock that gave the time was wrong'),
        ('events', 'missing_session_id', 'warn', 'session_id IS NULL', 'The event is part of no session'),
        ('events', 'missing_user_id', 'warn', 'user_id IS NULL', 'A guest'),
        ('events', 'unknown_event_type', 'warn', 'event_type NOT IN (''page_view'', ''product_view'', ''search'', ''add_to_cart'', ''purchase'')', 'Counted in no metric of its own'),
        ('events', 'unknown_user_tier', 'warn', 'user_tier NOT IN (''bronze'', ''silver'', ''gold'', ''platinum'', ''unknown'')', 'A tier that the shop does not have'),
        ('events', 'malformed_properties', 'warn', 'properties_text IS NOT NULL AND properties_parsed IS NULL', 'The properties are no JSON'),
        ('events', 'unparsable_amount', 'warn', 'event_type = ''purchase'' AND TRY_TO_DECIMAL(properties_parsed:amount::STRING, 38, 2) IS NULL', 'The purchase counts with amount 0'),
        ('events', 'negative_amount', 'warn', 'event_type = ''purchase'' AND TRY_TO_DECIMAL(properties_parsed:amount::STRING, 38, 2) < 0', 'A purchase should not give money back'),
        ('events', 'is_bot_traffic', 'flag', 'REGEXP_LIKE(browser, ''.*(bot|crawler|spider|headless).*'', ''i'')', 'The browser names itself a robot'),
        ('events', 'is_test_user', 'flag', 'user_id ILIKE ''test%'' OR LOWER(properties_parsed:is_test::STRING) = ''true''', 'A user of the shop''s own tests'),

        ('sessions', 'missing_session_id', 'error', 'session_id IS NULL', 'A session without identifier'),
        ('sessions', 'missing_session_start', 'error', 'session_start IS NULL', 'A session without start belongs to no day'),
        ('sessions', 'implausible_session_start', 'error', 'session_start < ''1990-01-01''::TIMESTAMP_NTZ OR session_start >= ''2100-01-01''::TIMESTAMP_NTZ', 'A clock defect: no shop sold online before 1990, and none sells after 2099 yet'),
        ('sessions', 'negative_duration', 'error', 'session_duration_minutes < 0 OR session_end < session_start', 'The session ends before it starts'),
        ('sessions', 'excessive_duration', 'error', 'session_duration_minutes > 1440', 'Longer than a day: no session by definition'),
        ('sessions', 'negative_total_spent', 'error', 'total_spent < 0', 'Purchases must not be negative in sum'),
        ('sessions', 'negative_count', 'error', 'LEAST(page_views, product_views, searches, add_to_cart_events, purchases, event_count) < 0', 'A count below zero'),
        ('sessions', 'missing_user_id', 'warn', 'user_id IS NULL', 'A guest'),
        ('sessions', 'unknown_user_tier', 'warn', 'user_tier NOT IN (''bronze'', ''silver'', ''gold'', ''platinum'', ''unknown'')', 'A tier that the shop does not have'),
        ('sessions', 'many_ip_addresses', 'warn', 'distinct_ip_count > 10', 'A shared or stolen session'),
        ('sessions', 'is_bot_traffic', 'flag', 'REGEXP_LIKE(browser, ''.*(bot|crawler|spider|headless).*'', ''i'')', 'The browser names itself a robot'),
        ('sessions', 'is_test_user', 'flag', 'user_id ILIKE ''test%'' OR has_test_event', 'A user of the shop''s own tests'),
        ('sessions', 'is_high_value_session', 'flag', 'total_spent >= {{ high_value_session }}', 'Spent at least the threshold (schemachange variable high_value_session)'),
        ('sessions', 'is_bounce_session', 'flag', 'event_count = 1', 'Came and left: one event in all'),

        ('transactions', 'missing_transaction_id', 'error', 'transaction_id IS NULL', 'A transaction without identifier'),
        ('transactions', 'missing_created_at', 'error', 'created_at IS NULL', 'A transaction without time belongs to no day'),
        ('transactions', 'implausible_created_at', 'error', 'created_at < ''1990-01-01''::TIMESTAMP_NTZ OR created_at >= ''2100-01-01''::TIMESTAMP_NTZ', 'A clock defect: no shop sold online before 1990, and none sells after 2099 yet'),
        ('transactions', 'missing_total_amount', 'error', 'total_amount IS NULL', 'A transaction without amount'),
        ('transactions', 'negative_unit_price', 'error', 'unit_price < 0', 'A price below zero'),
        ('transactions', 'missing_product_id', 'warn', 'product_id IS NULL', 'A line without product'),
        ('transactions', 'missing_user_id', 'warn', 'user_id IS NULL', 'A guest'),
        ('transactions', 'returned_goods', 'warn', 'quantity < 0', 'A return, not a sale'),
        ('transactions', 'unknown_user_tier', 'warn', 'user_tier NOT IN (''bronze'', ''silver'', ''gold'', ''platinum'', ''unknown'')', 'A tier that the shop does not have'),
        ('transactions', 'total_differs', 'warn', 'ABS(total_amount - (quantity * unit_price - COALESCE(discount_amount, 0) + COALESCE(tax_amount, 0))) > 0.01', 'The total is not quantity times price less discount plus tax'),
        ('transactions', 'is_test_user', 'flag', 'user_id ILIKE ''test%''', 'A user of the shop''s own tests')
    ) AS rules (dataset, code, severity, predicate, description)
) AS source
    ON target.dataset = source.dataset AND target.code = source.code
WHEN MATCHED THEN UPDATE SET
    target.severity = source.severity,
    target.predicate = source.predicate,
    target.description = source.description
WHEN NOT MATCHED THEN INSERT (dataset, code, severity, predicate, description, enabled)
VALUES (source.dataset, source.code, source.severity, source.predicate, source.description, TRUE);
