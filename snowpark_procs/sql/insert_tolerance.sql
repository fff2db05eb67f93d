-- Binds: metric; tier; first and last date (NULL: no end); absolute and relative limit.
INSERT INTO recon.tolerances (metric, user_tier, valid_from, valid_to, absolute, relative, set_by, set_at)
SELECT
    ? AS metric,
    ? AS user_tier,
    TO_DATE(?, 'YYYY-MM-DD') AS valid_from,
    TO_DATE(?, 'YYYY-MM-DD') AS valid_to,
    ?::NUMBER(38, 6) AS absolute,
    ?::NUMBER(18, 9) AS relative,
    CURRENT_USER() AS set_by,
    CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ AS set_at
