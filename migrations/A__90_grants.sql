-- Privileges, granted again on every deployment (a grant that exists changes nothing). Future grants cover what dbt creates.
{%- set database = env_var('SNOWFLAKE_DATABASE', 'ECOMMERCE_DW') %}
{%- set access = role_prefix or 'ecommerce_' %}
-- Nothing in a database is seen without a privilege on it.
{% for role in ['raw_read', 'staging_read', 'marts_read', 'marts_build', 'ops_read', 'recon_read', 'user_read'] -%}
GRANT USAGE ON DATABASE {{ database }} TO ROLE {{ access }}{{ role }};
{% endfor %}
GRANT USAGE ON SCHEMA raw TO ROLE {{ access }}raw_read;
GRANT SELECT ON ALL TABLES IN SCHEMA raw TO ROLE {{ access }}raw_read;
GRANT SELECT ON FUTURE TABLES IN SCHEMA raw TO ROLE {{ access }}raw_read;

GRANT USAGE ON SCHEMA staging TO ROLE {{ access }}staging_read;
GRANT SELECT ON ALL TABLES IN SCHEMA staging TO ROLE {{ access }}staging_read;
GRANT SELECT ON FUTURE TABLES IN SCHEMA staging TO ROLE {{ access }}staging_read;
GRANT SELECT ON ALL VIEWS IN SCHEMA staging TO ROLE {{ access }}staging_read;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA staging TO ROLE {{ access }}staging_read;

GRANT USAGE ON SCHEMA marts TO ROLE {{ access }}marts_read;
GRANT SELECT ON ALL TABLES IN SCHEMA marts TO ROLE {{ access }}marts_read;
GRANT SELECT ON FUTURE TABLES IN SCHEMA marts TO ROLE {{ access }}marts_read;
GRANT SELECT ON ALL VIEWS IN SCHEMA marts TO ROLE {{ access }}marts_read;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA marts TO ROLE {{ access }}marts_read;

-- dbt replaces whole tables on a full refresh, which takes ownership.
GRANT OWNERSHIP ON ALL TABLES IN SCHEMA marts TO ROLE {{ access }}marts_build COPY CURRENT GRANTS;
GRANT USAGE, CREATE TABLE, CREATE VIEW ON SCHEMA marts TO ROLE {{ access }}marts_build;
GRANT USAGE, CREATE TABLE, CREATE VIEW ON SCHEMA staging TO ROLE {{ access }}marts_build;
GRANT OWNERSHIP ON TABLE staging.int_order_lines TO ROLE {{ access }}marts_build COPY CURRENT GRANTS;
GRANT OWNERSHIP ON TABLE staging.int_user_days TO ROLE {{ access }}marts_build COPY CURRENT GRANTS;
-- What a build notes of itself, in the transaction that replaces rows.
GRANT SELECT, INSERT ON TABLE ops.derived_changes TO ROLE {{ access }}marts_build;
GRANT SELECT, UPDATE ON TABLE ops.model_builds TO ROLE {{ access }}marts_build;
GRANT INSERT ON TABLE ops.dbt_runs TO ROLE {{ access }}marts_build;
GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE ops.user_totals TO ROLE {{ access }}marts_build;

-- OPS and RECON table by table: one with rows of single users is not read by who reads the others.
GRANT USAGE ON SCHEMA ops TO ROLE {{ access }}ops_read;
{% for table in [
    'alert_events', 'applied_rules', 'batch_datasets', 'batches', 'date_changes', 'dbt_runs', 'derived_changes', 'environment', 'graph_runs',
    'lock_flag', 'lock_load', 'lock_reconcile', 'lock_speed', 'model_builds', 'quality_rules', 'quality_thresholds', 'step_runs',
] -%}
GRANT SELECT ON TABLE ops.{{ table }} TO ROLE {{ access }}ops_read;
{% endfor -%}
GRANT SELECT ON ALL VIEWS IN SCHEMA ops TO ROLE {{ access }}ops_read;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA ops TO ROLE {{ access }}ops_read;
-- What deployments did.
GRANT USAGE ON SCHEMA schemachange TO ROLE {{ access }}ops_read;
GRANT SELECT ON TABLE schemachange.change_history TO ROLE {{ access }}ops_read;
-- The builds of the marts read it.
GRANT USAGE ON SCHEMA ops TO ROLE {{ access }}marts_build;

GRANT USAGE ON SCHEMA recon TO ROLE {{ access }}recon_read;
{% for table in [
    'bucket_unloads', 'explained_runs', 'explanations', 'metrics', 'refused_snapshots', 'results', 'runs', 'settings', 'speed_extractions', 'tolerances',
] -%}
GRANT SELECT ON TABLE recon.{{ table }} TO ROLE {{ access }}recon_read;
{% endfor -%}
GRANT SELECT ON ALL VIEWS IN SCHEMA recon TO ROLE {{ access }}recon_read;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA recon TO ROLE {{ access }}recon_read;

-- Rows of single users.
GRANT ROLE {{ access }}staging_read TO ROLE {{ access }}user_read;
GRANT USAGE ON SCHEMA recon TO ROLE {{ access }}user_read;
GRANT SELECT ON TABLE recon.speed_sessions TO ROLE {{ access }}user_read;

-- Earlier releases granted all tables, also those to come.
{% for schema, role in [('ops', 'ops_read'), ('recon', 'recon_read')] -%}
REVOKE SELECT ON FUTURE TABLES IN SCHEMA {{ schema }} FROM ROLE {{ access }}{{ role }};
{% endfor -%}
REVOKE SELECT ON TABLE ops.user_totals FROM ROLE {{ access }}ops_read;
REVOKE SELECT ON TABLE recon.speed_sessions FROM ROLE {{ access }}recon_read;

-- The procedures run with their owner's rights: who may call one needs nothing under it.
{% for role, schema, procedures in [
    ('loader', 'ops', ['load_batch(STRING)', 'load_pending(BOOLEAN)']),
    ('transformer', 'ops', ['flag_quality(STRING)', 'reflag(DATE, DATE)']),
    ('reconciler', 'recon', [
        'load_speed_snapshot(DATE)', 'reconcile_day(DATE, VARIANT)', 'reconcile_range(DATE, DATE)', 'reconcile_pending()',
        'explain(DATE, STRING, STRING)', 'unload_buckets()',
    ]),
    ('analyst', 'recon', ['reconcile_day(DATE, VARIANT)', 'reconcile_range(DATE, DATE)', 'explain(DATE, STRING, STRING)']),
    ('operator', 'ops', ['reflag(DATE, DATE)', 'set_rule(STRING, STRING, BOOLEAN)', 'set_threshold(STRING, NUMBER)']),
    ('operator', 'recon', [
        'set_tolerance(STRING, NUMBER, NUMBER, STRING, DATE, DATE)', 'reconcile_day(DATE, VARIANT)', 'reconcile_range(DATE, DATE)',
        'explain(DATE, STRING, STRING)',
    ]),
] -%}
{% for procedure in procedures -%}
GRANT USAGE ON PROCEDURE {{ schema }}.{{ procedure }} TO ROLE {{ role_prefix }}{{ role }};
{% endfor %}
{%- endfor %}
-- Tasks and alerts run by themselves, as their owner; who is on call starts, stops and watches them.
{% for kind in ['TASKS', 'ALERTS'] -%}
GRANT OPERATE, MONITOR ON ALL {{ kind }} IN SCHEMA ops TO ROLE {{ role_prefix }}operator;
GRANT OPERATE, MONITOR ON FUTURE {{ kind }} IN SCHEMA ops TO ROLE {{ role_prefix }}operator;
GRANT MONITOR ON ALL {{ kind }} IN SCHEMA ops TO ROLE {{ role_prefix }}monitor;
GRANT MONITOR ON FUTURE {{ kind }} IN SCHEMA ops TO ROLE {{ role_prefix }}monitor;
{% endfor %}
{%- for role in ['loader', 'transformer', 'reconciler', 'analyst', 'operator', 'monitor', 'user_read'] %}
GRANT USAGE ON WAREHOUSE {{ warehouse }} TO ROLE {{ role_prefix }}{{ role }};
{%- endfor %}
