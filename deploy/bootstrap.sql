-- What an account needs before the first deployment. An account administrator runs it once, and again after a change of a setting: it changes nothing
-- that is already so. It takes a worksheet, or the Snowflake CLI:  snow sql -f deploy/bootstrap.sql
--
-- A setting that the session has already keeps its value. Other environments of the same account have a database of their own, and with it
-- roles, users and integration of their own:  (echo "SET dw_database = 'ECOMMERCE_DW_TEST';"; cat deploy/bootstrap.sql) | snow sql --stdin
USE ROLE accountadmin;

SET dw_database = COALESCE(GETVARIABLE('DW_DATABASE'), 'ECOMMERCE_DW');
-- An environment's roles and users begin with its database's name, as the deployment's variable role_prefix does.
SET dw_prefix = COALESCE(GETVARIABLE('DW_PREFIX'), $dw_database || '_');
SET dw_warehouse = COALESCE(GETVARIABLE('DW_WAREHOUSE'), 'COMPUTE_WH');
SET dw_credits = COALESCE(GETVARIABLE('DW_CREDITS'), '100');                    -- a month, of this warehouse
SET dw_integration = COALESCE(GETVARIABLE('DW_INTEGRATION'), $dw_prefix || 'LAKE'); -- the deployment's variable storage_integration
SET dw_landing = COALESCE(GETVARIABLE('DW_LANDING'), 's3://ecommerce-landing/');
SET dw_lake = COALESCE(GETVARIABLE('DW_LAKE'), 's3://data-s3-bucket/');
SET dw_storage_role = COALESCE(GETVARIABLE('DW_STORAGE_ROLE'), 'arn:aws:iam::000000000000:role/ecommerce-lake');
SET dw_network_policy = COALESCE(GETVARIABLE('DW_NETWORK_POLICY'), '');         -- an existing one, for the service users

-- The warehouse and its limit.
SET dw_limit = $dw_prefix || 'CREDITS';
CREATE WAREHOUSE IF NOT EXISTS IDENTIFIER($dw_warehouse) INITIALLY_SUSPENDED = TRUE;
ALTER WAREHOUSE IDENTIFIER($dw_warehouse) SET
    WAREHOUSE_SIZE = 'MEDIUM' AUTO_SUSPEND = 300 AUTO_RESUME = TRUE ENABLE_QUERY_ACCELERATION = FALSE;
EXECUTE IMMEDIATE $$
DECLARE
    quota VARCHAR DEFAULT GETVARIABLE('DW_CREDITS');
    monitor VARCHAR DEFAULT GETVARIABLE('DW_LIMIT');
    warehouse VARCHAR DEFAULT GETVARIABLE('DW_WAREHOUSE');
    statement VARCHAR;
BEGIN
    statement := 'CREATE RESOURCE MONITOR IF NOT EXISTS ' || monitor || ' WITH CREDIT_QUOTA = ' || quota
        || ' FREQUENCY = MONTHLY START_TIMESTAMP = IMMEDIATELY'
        || ' TRIGGERS ON 75 PERCENT DO NOTIFY ON 100 PERCENT DO SUSPEND ON 110 PERCENT DO SUSPEND_IMMEDIATE';
    EXECUTE IMMEDIATE :statement;
    statement := 'ALTER RESOURCE MONITOR ' || monitor || ' SET CREDIT_QUOTA = ' || quota;
    EXECUTE IMMEDIATE :statement;
    statement := 'ALTER WAREHOUSE ' || warehouse || ' SET RESOURCE_MONITOR = ' || monitor;
    EXECUTE IMMEDIATE :statement;
END;
$$;

-- The role that deploys owns everything in the database, and nothing else. It is not SYSADMIN, which holds it.
SET dw_owner = $dw_prefix || 'OWNER';
CREATE ROLE IF NOT EXISTS IDENTIFIER($dw_owner) COMMENT = 'Owns the warehouse of this environment: deployments use it';
GRANT ROLE IDENTIFIER($dw_owner) TO ROLE sysadmin;
GRANT CREATE ROLE ON ACCOUNT TO ROLE IDENTIFIER($dw_owner);
GRANT EXECUTE TASK ON ACCOUNT TO ROLE IDENTIFIER($dw_owner);
GRANT EXECUTE ALERT ON ACCOUNT TO ROLE IDENTIFIER($dw_owner);
GRANT EXECUTE MANAGED ALERT ON ACCOUNT TO ROLE IDENTIFIER($dw_owner); -- noqa: PRS
GRANT MODIFY LOG LEVEL ON ACCOUNT TO ROLE IDENTIFIER($dw_owner); -- noqa: PRS
GRANT MODIFY TRACE LEVEL ON ACCOUNT TO ROLE IDENTIFIER($dw_owner); -- noqa: PRS
GRANT DATABASE ROLE snowflake.pypi_repository_user TO ROLE IDENTIFIER($dw_owner);
GRANT USAGE ON WAREHOUSE IDENTIFIER($dw_warehouse) TO ROLE IDENTIFIER($dw_owner) WITH GRANT OPTION;
CREATE DATABASE IF NOT EXISTS IDENTIFIER($dw_database);
GRANT OWNERSHIP ON DATABASE IDENTIFIER($dw_database) TO ROLE IDENTIFIER($dw_owner) COPY CURRENT GRANTS;

-- What is in it already belongs to the owner too: an environment that SYSADMIN deployed, or a clone of another one. Other grants stay.
EXECUTE IMMEDIATE $$
DECLARE
    database VARCHAR DEFAULT GETVARIABLE('DW_DATABASE');
    owner VARCHAR DEFAULT UPPER(GETVARIABLE('DW_OWNER'));
    statement VARCHAR;
    found RESULTSET;
    kinds RESULTSET DEFAULT (
        SELECT column1 AS plural
        FROM VALUES
            ('SCHEMAS'), ('TABLES'), ('VIEWS'), ('STAGES'), ('FILE FORMATS'), ('MASKING POLICIES'), ('PROCEDURES'), ('TASKS'), ('ALERTS')
    );
BEGIN
    statement := 'SELECT schema_owner FROM ' || database || '.information_schema.schemata WHERE schema_name = ''OPS''';
    found := (EXECUTE IMMEDIATE :statement);
    FOR ops IN found DO
        IF (ops.schema_owner <> owner) THEN
            FOR kind IN kinds DO
                statement := 'GRANT OWNERSHIP ON ALL ' || kind.plural || ' IN DATABASE ' || database || ' TO ROLE ' || owner || ' COPY CURRENT GRANTS';
                EXECUTE IMMEDIATE :statement;
            END FOR;
        END IF;
    END FOR;
END;
$$;

-- The bucket of the landing and the lake's. The role in AWS must trust what DESCRIBE INTEGRATION then shows.
EXECUTE IMMEDIATE $$
DECLARE
    integration VARCHAR DEFAULT GETVARIABLE('DW_INTEGRATION');
    settings VARCHAR DEFAULT ' ENABLED = TRUE STORAGE_AWS_ROLE_ARN = ''' || GETVARIABLE('DW_STORAGE_ROLE')
        || ''' STORAGE_ALLOWED_LOCATIONS = (''' || GETVARIABLE('DW_LANDING') || ''', ''' || GETVARIABLE('DW_LAKE') || ''')';
    statement VARCHAR;
BEGIN
    statement := 'CREATE STORAGE INTEGRATION IF NOT EXISTS ' || integration || ' TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = ''S3''' || settings;
    EXECUTE IMMEDIATE :statement;
    statement := 'ALTER STORAGE INTEGRATION ' || integration || ' SET' || settings;
    EXECUTE IMMEDIATE :statement;
END;
$$;
GRANT USAGE ON INTEGRATION IDENTIFIER($dw_integration) TO ROLE IDENTIFIER($dw_owner);

-- What services and people are: the deployment grants to these roles, and owns them.
USE ROLE IDENTIFIER($dw_owner);
SET (dw_loader, dw_transformer, dw_reconciler) = ($dw_prefix || 'LOADER', $dw_prefix || 'TRANSFORMER', $dw_prefix || 'RECONCILER');
SET (dw_watcher, dw_operator, dw_analyst) = ($dw_prefix || 'MONITOR', $dw_prefix || 'OPERATOR', $dw_prefix || 'ANALYST');
CREATE ROLE IF NOT EXISTS IDENTIFIER($dw_loader) COMMENT = 'Loads published batches';
CREATE ROLE IF NOT EXISTS IDENTIFIER($dw_transformer) COMMENT = 'Flags quality and builds the marts';
CREATE ROLE IF NOT EXISTS IDENTIFIER($dw_reconciler) COMMENT = 'Compares the speed layer with the marts';
CREATE ROLE IF NOT EXISTS IDENTIFIER($dw_watcher) COMMENT = 'Reads OPS and RECON';
CREATE ROLE IF NOT EXISTS IDENTIFIER($dw_operator) COMMENT = 'On call: runs tasks, sets limits and rules, reads OPS and RECON';
CREATE ROLE IF NOT EXISTS IDENTIFIER($dw_analyst) COMMENT = 'Reads marts and results, asks for reconciliations';

-- A service user for each function: no password; docs/warehouse.md gives each its key.
USE ROLE accountadmin;
SET (dw_deploy, dw_load, dw_transform) = ($dw_prefix || 'DEPLOY', $dw_prefix || 'LOAD', $dw_prefix || 'TRANSFORM');
SET (dw_reconcile, dw_monitor) = ($dw_prefix || 'RECONCILE', $dw_prefix || 'MONITOR');
CREATE USER IF NOT EXISTS IDENTIFIER($dw_deploy) TYPE = SERVICE DEFAULT_ROLE = $dw_owner DEFAULT_SECONDARY_ROLES = ()
    DEFAULT_WAREHOUSE = $dw_warehouse TIMEZONE = 'UTC' COMMENT = 'schemachange';
CREATE USER IF NOT EXISTS IDENTIFIER($dw_load) TYPE = SERVICE DEFAULT_ROLE = $dw_loader DEFAULT_SECONDARY_ROLES = ()
    DEFAULT_WAREHOUSE = $dw_warehouse TIMEZONE = 'UTC' COMMENT = 'ops.load_pending, outside the task graph';
CREATE USER IF NOT EXISTS IDENTIFIER($dw_transform) TYPE = SERVICE DEFAULT_ROLE = $dw_transformer DEFAULT_SECONDARY_ROLES = ()
    DEFAULT_WAREHOUSE = $dw_warehouse TIMEZONE = 'UTC' COMMENT = 'dbt';
CREATE USER IF NOT EXISTS IDENTIFIER($dw_reconcile) TYPE = SERVICE DEFAULT_ROLE = $dw_reconciler DEFAULT_SECONDARY_ROLES = ()
    DEFAULT_WAREHOUSE = $dw_warehouse TIMEZONE = 'UTC' COMMENT = 'recon.reconcile_pending, outside the task graph';
CREATE USER IF NOT EXISTS IDENTIFIER($dw_monitor) TYPE = SERVICE DEFAULT_ROLE = $dw_watcher DEFAULT_SECONDARY_ROLES = ()
    DEFAULT_WAREHOUSE = $dw_warehouse TIMEZONE = 'UTC' COMMENT = 'Dashboards and alarms';
GRANT ROLE IDENTIFIER($dw_owner) TO USER IDENTIFIER($dw_deploy);
GRANT ROLE IDENTIFIER($dw_loader) TO USER IDENTIFIER($dw_load);
GRANT ROLE IDENTIFIER($dw_transformer) TO USER IDENTIFIER($dw_transform);
GRANT ROLE IDENTIFIER($dw_reconciler) TO USER IDENTIFIER($dw_reconcile);
GRANT ROLE IDENTIFIER($dw_watcher) TO USER IDENTIFIER($dw_monitor);
EXECUTE IMMEDIATE $$
DECLARE
    policy VARCHAR DEFAULT GETVARIABLE('DW_NETWORK_POLICY');
    prefix VARCHAR DEFAULT GETVARIABLE('DW_PREFIX');
    statement VARCHAR;
    services CURSOR FOR SELECT column1 AS name FROM VALUES ('DEPLOY'), ('LOAD'), ('TRANSFORM'), ('RECONCILE'), ('MONITOR');
BEGIN
    IF (policy <> '') THEN
        FOR service IN services DO
            statement := 'ALTER USER ' || prefix || service.name || ' SET NETWORK_POLICY = ' || policy;
            EXECUTE IMMEDIATE :statement;
        END FOR;
    END IF;
END;
$$;
