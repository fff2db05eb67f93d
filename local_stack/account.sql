-- The laptop's account: what an administrator of a real one creates before the first deployment (docs/warehouse.md).
USE ROLE sysadmin;
CREATE DATABASE IF NOT EXISTS ecommerce_dw;
USE ROLE accountadmin;
