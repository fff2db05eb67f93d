-- The stages follow the variables landing_url, lake_url and storage_integration, and the landing belongs to one database: a clone of another environment is
-- deployed with a landing of its own, or not at all (docs/warehouse.md). Database: {{ env_var('SNOWFLAKE_DATABASE', 'ECOMMERCE_DW') }}
EXECUTE IMMEDIATE $$
DECLARE
    taken EXCEPTION (-20101, 'The landing {{ landing_url }} belongs to the environment that this database was cloned from: deploy with a landing_url of its own');
    others INTEGER;
BEGIN
    SELECT COUNT(*) INTO :others FROM ops.environment WHERE database_name <> CURRENT_DATABASE() AND landing_url = '{{ landing_url }}';
    IF (others > 0) THEN
        RAISE taken;
    END IF;
END;
$$;

ALTER STAGE raw.landing SET
    URL = '{{ landing_url }}'
    STORAGE_INTEGRATION = {{ storage_integration }};

ALTER STAGE raw.lake SET
    URL = '{{ lake_url }}'
    STORAGE_INTEGRATION = {{ storage_integration }};

MERGE INTO ops.environment AS target
USING (
    SELECT
        CURRENT_DATABASE() AS database_name,
        '{{ landing_url }}' AS landing_url,
        CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ AS deployed_at
) AS source
    ON TRUE
WHEN MATCHED THEN UPDATE SET
    target.database_name = source.database_name,
    target.landing_url = source.landing_url,
    target.deployed_at = source.deployed_at
WHEN NOT MATCHED THEN INSERT (database_name, landing_url, deployed_at)
VALUES (source.database_name, source.landing_url, source.deployed_at);
