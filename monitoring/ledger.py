"""Reads OPS and RECON through the Snowflake connector. The only module that touches the connector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitoring.errors import LedgerError
from monitoring.measures import Measure, Row


def read_ledger(connection_name: str, measures: Sequence[Measure], role: str | None = None) -> dict[str, list[Row]]:
    """Ask for every measure over one connection, which is closed again: nothing keeps the warehouse awake in between.

    Args: the name of a connection of connections.toml; what to measure; a role in place of the connection's own.
    Returns the rows by the measure's name. Raises LedgerError.
    """
    import snowflake.connector  # here, so that --help needs no Snowflake client
    from snowflake.connector.errors import Error

    settings: dict[str, Any] = {"role": role} if role else {}
    try:
        connection = snowflake.connector.connect(
            connection_name=connection_name,
            login_timeout=30,
            session_parameters={"TIMEZONE": "UTC", "QUERY_TAG": "monitoring"},
            **settings,
        )
    except Error as error:
        raise LedgerError(f"cannot connect to the warehouse: {_line(error)}") from error
    try:
        return {measure.name: _rows(connection, measure) for measure in measures}
    finally:
        connection.close()


def _rows(connection: Any, measure: Measure) -> list[Row]:
    from snowflake.connector.errors import Error

    try:
        with connection.cursor() as cursor:
            return list(cursor.execute(measure.sql).fetchall())
    except Error as error:
        raise LedgerError(f"cannot measure {measure.name}: {_line(error)}") from error


def _line(error: Any) -> str:
    return " ".join(str(error.msg or error).split())[:300]
