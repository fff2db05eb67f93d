{%- set access = role_prefix or 'ecommerce_' -%}
-- Access roles hold privileges on one schema, functional roles hold access roles, SYSADMIN holds the functional roles.
-- People and services get functional roles only. The privileges themselves are granted in A__90_grants.sql.
CREATE ROLE IF NOT EXISTS {{ access }}raw_read COMMENT = 'Reads RAW';
CREATE ROLE IF NOT EXISTS {{ access }}staging_read COMMENT = 'Reads STAGING';
CREATE ROLE IF NOT EXISTS {{ access }}marts_read COMMENT = 'Reads MARTS';
CREATE ROLE IF NOT EXISTS {{ access }}marts_build COMMENT = 'Builds MARTS and the views of dbt';
CREATE ROLE IF NOT EXISTS {{ access }}ops_read COMMENT = 'Reads the ledger';
CREATE ROLE IF NOT EXISTS {{ access }}recon_read COMMENT = 'Reads RECON';
CREATE ROLE IF NOT EXISTS {{ access }}pii_read COMMENT = 'Sees IP addresses unmasked';

CREATE ROLE IF NOT EXISTS {{ role_prefix }}loader COMMENT = 'Loads published batches';
CREATE ROLE IF NOT EXISTS {{ role_prefix }}transformer COMMENT = 'Flags quality and builds the marts';
CREATE ROLE IF NOT EXISTS {{ role_prefix }}reconciler COMMENT = 'Compares the speed layer with the marts';
CREATE ROLE IF NOT EXISTS {{ role_prefix }}analyst COMMENT = 'Reads marts and results, asks for reconciliations';

GRANT ROLE {{ access }}raw_read TO ROLE {{ role_prefix }}loader;
GRANT ROLE {{ access }}ops_read TO ROLE {{ role_prefix }}loader;

GRANT ROLE {{ access }}raw_read TO ROLE {{ role_prefix }}transformer;
GRANT ROLE {{ access }}staging_read TO ROLE {{ role_prefix }}transformer;
GRANT ROLE {{ access }}marts_read TO ROLE {{ role_prefix }}transformer;
GRANT ROLE {{ access }}marts_build TO ROLE {{ role_prefix }}transformer;
GRANT ROLE {{ access }}ops_read TO ROLE {{ role_prefix }}transformer;

GRANT ROLE {{ access }}marts_read TO ROLE {{ role_prefix }}reconciler;
GRANT ROLE {{ access }}ops_read TO ROLE {{ role_prefix }}reconciler;
GRANT ROLE {{ access }}recon_read TO ROLE {{ role_prefix }}reconciler;

GRANT ROLE {{ access }}marts_read TO ROLE {{ role_prefix }}analyst;
GRANT ROLE {{ access }}recon_read TO ROLE {{ role_prefix }}analyst;

GRANT ROLE {{ role_prefix }}loader TO ROLE {{ owner_role }};
GRANT ROLE {{ role_prefix }}transformer TO ROLE {{ owner_role }};
GRANT ROLE {{ role_prefix }}reconciler TO ROLE {{ owner_role }};
GRANT ROLE {{ role_prefix }}analyst TO ROLE {{ owner_role }};
-- Who owns the procedures must see what they copy: the owner's role evaluates the policy inside them.
GRANT ROLE {{ access }}pii_read TO ROLE {{ owner_role }};
