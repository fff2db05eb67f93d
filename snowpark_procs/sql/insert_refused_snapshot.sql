INSERT INTO recon.refused_snapshots (manifest, date, extraction_id, reason, refused_at)
SELECT
    ? AS manifest,
    ?::DATE AS date,
    ? AS extraction_id,
    ? AS reason,
    ?::TIMESTAMP_NTZ AS refused_at
