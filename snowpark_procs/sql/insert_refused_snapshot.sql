INSERT INTO recon.refused_snapshots (manifest, date, extraction_id, reason, refused_at)
SELECT
    ? AS manifest,
    TO_DATE(?, 'YYYY-MM-DD') AS date,
    ? AS extraction_id,
    ? AS reason,
    TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD HH24:MI:SS.FF6') AS refused_at
