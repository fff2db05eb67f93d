-- Bots and test users are decided once, per session, and inherited by the session's events.
-- own_…: what the event's own agent, user and properties say; is_bot_traffic and is_test_user are those of its session, or
-- its own where it is part of no known session. Until now they were its own.
ALTER TABLE staging.events_cleaned ADD COLUMN own_is_bot_traffic BOOLEAN, own_is_test_user BOOLEAN;

UPDATE staging.events_cleaned
SET own_is_bot_traffic = is_bot_traffic, own_is_test_user = is_test_user;

ALTER TABLE staging.events_cleaned_delta ADD COLUMN own_is_bot_traffic BOOLEAN, own_is_test_user BOOLEAN;

-- The session of the current row.
ALTER TABLE staging.events_cleaned_delta ADD COLUMN previous_session_id STRING;

-- How the visitor behaved, from the session's staged events; purchases and carts do not count.
-- requests_per_minute: page views, product views and searches per minute of the session, of which there is at least one.
-- max_repeats: the most views of one page or product, or searches of one text.
ALTER TABLE staging.user_sessions_enhanced ADD COLUMN requests_per_minute NUMBER(38, 4), max_repeats NUMBER(38, 0);

ALTER TABLE staging.user_sessions_enhanced_delta ADD COLUMN requests_per_minute NUMBER(38, 4), max_repeats NUMBER(38, 0);

-- Numbers that the predicates of ops.quality_rules name like columns. The deployment adds what is missing
-- (R__10_quality_rules.sql) and leaves a value that is there as an operator has set it.
CREATE TABLE IF NOT EXISTS ops.quality_thresholds (
    name STRING NOT NULL,
    value NUMBER(38, 6) NOT NULL,
    description STRING NOT NULL
);
