-- The landing is the only meeting point of Spark and the warehouse; the lake is read only for files that the manifest
-- passes through. URLs and the storage integration come from schemachange variables.
CREATE STAGE IF NOT EXISTS raw.landing
    URL = '{{ landing_url }}'
    STORAGE_INTEGRATION = {{ storage_integration }};

CREATE STAGE IF NOT EXISTS raw.lake
    URL = '{{ lake_url }}'
    STORAGE_INTEGRATION = {{ storage_integration }};

CREATE FILE FORMAT IF NOT EXISTS ops.json_documents TYPE = JSON;
