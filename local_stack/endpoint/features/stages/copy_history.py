"""Answer COPY_HISTORY: which files COPY has loaded into a table in the last 14 days, and which it left out.

See: https://docs.snowflake.com/en/sql-reference/functions/copy_history
"""

from __future__ import annotations

import datetime as dt

from local_stack.endpoint.engine.access import RELATION
from local_stack.endpoint.engine.grants import ACCOUNT
from local_stack.endpoint.engine.load_history import loads_table, table_number
from local_stack.endpoint.errors import compilation_error, missing_object
from local_stack.endpoint.features.information_functions import Arguments, Functions, constant, require_known
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Column, Result, unsupported

_KEPT = dt.timedelta(days=14)
_COLUMNS = (
    Column("FILE_NAME"), Column("STAGE_LOCATION"), Column("LAST_LOAD_TIME", "TIMESTAMP_LTZ"), Column("ROW_COUNT", "FIXED"),
    Column("ROW_PARSED", "FIXED"), Column("FILE_SIZE", "FIXED"), Column("FIRST_ERROR_MESSAGE"),
    Column("FIRST_ERROR_LINE_NUMBER", "FIXED"), Column("FIRST_ERROR_CHARACTER_POS", "FIXED"),
    Column("FIRST_ERROR_COLUMN_NAME"), Column("ERROR_COUNT", "FIXED"), Column("ERROR_LIMIT", "FIXED"), Column("STATUS"),
    Column("TABLE_CATALOG_NAME"), Column("TABLE_SCHEMA_NAME"), Column("TABLE_NAME"), Column("PIPE_CATALOG_NAME"),
    Column("PIPE_SCHEMA_NAME"), Column("PIPE_NAME"), Column("PIPE_RECEIVED_TIME", "TIMESTAMP_LTZ"),
    Column("FIRST_COMMIT_TIME", "TIMESTAMP_LTZ"),
)  # fmt: skip
_STATUSES = {"LOADED": "Loaded", "LOAD_FAILED": "Load failed", "PARTIALLY_LOADED": "Partially loaded"}


def _copy_history(arguments: Arguments, session: Session) -> Result:
    require_known("COPY_HISTORY", arguments, ("TABLE_NAME", "START_TIME", "END_TIME", "PIPE_NAME"))
    if "PIPE_NAME" in arguments:
        raise unsupported("COPY_HISTORY of a pipe")
    for needed in ("TABLE_NAME", "START_TIME"):
        if needed not in arguments:
            raise compilation_error(f"Missing argument {needed} of COPY_HISTORY.", 938, "22023")
    now = dt.datetime.now(dt.UTC)
    start, end = (
        constant(arguments.get(name, "NULL"), "TIMESTAMP_LTZ", session) for name in ("START_TIME", "END_TIME")
    )
    if start is None or start < now - _KEPT:
        raise compilation_error(f"invalid value [{start}] for START_TIME: within the last 14 days.", 1008, "22023")
    table = session.resolve(Reader(constant(arguments["TABLE_NAME"], "VARCHAR", session)).name())
    place = session.physical_table(table)
    with session.lock:
        if session.relation_kind(place) != "TABLE" or (place == table and not _seen(table, session)):
            raise missing_object("Table", str(table))
        key = table_number(session.duck, place.name) if place.database == "temp" else place.name
        loads = session.duck.execute(
            "SELECT relative_name, stage_location, loaded_at, row_count, row_parsed, file_size, first_error_message,"
            " first_error_line, first_error_character, first_error_column, error_count, error_limit, status"
            f" FROM {loads_table(place.database)} WHERE schema_name = ? AND table_name = ? AND loaded_at BETWEEN ? AND ?"
            " ORDER BY loaded_at, relative_name",
            [place.schema, key, start, end or now],
        ).fetchall()
    named = [table.database, table.schema, table.name]
    return Result(_COLUMNS, [[*load[:-1], _STATUSES[load[-1]], *named, *(None,) * 5] for load in loads])


def _seen(table: SchemaName, session: Session) -> bool:
    """Return whether the roles may know of a table's loads."""
    access = session.access
    if not session.grants.enforced or access.holds("ACCOUNT", ACCOUNT, "MONITOR"):
        return True
    schema = f"{table.database}.{table.schema}"
    return (
        access.sees("DATABASE", table.database)
        and access.sees("SCHEMA", schema)
        and access.sees(RELATION, f"{schema}.{table.name}")
    )


FUNCTIONS: Functions = {"COPY_HISTORY": _copy_history}
