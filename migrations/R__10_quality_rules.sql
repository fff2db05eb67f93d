-- The quality rules and flags (see ops.quality_rules). Changing one here re-deploys all; rows already in STAGING keep their
-- flags until CALL ops.reflag takes their dates anew, or a batch brings them again (sessions: or one of their events).
-- A predicate sees the columns that ops.quality_rules names, the rows of ops.quality_thresholds and max_session_hours
-- (ops.session_limit). One of events also sees loaded_at (UTC, when RAW received it), properties_text (the properties as they
-- came, where they are no JSON) and copies (how often its batch brought it); one of transactions copies and has_purchase (TRUE when a
-- purchase event of its date, the one before or the one after names it); one of sessions also has_bot_event (TRUE when
-- the browser of one of its events names itself a robot), requests (its page views, product views and searches) and
-- address_sessions (how many sessions its most used address had on a date).
-- docs/quality_rules.md is made of this file: python -m deploy.quality_page
{#- An amount is what the Spark job and the macro purchase_amount of dbt take for one (docs/metrics.md). -#}
{%- set amount_sent = "properties_parsed:amount::STRING" %}
{%- set amount = "IFF(REGEXP_LIKE(" ~ amount_sent ~ ", '-?[0-9]{1,60}([.][0-9]{1,60})?([eE][+-]?[0-9]{1,3})?'), TRY_TO_DECIMAL(" ~ amount_sent ~ ", 20, 2), NULL)" %}
{%- set implausible = "{0} < TO_TIMESTAMP_NTZ('1990-01-01', 'YYYY-MM-DD') OR {0} >= TO_TIMESTAMP_NTZ('2100-01-01', 'YYYY-MM-DD')" %}
{#- The form that flagging gives to a UUID, and what a program writes where it has no identifier. -#}
{%- set no_uuid = "NOT REGEXP_LIKE({0}, '[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}')" %}
{%- set placeholder = "LOWER(TRIM({0})) IN ('', '0', '-1', '-', 'null', '(null)', 'nil', 'none', 'nan', 'n/a', 'undefined', 'unknown', 'anonymous', '00000000-0000-0000-0000-000000000000')" %}
{%- set url = "([a-z][a-z0-9+.-]*://[^/?#[:space:]]+)?([/?#][^[:space:]<>]*)?" %}
{%- set robot = "REGEXP_LIKE(browser, '.*(bot|crawler|spider|headless).*', 'i')" %}
{%- set tiers = "user_tier NOT IN ('bronze', 'silver', 'gold', 'platinum', 'unknown')" %}
{%- set clock_defect = "A clock defect: no shop sold online before 1990, and none sells after 2099 yet" %}
{%- set no_form = "It is no UUID: the speed layer, whose identifiers are UUIDs, cannot hold it" %}
{%- set stands_for_none = "What a program writes where it has none; all who have it would be one user" %}
{#- code, severity, predicate, description -#}
{%- set rules = {
    'events': [
        ('missing_event_id', 'error', "event_id IS NULL", "An event without identifier cannot be told from a duplicate"),
        ('missing_timestamp', 'error', "timestamp IS NULL", "An event without time belongs to no day"),
        ('missing_event_type', 'error', "event_type IS NULL", "Nobody knows what happened"),
        ('implausible_timestamp', 'error', implausible.format('timestamp'), clock_defect),
        ('timestamp_in_the_future', 'warn', "timestamp > loaded_at", "It was loaded before it happened: the clock that gave the time was wrong"),
        ('duplicated_event', 'warn', "copies > 1", "One batch brought it more than once; it counts once"),
        ('malformed_event_id', 'warn', no_uuid.format('event_id'), no_form),
        ('missing_session_id', 'warn', "session_id IS NULL", "The event is part of no session"),
        ('malformed_session_id', 'warn', no_uuid.format('session_id'), no_form),
        ('missing_user_id', 'warn', "user_id IS NULL", "A guest"),
        ('malformed_user_id', 'warn', no_uuid.format('user_id'), no_form),
        ('placeholder_user_id', 'warn', placeholder.format('user_id'), stands_for_none),
        ('unknown_event_type', 'warn', "event_type NOT IN ('page_view', 'product_view', 'search', 'add_to_cart', 'purchase')", "Counted in no metric of its own"),
        ('unknown_user_tier', 'warn', tiers, "A tier that the shop does not have"),
        ('malformed_page_url', 'warn', "NOT REGEXP_LIKE(page_url, '" ~ url ~ "', 'i')", "Neither a URL nor the path of one (https://www.rfc-editor.org/rfc/rfc3986#section-4)"),
        ('malformed_properties', 'warn', "properties_text IS NOT NULL AND properties_parsed IS NULL", "The properties are no JSON"),
        ('purchase_without_transaction', 'warn', "event_type = 'purchase' AND transaction_id IS NULL", "It counts as an order of its own, since nothing names the one that it is part of"),
        ('malformed_transaction_id', 'warn', no_uuid.format('transaction_id'), no_form),
        ('missing_amount', 'warn', "event_type = 'purchase' AND " ~ amount_sent ~ " IS NULL", "The purchase counts with amount 0"),
        ('unparsable_amount', 'warn', "event_type = 'purchase' AND " ~ amount_sent ~ " IS NOT NULL AND " ~ amount ~ " IS NULL", "The purchase counts with amount 0"),
        ('negative_amount', 'warn', "event_type = 'purchase' AND " ~ amount ~ " < 0", "A purchase should not give money back"),
        ('absurd_amount', 'warn', "event_type = 'purchase' AND ABS(" ~ amount ~ ") > largest_amount", "More than anybody can be charged at once"),
        ('is_bot_traffic', 'flag', robot, "The browser names itself a robot; an event inherits the flag of its session, where it has one"),
        ('is_test_user', 'flag', "user_id ILIKE 'test%' OR LOWER(properties_parsed:is_test::STRING) = 'true'", "A user of the shop's own tests; an event inherits the flag of its session, where it has one"),
    ],
    'sessions': [
        ('missing_session_id', 'error', "session_id IS NULL", "A session without identifier"),
        ('missing_session_start', 'error', "session_start IS NULL", "A session without start belongs to no day"),
        ('implausible_session_start', 'error', implausible.format('session_start'), clock_defect),
        ('negative_duration', 'error', "session_duration_minutes < 0 OR session_end < session_start", "The session ends before it starts"),
        ('excessive_duration', 'error', "session_duration_minutes > max_session_hours * 60", "Longer than a session can be (ops.session_limit)"),
        ('negative_total_spent', 'error', "total_spent < 0", "Purchases must not be negative in sum"),
        ('negative_count', 'error', "LEAST(page_views, product_views, searches, add_to_cart_events, purchases, event_count) < 0", "A count below zero"),
        ('malformed_session_id', 'warn', no_uuid.format('session_id'), no_form),
        ('missing_user_id', 'warn', "user_id IS NULL", "A guest"),
        ('malformed_user_id', 'warn', no_uuid.format('user_id'), no_form),
        ('placeholder_user_id', 'warn', placeholder.format('user_id'), stands_for_none),
        ('unknown_user_tier', 'warn', tiers, "A tier that the shop does not have"),
        ('absurd_amount', 'warn', "total_spent > largest_amount", "More than anybody can be charged at once"),
        ('many_ip_addresses', 'warn', "distinct_ip_count > addresses_per_session", "A shared or stolen session"),
        ('many_sessions_from_address', 'warn', "address_sessions > sessions_per_address", "One address had more sessions on a date than people behind it could have"),
        ('is_bot_traffic', 'flag', robot ~ " OR has_bot_event OR (requests >= bot_min_requests AND requests_per_minute > bot_requests_per_minute) OR max_repeats > bot_repeats", "The browser names itself a robot, or pages are asked for faster or more often than people do (ops.quality_thresholds)"),
        ('is_test_user', 'flag', "user_id ILIKE 'test%' OR has_test_event", "A user of the shop's own tests"),
        ('is_high_value_session', 'flag', "total_spent >= " ~ high_value_session, "Spent at least the threshold (schemachange variable high_value_session)"),
        ('is_bounce_session', 'flag', "event_count = 1 AND purchases = 0", "Came and left: one event in all, and that no purchase"),
    ],
    'transactions': [
        ('missing_transaction_id', 'error', "transaction_id IS NULL", "A transaction without identifier"),
        ('missing_created_at', 'error', "created_at IS NULL", "A transaction without time belongs to no day"),
        ('implausible_created_at', 'error', implausible.format('created_at'), clock_defect),
        ('missing_total_amount', 'error', "total_amount IS NULL", "A transaction without amount"),
        ('negative_unit_price', 'error', "unit_price < 0", "A price below zero"),
        ('malformed_transaction_id', 'warn', no_uuid.format('transaction_id'), no_form),
        ('duplicated_line', 'warn', "copies > 1", "One batch brought the line more than once; it counts once"),
        ('orphan_transaction', 'warn', "COALESCE(quantity, 1) >= 0 AND NOT has_purchase", "A sale of which no purchase event of its date, the one before or the one after knows; it is no order"),
        ('missing_product_id', 'warn', "product_id IS NULL", "A line without product"),
        ('missing_user_id', 'warn', "user_id IS NULL", "A guest"),
        ('malformed_user_id', 'warn', no_uuid.format('user_id'), no_form),
        ('placeholder_user_id', 'warn', placeholder.format('user_id'), stands_for_none),
        ('returned_goods', 'warn', "quantity < 0", "A return, not a sale"),
        ('unknown_user_tier', 'warn', tiers, "A tier that the shop does not have"),
        ('absurd_amount', 'warn', "ABS(total_amount) > largest_amount OR ABS(unit_price) > largest_amount", "More than anybody can be charged at once"),
        ('total_differs', 'warn', "LEAST(ABS(total_amount - (quantity * unit_price - COALESCE(discount_amount, 0))), ABS(total_amount - (quantity * unit_price - COALESCE(discount_amount, 0) + COALESCE(tax_amount, 0)))) > 0.01", "The total is not what was paid: quantity times price less discount, neither with the tax added nor with the tax contained in the price"),
        ('is_test_user', 'flag', "user_id ILIKE 'test%'", "A user of the shop's own tests"),
    ],
} %}
{#- name, value, description, source -#}
{%- set thresholds = [
    ('addresses_per_session', 10, "Addresses of a session, above which it is shared or stolen", "Ours: a phone changes its network some times in a visit, not every few minutes of it"),
    ('bot_min_requests', 30, "Page views, product views and searches of a session from which its rate tells anything", "Ours: half a minute at the rate of bot_requests_per_minute"),
    ('bot_repeats', 200, "Views of one page or product, or searches of one text, in a session, above which it is a bot", "Ours: a monitor asks every few minutes, 288 times a day at five"),
    ('bot_requests_per_minute', 60, "Page views, product views and searches per minute of a session, above which it is a bot", "Ours: nobody looks at a page for less than a second, one after the other"),
    ('largest_amount', 999999.99, "Money of one purchase, line or session, above which it is absurd", "The largest charge that Stripe takes, in most currencies: https://docs.stripe.com/api/payment_intents/create#create_payment_intent-amount"),
    ('sessions_per_address', 1000, "Sessions of one address on a UTC date, above which they are too many", "Ours: dozens of subscribers share an address (https://www.rfc-editor.org/rfc/rfc6269), with a dozen visits each"),
] %}
{%- macro text(value) %}'{{ value | replace("'", "''") }}'{% endmacro %}
CREATE OR REPLACE TEMPORARY TABLE ops.shipped_rules AS
SELECT
    rules.dataset,
    rules.code,
    rules.severity,
    rules.predicate,
    rules.description
FROM (
    VALUES
{%- for dataset, judged in rules.items() %}
{%- set last = loop.last %}
{%- for code, severity, predicate, description in judged %}
    ('{{ dataset }}', '{{ code }}', '{{ severity }}', {{ text(predicate) }}, {{ text(description) }}){{ '' if last and loop.last else ',' }}
{%- endfor %}
{%- endfor %}
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
-- (CALL ops.set_threshold('bot_requests_per_minute', 90)).
MERGE INTO ops.quality_thresholds AS target
USING (
    SELECT
        defaults.name,
        defaults.value,
        defaults.description,
        defaults.source
    FROM (
        VALUES
{%- for name, value, description, source in thresholds %}
        ('{{ name }}', {{ value }}, {{ text(description) }}, {{ text(source) }}){{ '' if loop.last else ',' }}
{%- endfor %}
    ) AS defaults (name, value, description, source)
) AS source
    ON target.name = source.name
WHEN MATCHED THEN UPDATE SET target.description = source.description, target.source = source.source
WHEN NOT MATCHED THEN INSERT (name, value, description, source)
VALUES (source.name, source.value, source.description, source.source);
