-- is_recounted: the session was told of an event that counts in another one, too far away in time for the Spark job to see it; its numbers
-- are those of its events in STAGING, from now on.
ALTER TABLE staging.user_sessions_enhanced ADD COLUMN is_recounted BOOLEAN;
ALTER TABLE staging.user_sessions_enhanced_delta ADD COLUMN is_recounted BOOLEAN;
