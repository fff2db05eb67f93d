-- TRUE when a UTC-adjusted time becomes the same UTC time without a zone: in January and in July of 2024, as seconds since 1970.
-- Several dates: a zone may have had no offset then.
SELECT
    TO_TIMESTAMP_LTZ(1704067200)::TIMESTAMP_NTZ = TO_TIMESTAMP_NTZ(1704067200)
    AND TO_TIMESTAMP_LTZ(1719792000)::TIMESTAMP_NTZ = TO_TIMESTAMP_NTZ(1719792000) AS keeps_utc
