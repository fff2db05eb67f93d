-- Binds: date, change id, columns, buckets, sessions, time.
INSERT INTO recon.bucket_unloads (date, change_id, compared, bucket_count, session_count, unloaded_at)
SELECT
    TO_DATE(?, 'YYYY-MM-DD') AS date,
    ? AS change_id,
    ? AS compared,
    ? AS bucket_count,
    ? AS session_count,
    TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD HH24:MI:SS.FF6') AS unloaded_at
