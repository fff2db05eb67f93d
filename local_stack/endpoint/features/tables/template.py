"""Read CREATE TABLE … USING TEMPLATE: the columns are what a query says of them, as INFER_SCHEMA does.

See: https://docs.snowflake.com/en/sql-reference/sql/create-table (CREATE TABLE … USING TEMPLATE)
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.language.quoting import identifier
from local_stack.endpoint.language.types import parse_type

if TYPE_CHECKING:
    from local_stack.endpoint.language.reader import Reader
    from local_stack.endpoint.session import Session
    from local_stack.endpoint.statements import Statement


def with_columns(reader: Reader, statement: Statement, session: Session) -> Statement | None:
    """Return the statement with columns instead of the template, from behind the table's name on; None where it has none.

    Raises SqlError where the query does not give one ARRAY of OBJECTs with COLUMN_NAME and TYPE.
    """
    start = reader.token.start
    copied_grants = " COPY GRANTS" if reader.accept("COPY", "GRANTS") else ""
    if not reader.accept("USING", "TEMPLATE"):
        return None
    if not reader.looking_at("("):
        raise reader.unexpected()
    query = reader.expression("COPY", "COMMENT", "WITH", "ENABLE_SCHEMA_EVOLUTION", "DATA_RETENTION_TIME_IN_DAYS")
    rest = "" if reader.at_end() else f" {reader.rest()}"
    outcome = session.executor.run(statement.with_text(query[1:-1]), session)
    columns = _columns(outcome.scalar())
    listed = ", ".join(_definition(column) for column in columns)
    return statement.with_text(f"{statement.text[:start]}({listed}){copied_grants}{rest}")


def _columns(value: Any) -> list[dict[str, Any]]:
    columns = json.loads(value) if isinstance(value, str) else None
    named = isinstance(columns, list) and all(
        isinstance(c, dict) and {"COLUMN_NAME", "TYPE"} <= c.keys() for c in columns
    )
    if not columns or not named:
        raise compilation_error(
            "USING TEMPLATE takes a query of one ARRAY of OBJECTs with COLUMN_NAME and TYPE.", 1003, "42000"
        )
    return list(columns)


def _definition(column: dict[str, Any]) -> str:
    kind = str(column["TYPE"])
    parse_type(kind)  # a type and nothing else
    return f"{identifier(str(column['COLUMN_NAME']))} {kind}{'' if column.get('NULLABLE', True) else ' NOT NULL'}"
