-- What tells an environment from a clone of it, what shows that addresses are read unmasked, and which rules a deployment brought.

-- One row: which database was deployed, and with which landing (R__06_stages.sql). A clone has another name than it says, and must not load or
-- acknowledge what lies in that landing until it has been deployed with one of its own.
CREATE TABLE IF NOT EXISTS ops.environment (
    database_name STRING NOT NULL,
    landing_url STRING NOT NULL,
    deployed_at TIMESTAMP_NTZ NOT NULL    -- UTC
);

-- One address under the policy of all addresses: whoever reads another value here would write masked ones into STAGING.
CREATE TABLE IF NOT EXISTS ops.address_probe (
    ip_address STRING NOT NULL
);

INSERT INTO ops.address_probe (ip_address)
SELECT '192.0.2.1' AS ip_address
WHERE NOT EXISTS (SELECT 1 FROM ops.address_probe);

ALTER TABLE ops.address_probe MODIFY COLUMN ip_address SET MASKING POLICY ops.mask_ip_address;

-- A rule that a deployment brought and a later one no longer has is withdrawn: it is not asked any more.
ALTER TABLE ops.quality_rules ADD COLUMN IF NOT EXISTS
shipped BOOLEAN DEFAULT FALSE,
withdrawn BOOLEAN DEFAULT FALSE;
