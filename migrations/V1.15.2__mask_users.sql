-- Who a session belongs to is personal data: masked for everyone without the access role.
CREATE MASKING POLICY IF NOT EXISTS ops.mask_user_id AS (val STRING) RETURNS STRING ->
    CASE
        WHEN val IS NULL THEN NULL
        WHEN IS_ROLE_IN_SESSION('ECOMMERCE_PII_READ') THEN val
        ELSE '***MASKED***'
    END
    COMMENT = 'User ids only for ECOMMERCE_PII_READ';

ALTER TABLE recon.explanations MODIFY COLUMN user_id SET MASKING POLICY ops.mask_user_id;
