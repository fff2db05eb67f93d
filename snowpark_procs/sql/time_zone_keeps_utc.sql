-- TRUE when a UTC-adjusted time becomes the same UTC time without a zone. Several dates: a zone may have had no offset then.
SELECT
    '2024-01-01 00:00:00 +0000'::TIMESTAMP_LTZ::TIMESTAMP_NTZ = '2024-01-01 00:00:00'::TIMESTAMP_NTZ
    AND '2024-07-01 00:00:00 +0000'::TIMESTAMP_LTZ::TIMESTAMP_NTZ = '2024-07-01 00:00:00'::TIMESTAMP_NTZ AS keeps_utc
