-- Access roles hold privileges on one schema, functional roles hold access roles, SYSADMIN holds the functional roles.
-- People and services get functional roles only. The privileges themselves are granted in A__90_grants.sql.
CREATE ROLE IF NOT EXISTS ecommerce_raw_read COMMENT = 'Reads RAW';
CREATE ROLE IF NOT EXISTS ecommerce_staging_read COMMENT = 'Reads STAGING';
CREATE ROLE IF NOT EXISTS ecommerce_marts_read COMMENT = 'Reads MARTS';
CREATE ROLE IF NOT EXISTS ecommerce_marts_build COMMENT = 'Builds MARTS and the views of dbt';
CREATE ROLE IF NOT EXISTS ecommerce_ops_read COMMENT = 'Reads the ledger';
CREATE ROLE IF NOT EXISTS ecommerce_recon_read COMMENT = 'Reads RECON';
CREATE ROLE IF NOT EXISTS ecommerce_pii_read COMMENT = 'Sees IP addresses unmasked';

CREATE ROLE IF NOT EXISTS loader COMMENT = 'Loads published batches';
CREATE ROLE IF NOT EXISTS transformer COMMENT = 'Flags quality and builds the marts';
CREATE ROLE IF NOT EXISTS reconciler COMMENT = 'Compares the speed layer with the marts';
CREATE ROLE IF NOT EXISTS analyst COMMENT = 'Reads marts and results, asks for reconciliations';

GRANT ROLE ecommerce_raw_read TO ROLE loader;
GRANT ROLE ecommerce_ops_read TO ROLE loader;

GRANT ROLE ecommerce_raw_read TO ROLE transformer;
GRANT ROLE ecommerce_staging_read TO ROLE transformer;
GRANT ROLE ecommerce_marts_read TO ROLE transformer;
GRANT ROLE ecommerce_marts_build TO ROLE transformer;
GRANT ROLE ecommerce_ops_read TO ROLE transformer;

GRANT ROLE ecommerce_marts_read TO ROLE reconciler;
GRANT ROLE ecommerce_ops_read TO ROLE reconciler;
GRANT ROLE ecommerce_recon_read TO ROLE reconciler;

GRANT ROLE ecommerce_marts_read TO ROLE analyst;
GRANT ROLE ecommerce_recon_read TO ROLE analyst;

GRANT ROLE loader TO ROLE sysadmin;
GRANT ROLE transformer TO ROLE sysadmin;
GRANT ROLE reconciler TO ROLE sysadmin;
GRANT ROLE analyst TO ROLE sysadmin;
-- Who owns the procedures must see what they copy: the owner's role evaluates the policy inside them.
GRANT ROLE ecommerce_pii_read TO ROLE sysadmin;
