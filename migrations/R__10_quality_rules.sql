-- The quality rules and flags (see ops.quality_rules). Changing one here re-deploys all; rows already in STAGING keep their
-- flags until CALL ops.reflag takes their dates anew, or a batch brings them again (sessions: or one of their events).
-- A predicate sees the columns that ops.quality_rules names, the rows of ops.quality_thresholds and max_session_hours
-- (ops.session_limit). One of events also sees loaded_at (UTC, when RAW received it) and properties_text (the properties as they
-- came, where they are no JSON); one of sessions also has_bot_event (TRUE when
-- the browser of one of its events names itself a robot) and requests (its page views, product views and searches).
-- Quoting: a predicate is a SQL string, so its own quotes are doubled.
-- An amount is what the Spark job and the macro purchase_amount of dbt take for one (docs/metrics.md).
{%- set amount %}IFF(REGEXP_LIKE(properties_parsed:amount::STRING, ''-?[0-9]{1,60}([.][0-9]{1,60})?([eE][+-]?[0-9]{1,3})?''), TRY_TO_DECIMAL(properties_parsed:amount::STRING, 20, 2), NULL){% endset %}
CREATE OR REPLACE TEMPORARY TABLE ops.shipped_rules AS
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
    ('events', 'implausible_timestamp', 'error', 'timestamp < TO_TIMESTAMP_NTZ(''1990-01-01'', ''YYYY-MM-DD'') OR timestamp >= TO_TIMESTAMP_NTZ(''2100-01-01'', ''YYYY-MM-DD'')', 'A clock defect: no shop sold online before 1990, and none sells after 2099 yet'),
    ('events', 'timestamp_in_the_future', 'warn', 'timestamp > loaded_at', 'It was loaded before it happened: the clock that gave the time was wrong'),
    ('events', 'missing_session_id', 'warn', 'session_id IS NULL', 'The event is part of no session'),
    ('events', 'missing_user_id', 'warn', 'user_id IS NULL', 'A guest'),
    ('events', 'unknown_event_type', 'warn', 'event_type NOT IN (''page_view'', ''product_view'', ''search'', ''add_to_cart'', ''purchase'')', 'Counted in no metric of its own'),
    ('events', 'unknown_user_tier', 'warn', 'user_tier NOT IN (''bronze'', ''silver'', ''gold'', ''platinum'', ''unknown'')', 'A tier that the shop does not have'),
    ('events', 'malformed_properties', 'warn', 'properties_text IS NOT NULL AND properties_parsed IS NULL', 'The properties are no JSON'),
    ('events', 'unparsable_amount', 'warn', 'event_type = ''purchase'' AND {{ amount }} IS NULL', 'The purchase counts with amount 0'),
    ('events', 'negative_amount', 'warn', 'event_type = ''purchase'' AND {{ amount }} < 0', 'A purchase should not give money back'),
    ('events', 'is_bot_traffic', 'flag', 'REGEXP_LIKE(browser, ''.*(bot|crawler|spider|headless).*'', ''i'')', 'The browser names itself a robot; an event inherits the flag of its session, where it has one'),
    ('events', 'is_test_user', 'flag', 'user_id ILIKE ''test%'' OR LOWER(properties_parsed:is_test::STRING) = ''true''', 'A user of the shop''s own tests; an event inherits the flag of its session, where it has one'),

    ('sessions', 'missing_session_id', 'error', 'session_id IS NULL', 'A session without identifier'),
    ('sessions', 'missing_session_start', 'error', 'session_start IS NULL', 'A session without start belongs to no day'),
    ('sessions', 'implausible_session_start', 'error', 'session_start < TO_TIMESTAMP_NTZ(''1990-01-01'', ''YYYY-MM-DD'') OR session_start >= TO_TIMESTAMP_NTZ(''2100-01-01'', ''YYYY-MM-DD'')', 'A clock defect: no shop sold online before 1990, and none sells after 2099 yet'),
    ('sessions', 'negative_duration', 'error', 'session_duration_minutes < 0 OR session_end < session_start', 'The session ends before it starts'),
    ('sessions', 'excessive_duration', 'error', 'session_duration_minutes > max_session_hours * 60', 'Longer than a session can be (ops.session_limit)'),
    ('sessions', 'negative_total_spent', 'error', 'total_spent < 0', 'Purchases must not be negative in sum'),
    ('sessions', 'negative_count', 'error', 'LEAST(page_views, product_views, searches, add_to_cart_events, purchases, event_count) < 0', 'A count below zero'),
    ('sessions', 'missing_user_id', 'warn', 'user_id IS NULL', 'A guest'),
    ('sessions', 'unknown_user_tier', 'warn', 'user_tier NOT IN (''bronze'', ''silver'', ''gold'', ''platinum'', ''unknown'')', 'A tier that the shop does not have'),
    ('sessions', 'many_ip_addresses', 'warn', 'distinct_ip_count > 10', 'A shared or stolen session'),
    ('sessions', 'is_bot_traffic', 'flag', 'REGEXP_LIKE(browser, ''.*(bot|crawler|spider|headless).*'', ''i'') OR has_bot_event OR (requests >= bot_min_requests AND requests_per_minute > bot_requests_per_minute) OR max_repeats > bot_repeats', 'The browser names itself a robot, or pages are asked for faster or more often than people do (ops.quality_thresholds)'),
    ('sessions', 'is_test_user', 'flag', 'user_id ILIKE ''test%'' OR has_test_event', 'A user of the shop''s own tests'),
    ('sessions', 'is_high_value_session', 'flag', 'total_spent >= {{ high_value_session }}', 'Spent at least the threshold (schemachange variable high_value_session)'),
    ('sessions', 'is_bounce_session', 'flag', 'event_count = 1 AND purchases = 0', 'Came and left: one event in all, and that no purchase'),

    ('transactions', 'missing_transaction_id', 'error', 'transaction_id IS NULL', 'A transaction without identifier'),
    ('transactions', 'missing_created_at', 'error', 'created_at IS NULL', 'A transaction without time belongs to no day'),
    ('transactions', 'implausible_created_at', 'error', 'created_at < TO_TIMESTAMP_NTZ(''1990-01-01'', ''YYYY-MM-DD'') OR created_at >= TO_TIMESTAMP_NTZ(''2100-01-01'', ''YYYY-MM-DD'')', 'A clock defect: no shop sold online before 1990, and none sells after 2099 yet'),
    ('transactions', 'missing_total_amount', 'error', 'total_amount IS NULL', 'A transaction without amount'),
    ('transactions', 'negative_unit_price', 'error', 'unit_price < 0', 'A price below zero'),
    ('transactions', 'missing_product_id', 'warn', 'product_id IS NULL', 'A line without product'),
    ('transactions', 'missing_user_id', 'warn', 'user_id IS NULL', 'A guest'),
    ('transactions', 'returned_goods', 'warn', 'quantity < 0', 'A return, not a sale'),
    ('transactions', 'unknown_user_tier', 'warn', 'user_tier NOT IN (''bronze'', ''silver'', ''gold'', ''platinum'', ''unknown'')', 'A tier that the shop does not have'),
    ('transactions', 'total_differs', 'warn', 'LEAST(ABS(total_amount - (quantity * unit_price - COALESCE(discount_amount, 0))), ABS(total_amount - (quantity * unit_price - COALESCE(discount_amount, 0) + COALESCE(tax_amount, 0)))) > 0.01', 'The total is not what was paid: quantity times price less discount, neither with the tax added nor with the tax contained in the price'),
    ('transactions', 'is_test_user', 'flag', 'user_id ILIKE ''test%''', 'A user of the shop''s own tests')
) AS rules (dataset, code, severity, predicate, description);

-- A rule that comes back is asked again; one that somebody has switched off stays off.
MERGE INTO ops.quality_rules AS target
USING ops.shipped_rules AS source
    ON target.dataset = source.dataset AND target.code = source.code
WHEN MATCHED THEN UPDATE SET
    target.severity = source.severity,
    target.predicate = source.predicate,
    target.description = source.description,
    target.enabled = target.enabled OR COALESCE(target.withdrawn, FALSE),
    target.shipped = TRUE,
    target.withdrawn = FALSE
WHEN NOT MATCHED THEN INSERT (dataset, code, severity, predicate, description, enabled, shipped, withdrawn)
VALUES (source.dataset, source.code, source.severity, source.predicate, source.description, TRUE, TRUE, FALSE);

-- What an earlier deployment brought and this one does not have is asked no more; a rule of the account's own stays.
UPDATE ops.quality_rules
SET enabled = FALSE, withdrawn = TRUE
WHERE
    shipped
    AND NOT EXISTS (
        SELECT 1
        FROM ops.shipped_rules AS rules
        WHERE rules.dataset = quality_rules.dataset AND rules.code = quality_rules.code
    );

DROP TABLE ops.shipped_rules;

-- Thresholds are data: a row that exists keeps the value that an operator has set
-- (UPDATE ops.quality_thresholds SET value = 90 WHERE name = 'bot_requests_per_minute').
MERGE INTO ops.quality_thresholds AS target
USING (
    SELECT
        defaults.name,
        defaults.value,
        defaults.description
    FROM (
        VALUES
        ('bot_min_requests', 30, 'Page views, product views and searches of a session from which its rate tells anything'),
        ('bot_requests_per_minute', 60, 'Page views, product views and searches per minute of a session, above which it is a bot'),
        ('bot_repeats', 200, 'Views of one page or product, or searches of one text, in a session, above which it is a bot')
    ) AS defaults (name, value, description)
) AS source
    ON target.name = source.name
WHEN MATCHED THEN UPDATE SET target.description = source.description
WHEN NOT MATCHED THEN INSERT (name, value, description)
VALUES (source.name, source.value, source.description);
