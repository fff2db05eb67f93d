-- IP addresses are personal data: masked for everyone without the access role. Staging keeps the policy of its own column.
-- (Masking policies need Snowflake's Enterprise edition.) To change the rule later: ALTER MASKING POLICY … SET BODY.
CREATE MASKING POLICY IF NOT EXISTS ops.mask_ip_address AS (val STRING) RETURNS STRING ->
    CASE
        WHEN val IS NULL THEN NULL
        WHEN IS_ROLE_IN_SESSION('ECOMMERCE_PII_READ') THEN val
        ELSE '***MASKED***'
    END
    COMMENT = 'IP addresses only for ECOMMERCE_PII_READ';

ALTER TABLE raw.user_events MODIFY COLUMN ip_address SET MASKING POLICY ops.mask_ip_address;
ALTER TABLE staging.events_cleaned MODIFY COLUMN ip_address SET MASKING POLICY ops.mask_ip_address;
ALTER TABLE staging.events_cleaned_delta MODIFY COLUMN ip_address SET MASKING POLICY ops.mask_ip_address;
