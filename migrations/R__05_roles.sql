-- Roles follow the variables role_prefix and owner_role. Access roles hold privileges on one schema (A__90_grants.sql), functional roles hold
-- access roles, the owner's role holds the functional roles, SYSADMIN the owner's (deploy/bootstrap.sql). People and services get functional roles.
{%- set access = role_prefix or 'ecommerce_' %}
{% for role, comment in [
    ('raw_read', 'Reads RAW'),
    ('staging_read', 'Reads STAGING'),
    ('marts_read', 'Reads MARTS'),
    ('marts_build', 'Builds MARTS and the views of dbt'),
    ('ops_read', 'Reads the ledger'),
    ('recon_read', 'Reads RECON'),
    ('user_read', 'Reads rows of single users: STAGING and the sessions of the speed layer'),
    ('pii_read', 'Sees IP addresses and user ids unmasked'),
] -%}
CREATE ROLE IF NOT EXISTS {{ access }}{{ role }} COMMENT = '{{ comment }}';
GRANT ROLE {{ access }}{{ role }} TO ROLE {{ owner_role }};
{% endfor %}
{%- for role, comment, holds in [
    ('loader', 'Loads published batches', ['raw_read', 'ops_read']),
    ('transformer', 'Flags quality and builds the marts', ['raw_read', 'staging_read', 'marts_read', 'marts_build', 'ops_read']),
    ('reconciler', 'Compares the speed layer with the marts', ['marts_read', 'ops_read', 'recon_read']),
    ('analyst', 'Reads marts and results, asks for reconciliations', ['marts_read', 'recon_read']),
    ('operator', 'On call: runs tasks, sets limits and rules, reads OPS and RECON', ['ops_read', 'recon_read']),
    ('monitor', 'Reads OPS and RECON', ['ops_read', 'recon_read']),
] %}
CREATE ROLE IF NOT EXISTS {{ role_prefix }}{{ role }} COMMENT = '{{ comment }}';
GRANT ROLE {{ role_prefix }}{{ role }} TO ROLE {{ owner_role }};
{% for each in holds -%}
GRANT ROLE {{ access }}{{ each }} TO ROLE {{ role_prefix }}{{ role }};
{% endfor %}
{%- endfor %}
-- Procedures run with the owner's role, and a policy asks the role that executes: the owner's must see what they copy.
{% for policy in ['mask_ip_address', 'mask_user_id'] -%}
ALTER MASKING POLICY ops.{{ policy }} SET BODY ->
    CASE
        WHEN val IS NULL THEN NULL
        WHEN IS_ROLE_IN_SESSION('{{ access | upper }}PII_READ') THEN val
        ELSE '***MASKED***'
    END;
{% endfor %}
