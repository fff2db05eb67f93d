"""Answer SHOW of the kinds of objects that cannot be made here: the list is empty, its columns are Snowflake's.

See: https://docs.snowflake.com/en/sql-reference/sql/show-streams, …/show-pipes, …/show-external-tables and
…/show-materialized-views
"""

from __future__ import annotations

from local_stack.endpoint.features.show import Scope
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Column, ColumnType, Result, Statement

_PLACED = ("created_on", "name", "database_name", "schema_name")
_COLUMNS = {
    "STREAMS": (
        *_PLACED, "owner", "comment", "table_name", "source_type", "base_tables", "type", "stale", "mode", "stale_after",
        "invalid_reason", "owner_role_type",
    ),
    "PIPES": (
        *_PLACED, "definition", "owner", "notification_channel", "comment", "integration", "pattern", "error_integration",
        "owner_role_type", "invalid_reason", "kind", "is_snowflake_managed",
    ),
    "EXTERNAL TABLES": (
        *_PLACED, "invalid", "invalid_reason", "owner", "comment", "stage", "location", "file_format_name",
        "file_format_type", "cloud", "region", "notification_channel", "last_refreshed_on", "table_format",
        "last_refresh_details", "owner_role_type",
    ),
    "MATERIALIZED VIEWS": (
        "created_on", "name", "reserved", "database_name", "schema_name", "cluster_by", "rows", "bytes",
        "source_database_name", "source_schema_name", "source_table_name", "refreshed_on", "compacted_on", "owner", "invalid",
        "invalid_reason", "behind_by", "comment", "text", "is_secure", "automatic_clustering", "owner_role_type", "budget",
    ),
}  # fmt: skip
KINDS = tuple(_COLUMNS)
_TIMES = ("created_on", "stale_after", "last_refreshed_on", "refreshed_on", "compacted_on")
_NUMBERS = ("rows", "bytes")


class AbsentKinds:
    """Answer SHOW {STREAMS | PIPES | EXTERNAL TABLES | MATERIALIZED VIEWS} with its filters."""

    def handle(self, statement: Statement, session: Session) -> Result:
        reader = Reader(statement.text)
        reader.expect("SHOW")
        reader.accept("TERSE")
        kind = next(kind for kind in KINDS if reader.accept(*kind.split()))
        Scope.read(reader, session)
        return Result(tuple(Column(name, _type(name)) for name in _COLUMNS[kind]), [])


def _type(name: str) -> ColumnType:
    return "TIMESTAMP_LTZ" if name in _TIMES else "FIXED" if name in _NUMBERS else "TEXT"
