-- What an administrator (ACCOUNTADMIN) runs once before the first deployment: what SYSADMIN needs beyond what it has in a new
-- account. schemachange leaves this file alone. The database, the warehouse and the storage integration are the account's own
-- affair (docs/warehouse.md); when they are not SYSADMIN's, it needs on them:
--   GRANT USAGE, CREATE SCHEMA ON DATABASE ecommerce_dw TO ROLE sysadmin;
--   GRANT USAGE ON WAREHOUSE compute_wh TO ROLE sysadmin WITH GRANT OPTION;
--   GRANT USAGE ON INTEGRATION ecommerce_lake TO ROLE sysadmin;
--   GRANT DATABASE ROLE snowflake.pypi_repository_user TO ROLE sysadmin;
GRANT CREATE ROLE ON ACCOUNT TO ROLE sysadmin;
GRANT EXECUTE TASK ON ACCOUNT TO ROLE sysadmin;
GRANT EXECUTE ALERT ON ACCOUNT TO ROLE sysadmin;
GRANT MODIFY LOG LEVEL ON ACCOUNT TO ROLE sysadmin; -- noqa: PRS
