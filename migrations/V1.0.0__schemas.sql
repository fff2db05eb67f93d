-- The five schemas of the warehouse. The database itself is created by the account's administrator
-- (locally: by the endpoint on the first connection). Managed access: only the schema's owner grants on what is in it.
CREATE SCHEMA IF NOT EXISTS raw WITH MANAGED ACCESS;
CREATE SCHEMA IF NOT EXISTS staging WITH MANAGED ACCESS;
CREATE SCHEMA IF NOT EXISTS marts WITH MANAGED ACCESS;
CREATE SCHEMA IF NOT EXISTS ops WITH MANAGED ACCESS;
CREATE SCHEMA IF NOT EXISTS recon WITH MANAGED ACCESS;
