"""`python -m deploy.apply [arguments of schemachange deploy]`: one deployment at a time, and a failure names the statement.

The account is reached as schemachange reaches it (SNOWFLAKE_ACCOUNT, _USER, _ROLE, …). Exits with schemachange's code, or 4
where another deployment did not end in time (DEPLOY_WAIT_SECONDS, 900 unless said).
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

from schemachange import cli
from schemachange.ScriptExecutionError import ScriptExecutionError
from snowflake.connector.errors import ProgrammingError

from deploy.account import connect, database

_LOCK_NOT_GRANTED = 625
_STILL_HERE_SECONDS = 60.0
BUSY = 4
_TAKING = (
    "CREATE SCHEMA IF NOT EXISTS schemachange",
    "CREATE TABLE IF NOT EXISTS schemachange.deployment (taken_at TIMESTAMP_NTZ, taken_by STRING)",
    "INSERT INTO schemachange.deployment (taken_at) SELECT NULL WHERE NOT EXISTS (SELECT 1 FROM schemachange.deployment)",
    "BEGIN",
    "UPDATE schemachange.deployment"
    " SET taken_at = CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ, taken_by = CURRENT_USER()",
)


def main() -> int:
    seconds = int(os.environ.get("DEPLOY_WAIT_SECONDS", "900"))
    with connect(database=database()) as connection:
        try:
            with alone(connection, seconds), naming_the_statement():
                sys.argv = ["schemachange", "deploy", *sys.argv[1:]]
                cli.main()  # type: ignore[no-untyped-call]
        except BusyError as error:
            print(error, file=sys.stderr)
            return BUSY
    return 0


class BusyError(Exception):
    """Another deployment into the same database is under way."""


@contextlib.contextmanager
def alone(connection: Any, seconds: int) -> Iterator[None]:
    """Hold the database's lock of deployments, a row that a transaction has updated. Raises BusyError after so many seconds.

    Snowflake takes back a transaction that blocks another and has been idle for five minutes, so this one says something every
    minute. A killed deployment's transaction goes with its session.
    See: https://docs.snowflake.com/en/sql-reference/transactions
    """
    cursor = connection.cursor()
    cursor.execute(f"ALTER SESSION SET LOCK_TIMEOUT = {seconds}")
    try:
        for statement in _TAKING:
            cursor.execute(statement)
    except ProgrammingError as error:
        if error.errno != _LOCK_NOT_GRANTED:
            raise
        said = f"Another deployment into {database()} has been under way for {seconds} s; nothing was deployed"
        raise BusyError(said) from error
    done = threading.Event()

    def stay() -> None:
        while not done.wait(_STILL_HERE_SECONDS):
            connection.cursor().execute("SELECT 1")

    staying = threading.Thread(target=stay, daemon=True)
    staying.start()
    try:
        yield
    finally:
        done.set()
        staying.join()
        connection.cursor().execute("COMMIT")


@contextlib.contextmanager
def naming_the_statement() -> Iterator[None]:
    """Print the statement that failed: schemachange prints the script and the error only. Its exit passes on."""
    try:
        yield
    except SystemExit as end:
        failure: BaseException | None = end.__context__
        if isinstance(failure, ScriptExecutionError):
            statement = getattr(failure.original_exception, "query", None)
            print(f"{failure.script_name} failed at the statement:\n{statement or '(not known)'}", file=sys.stderr)
        raise


if __name__ == "__main__":
    sys.exit(main())
