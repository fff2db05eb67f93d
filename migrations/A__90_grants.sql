-- Privileges, granted again on every deployment (a grant that exists changes nothing). Future grants cover what dbt creates.
{%- set database = env_var('SNOWFLAKE_DATABASE', 'ECOMMERCE_DW') %}
-- Nothing in a database is seen without a privilege on it.
GRANT USAGE ON DATABASE {{ database }} TO ROLE ecommerce_raw_read;
GRANT USAGE ON DATABASE {{ database }} TO ROLE ecommerce_staging_read;
GRANT USAGE ON DATABASE {{ database }} TO ROLE ecommerce_marts_read;
GRANT USAGE ON DATABASE {{ database }} TO ROLE ecommerce_marts_build;
GRANT USAGE ON DATABASE {{ database }} TO ROLE ecommerce_ops_read;
GRANT USAGE ON DATABASE {{ database }} TO ROLE ecommerce_recon_read;

GRANT USAGE ON SCHEMA raw TO ROLE ecommerce_raw_read;
GRANT SELECT ON ALL TABLES IN SCHEMA raw TO ROLE ecommerce_raw_read;
GRANT SELECT ON FUTURE TABLES IN SCHEMA raw TO ROLE ecommerce_raw_read;

GRANT USAGE ON SCHEMA staging TO ROLE ecommerce_staging_read;
GRANT SELECT ON ALL TABLES IN SCHEMA staging TO ROLE ecommerce_staging_read;
GRANT SELECT ON FUTURE TABLES IN SCHEMA staging TO ROLE ecommerce_staging_read;
GRANT SELECT ON ALL VIEWS IN SCHEMA staging TO ROLE ecommerce_staging_read;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA staging TO ROLE ecommerce_staging_read;

GRANT USAGE ON SCHEMA marts TO ROLE ecommerce_marts_read;
GRANT SELECT ON ALL TABLES IN SCHEMA marts TO ROLE ecommerce_marts_read;
GRANT SELECT ON FUTURE TABLES IN SCHEMA marts TO ROLE ecommerce_marts_read;
GRANT SELECT ON ALL VIEWS IN SCHEMA marts TO ROLE ecommerce_marts_read;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA marts TO ROLE ecommerce_marts_read;

-- dbt replaces whole tables on a full refresh, which takes ownership.
GRANT OWNERSHIP ON ALL TABLES IN SCHEMA marts TO ROLE ecommerce_marts_build COPY CURRENT GRANTS;
GRANT USAGE, CREATE TABLE, CREATE VIEW ON SCHEMA marts TO ROLE ecommerce_marts_build;
GRANT USAGE, CREATE TABLE, CREATE VIEW ON SCHEMA staging TO ROLE ecommerce_marts_build;
GRANT OWNERSHIP ON TABLE staging.int_order_lines TO ROLE ecommerce_marts_build COPY CURRENT GRANTS;
GRANT OWNERSHIP ON TABLE staging.int_user_days TO ROLE ecommerce_marts_build COPY CURRENT GRANTS;
-- What a build notes of itself, in the transaction that replaces rows.
GRANT SELECT, INSERT ON TABLE ops.derived_changes TO ROLE ecommerce_marts_build;
GRANT SELECT, UPDATE ON TABLE ops.model_builds TO ROLE ecommerce_marts_build;
GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE ops.user_totals TO ROLE ecommerce_marts_build;

GRANT USAGE ON SCHEMA ops TO ROLE ecommerce_ops_read;
GRANT SELECT ON ALL TABLES IN SCHEMA ops TO ROLE ecommerce_ops_read;
GRANT SELECT ON FUTURE TABLES IN SCHEMA ops TO ROLE ecommerce_ops_read;
GRANT SELECT ON ALL VIEWS IN SCHEMA ops TO ROLE ecommerce_ops_read;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA ops TO ROLE ecommerce_ops_read;

GRANT USAGE ON SCHEMA recon TO ROLE ecommerce_recon_read;
GRANT SELECT ON ALL TABLES IN SCHEMA recon TO ROLE ecommerce_recon_read;
GRANT SELECT ON FUTURE TABLES IN SCHEMA recon TO ROLE ecommerce_recon_read;
GRANT SELECT ON ALL VIEWS IN SCHEMA recon TO ROLE ecommerce_recon_read;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA recon TO ROLE ecommerce_recon_read;

-- The procedures run with their owner's rights: who may call one needs nothing under it.
GRANT USAGE ON PROCEDURE ops.load_batch(STRING) TO ROLE loader;
GRANT USAGE ON PROCEDURE ops.load_pending() TO ROLE loader;
GRANT USAGE ON PROCEDURE ops.flag_quality(STRING) TO ROLE transformer;
GRANT USAGE ON PROCEDURE ops.reflag(DATE, DATE) TO ROLE transformer;
GRANT USAGE ON PROCEDURE recon.load_speed_snapshot(DATE) TO ROLE reconciler;
GRANT USAGE ON PROCEDURE recon.reconcile_day(DATE, VARIANT) TO ROLE reconciler;
GRANT USAGE ON PROCEDURE recon.reconcile_range(DATE, DATE) TO ROLE reconciler;
GRANT USAGE ON PROCEDURE recon.reconcile_pending() TO ROLE reconciler;
GRANT USAGE ON PROCEDURE recon.reconcile_day(DATE, VARIANT) TO ROLE analyst;
GRANT USAGE ON PROCEDURE recon.reconcile_range(DATE, DATE) TO ROLE analyst;
GRANT USAGE ON PROCEDURE recon.explain(DATE, STRING, STRING) TO ROLE reconciler;
GRANT USAGE ON PROCEDURE recon.explain(DATE, STRING, STRING) TO ROLE analyst;

GRANT USAGE ON WAREHOUSE {{ warehouse }} TO ROLE loader;
GRANT USAGE ON WAREHOUSE {{ warehouse }} TO ROLE transformer;
GRANT USAGE ON WAREHOUSE {{ warehouse }} TO ROLE reconciler;
GRANT USAGE ON WAREHOUSE {{ warehouse }} TO ROLE analyst;
