"""Make the views of INFORMATION_SCHEMA on databases, schemas, tables and views.

DuckDB's catalog says what there is; the registry says who owns it, since when and with which options. The names of the
views are those that fakesnow's transforms give to INFORMATION_SCHEMA.
See: https://docs.snowflake.com/en/sql-reference/info-schema
"""

from __future__ import annotations

import duckdb

from local_stack.endpoint.engine.changes import CHANGES
from local_stack.endpoint.engine.load_history import LOADS
from local_stack.endpoint.language.quoting import dotted, identifier, literal

_HOME = "_fs_information_schema"
_REGISTRY = "_fs_global.local_objects.objects"
_NEVER = "to_timestamp(0)::TIMESTAMPTZ"
_OTHERS = "('_fs_information_schema', 'main', 'pg_catalog', 'information_schema')"

# What the registry knows: the notes of tables and views, databases and schemas, and the owners of all of them.
_KNOWN = f"""
    WITH owners AS (
        SELECT definition ->> '$.on' AS kind, definition ->> '$.name' AS full_name, definition ->> '$.grantee' AS owner
        FROM {_REGISTRY} WHERE kind = 'GRANT' AND definition ->> '$.privilege' = 'OWNERSHIP'
    ), known AS (
        SELECT kind, database_name, schema_name, name, definition AS note, created_on::TIMESTAMP AT TIME ZONE 'UTC' AS created,
            (definition ->> '$.altered_on')::TIMESTAMPTZ AS altered, definition ->> '$.transient' = 'true' AS transient
        FROM {_REGISTRY} WHERE kind IN ('TABLE NOTE', 'DATABASE', 'SCHEMA')
    )"""
_CREATED = f"coalesce(k.created, {_NEVER})"
_ALTERED = f"coalesce(greatest(k.altered, k.created), {_NEVER})"
_OWNER = "coalesce(o.owner, 'SYSADMIN')"

_TABLES = f"""{_KNOWN}, changes AS (
        SELECT schema_name, table_name, max(changed_at) AS changed FROM (
            SELECT schema_name, table_name, changed_at FROM <{CHANGES}>
            UNION ALL SELECT schema_name, table_name, loaded_at FROM <{LOADS}> WHERE row_count > 0)
        GROUP BY ALL
    ), relations AS (
        SELECT schema_name, table_name, 'TABLE' AS kind, estimated_size AS size, comment
        FROM duckdb_tables() WHERE database_name = [database] AND schema_name NOT IN {_OTHERS}
        UNION ALL
        SELECT schema_name, view_name, 'VIEW', NULL, comment
        FROM duckdb_views() WHERE database_name = [database] AND schema_name NOT IN {_OTHERS}
    )
    SELECT [database] AS "TABLE_CATALOG", r.schema_name AS "TABLE_SCHEMA", r.table_name AS "TABLE_NAME",
        {_OWNER} AS "TABLE_OWNER", if(r.kind = 'TABLE', 'BASE TABLE', 'VIEW') AS "TABLE_TYPE",
        if(r.kind = 'TABLE' AND (coalesce(k.transient, FALSE) OR EXISTS (
            SELECT 1 FROM known c WHERE c.transient AND c.database_name = [database]
            AND (c.kind = 'DATABASE' OR c.kind = 'SCHEMA' AND c.schema_name = r.schema_name))), 'YES', 'NO') AS "IS_TRANSIENT",
        k.note ->> '$.options.CLUSTER_BY' AS "CLUSTERING_KEY", r.size AS "ROW_COUNT",
        if(r.kind = 'TABLE', 0, NULL) AS "BYTES",
        if(r.kind = 'TABLE', coalesce((k.note ->> '$.options.DATA_RETENTION_TIME_IN_DAYS')::INTEGER, 1), NULL)
            AS "RETENTION_TIME",
        NULL::VARCHAR AS "SELF_REFERENCING_COLUMN_NAME", NULL::VARCHAR AS "REFERENCE_GENERATION",
        NULL::VARCHAR AS "USER_DEFINED_TYPE_CATALOG", NULL::VARCHAR AS "USER_DEFINED_TYPE_SCHEMA",
        NULL::VARCHAR AS "USER_DEFINED_TYPE_NAME", 'YES' AS "IS_INSERTABLE_INTO", 'YES' AS "IS_TYPED",
        NULL::VARCHAR AS "COMMIT_ACTION", {_CREATED} AS "CREATED",
        greatest({_ALTERED}, c.changed) AS "LAST_ALTERED", {_ALTERED} AS "LAST_DDL",
        {_OWNER} AS "LAST_DDL_BY",
        if(k.note ->> '$.options.CLUSTER_BY' IS NOT NULL AND coalesce(k.note ->> '$.options.RECLUSTER', 'true') = 'true',
            'YES', 'NO') AS "AUTO_CLUSTERING_ON",
        r.comment AS "COMMENT", 'NO' AS "IS_TEMPORARY", 'NO' AS "IS_ICEBERG", 'NO' AS "IS_DYNAMIC", 'NO' AS "IS_IMMUTABLE",
        'NO' AS "IS_HYBRID"
    FROM relations r
    LEFT JOIN known k ON k.kind = 'TABLE NOTE' AND k.database_name = [database] AND k.schema_name = r.schema_name
        AND k.name = r.table_name
    LEFT JOIN owners o ON o.kind = r.kind AND o.full_name = [database] || '.' || r.schema_name || '.' || r.table_name
    LEFT JOIN changes c ON r.kind = 'TABLE' AND c.schema_name = r.schema_name AND c.table_name = r.table_name"""

_VIEWS = f"""{_KNOWN}
    SELECT [database] AS TABLE_CATALOG, v.schema_name AS TABLE_SCHEMA, v.view_name AS TABLE_NAME, {_OWNER} AS TABLE_OWNER,
        coalesce(k.note ->> '$.text', v.sql) AS VIEW_DEFINITION, 'NONE' AS CHECK_OPTION, 'NO' AS IS_UPDATABLE,
        'NO' AS INSERTABLE_INTO,
        if(k.note ->> '$.secure' = 'true', 'YES', 'NO') AS IS_SECURE, {_CREATED} AS CREATED, {_ALTERED} AS LAST_ALTERED,
        {_ALTERED} AS LAST_DDL, {_OWNER} AS LAST_DDL_BY, v.comment AS COMMENT
    FROM duckdb_views() v
    LEFT JOIN known k ON k.kind = 'TABLE NOTE' AND k.database_name = [database] AND k.schema_name = v.schema_name
        AND k.name = v.view_name
    LEFT JOIN owners o ON o.kind = 'VIEW' AND o.full_name = [database] || '.' || v.schema_name || '.' || v.view_name
    WHERE v.database_name = [database] AND v.schema_name NOT IN {_OTHERS}"""

_SCHEMATA = f"""{_KNOWN}
    SELECT [database] AS CATALOG_NAME,
        if(s.schema_name = '{_HOME}', 'INFORMATION_SCHEMA', s.schema_name) AS SCHEMA_NAME,
        if(s.schema_name = '{_HOME}', NULL, {_OWNER}) AS SCHEMA_OWNER,
        if(coalesce(k.transient OR d.transient, FALSE), 'YES', 'NO') AS IS_TRANSIENT,
        if(k.note ->> '$.managed_access' = 'true', 'YES', 'NO') AS IS_MANAGED_ACCESS, 1 AS RETENTION_TIME,
        NULL::VARCHAR AS DEFAULT_CHARACTER_SET_CATALOG, NULL::VARCHAR AS DEFAULT_CHARACTER_SET_SCHEMA,
        NULL::VARCHAR AS DEFAULT_CHARACTER_SET_NAME, NULL::VARCHAR AS SQL_PATH,
        coalesce(k.created, d.created, {_NEVER}) AS CREATED,
        coalesce(greatest(k.altered, k.created), d.created, {_NEVER}) AS LAST_ALTERED,
        nullif(k.note ->> '$.comment', '') AS COMMENT,
        'UNSET' AS REPLICABLE_WITH_FAILOVER_GROUPS, 'ROLE' AS OWNER_ROLE_TYPE
    FROM duckdb_schemas() s
    LEFT JOIN known k ON k.kind = 'SCHEMA' AND k.database_name = [database] AND k.schema_name = s.schema_name
    LEFT JOIN known d ON d.kind = 'DATABASE' AND d.database_name = [database]
    LEFT JOIN owners o ON o.kind = 'SCHEMA' AND o.full_name = [database] || '.' || s.schema_name
    WHERE s.database_name = [database] AND s.schema_name NOT IN ('main', 'pg_catalog', 'information_schema')"""

_DATABASES = f"""{_KNOWN}
    SELECT d.database_name AS DATABASE_NAME, {_OWNER} AS DATABASE_OWNER,
        if(coalesce(k.transient, FALSE), 'YES', 'NO') AS IS_TRANSIENT, nullif(k.note ->> '$.comment', '') AS COMMENT,
        {_CREATED} AS CREATED, {_ALTERED} AS LAST_ALTERED, 1 AS RETENTION_TIME, 'STANDARD' AS TYPE
    FROM duckdb_databases() d
    LEFT JOIN known k ON k.kind = 'DATABASE' AND k.database_name = d.database_name
    LEFT JOIN owners o ON o.kind = 'DATABASE' AND o.full_name = d.database_name
    WHERE NOT d.internal AND d.database_name NOT IN ('memory', '_fs_global')"""

_OBJECTS = {"_fs_tables": _TABLES, "_fs_views": _VIEWS, "_fs_schemata": _SCHEMATA, "databases": _DATABASES}


def describe_objects(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Make the views of a database anew over fakesnow's."""
    home = dotted(database, _HOME)
    for name, query in _OBJECTS.items():
        for table in (CHANGES, LOADS):
            query = query.replace(f"<{table}>", f"{home}.{identifier(table)}")
        connection.execute(f"CREATE OR REPLACE VIEW {home}.{name} AS {query.replace('[database]', literal(database))}")
