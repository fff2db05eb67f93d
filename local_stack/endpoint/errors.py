"""Turn every failure of the engine into a `SqlError`, which a Snowflake client understands.

    SqlError (statements.py: the base; carries errno and SQL state)
      TransactionAborted   the open transaction had to be rolled back
      SessionGone          the token names no session: the client must log in again

`as_sql_error` maps what DuckDB, sqlglot and fakesnow's transforms raise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import duckdb
import sqlglot.errors

from local_stack.endpoint.messages import snowflake_message
from local_stack.endpoint.statements import SqlError, unsupported

_CARRIED = re.compile(r"⟦(\d+) (\w{5}) (.*?)⟧", re.DOTALL)
_ALIAS = re.compile(r"\b(AS)\s+(?:\"[^\"]*\"|\w+)\s*$", re.IGNORECASE)
_PATH = re.compile(r"""(["'])/(?:[^"'\n]*/)?([^"'/\n]+)\1|(?<![\w.:/])/(?:[^\s"':;,()]+/)+([^\s"':;,()]+)""")
# Snowflake's numbers for the errors clients react to. Source: the messages documented for each command.
_DUCKDB: tuple[tuple[type[Exception], int, str, str], ...] = (
    (duckdb.ConstraintException, 100072, "22000", ""),
    (duckdb.ConversionException, 100038, "22018", ""),
    (duckdb.OutOfRangeException, 100039, "22003", "Numeric value out of range: "),
    (duckdb.CatalogException, 2003, "42S02", "SQL compilation error:\n"),
    (duckdb.BinderException, 904, "42000", "SQL compilation error:\n"),
    (duckdb.ParserException, 1003, "42000", "SQL compilation error:\n"),
    (duckdb.InvalidInputException, 100078, "22000", ""),
    (duckdb.IOException, 2003, "02000", ""),
)


class TransactionAborted(SqlError):
    """Report that the open transaction is rolled back.

    Another session has changed the columns of a table that it had written to, or waited too long for its locks.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"The open transaction was rolled back. {why}", 603, "25P02")


class SessionGone(SqlError):
    """Report that no session has this token."""

    def __init__(self) -> None:
        super().__init__("Your authentication token has expired. You must login again.", errno=390114, sqlstate="08001")


def carried(message: str, errno: int, sqlstate: str) -> str:
    """Write an error of ours as the text of an error that goes through DuckDB: `as_sql_error` finds it again."""
    return f"⟦{errno} {sqlstate} {message}⟧"


def is_carried(text: str) -> bool:
    """Return whether a text has an error of ours in it."""
    return _CARRIED.search(text) is not None


def without_paths(message: str) -> str:
    """Take this machine's folders out of a message: a client knows files by their name on the stage."""
    return _PATH.sub(lambda m: f"{m[1]}{m[2]}{m[1]}" if m[1] else str(m[3]), message)


def as_sql_error(error: BaseException) -> SqlError:
    """Return the Snowflake error for any failure of a statement; a failure nobody foresaw is named, not hidden."""
    if isinstance(error, SqlError):
        return error
    if isinstance(error, sqlglot.errors.ParseError):
        return SqlError(f"SQL compilation error:\n{_syntax_error(error)}", errno=1003, sqlstate="42000")
    if isinstance(error, sqlglot.errors.SqlglotError | NotImplementedError):
        return unsupported(_plain(str(error)) or type(error).__name__)
    if isinstance(error, duckdb.Error):
        return _from_duckdb(error)
    return SqlError(
        f"The local endpoint failed on this statement: {type(error).__name__}: {error}", errno=603, sqlstate="XX000"
    )


def _syntax_error(error: sqlglot.errors.ParseError) -> str:
    """Say where a statement goes wrong as Snowflake does; clients look for the word that it names."""
    where = error.errors[0] if error.errors else {}
    word = str(where.get("highlight") or "").strip()
    if not word or where.get("line") is None:
        return _plain(str(error))
    position = max(int(where["col"]) - len(word), 0)
    before = str(where.get("start_context") or "")
    if alias := _ALIAS.search(before):  # it is the alias that does not belong there, not what follows it
        word, position = alias[1], max(position - len(alias[0]), 0)
    return f"syntax error line {where['line']} at position {position} unexpected '{word}'."


def _from_duckdb(error: duckdb.Error) -> SqlError:
    if own := _CARRIED.search(str(error)):
        return SqlError(own[3], int(own[1]), own[2])
    message = re.sub(r"^[A-Za-z ]+ Error: ", "", without_paths(_plain(str(error))))
    message = re.sub(r"\n\s*LINE \d+:.*", "", message, flags=re.DOTALL).strip()
    if "in a transaction that has already modified database" in message:
        return unsupported("a transaction that writes to tables of two databases")
    if worded := snowflake_message(error, message):
        return worded
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException) and re.search(
        r"(Scalar |Table |Aggregate )?Function with name", message
    ):
        return SqlError(f"SQL compilation error:\nUnknown function: {message.splitlines()[0]}", 2140, "42601")
    if isinstance(error, duckdb.BinderException) and "already exists" in message:
        return SqlError(f"SQL compilation error:\n{message}", 2002, "42710")
    if isinstance(error, duckdb.CatalogException) and "already exists" in message:
        return SqlError(f"SQL compilation error:\n{message.splitlines()[0]}", 2002, "42710")
    for kind, errno, sqlstate, prefix in _DUCKDB:
        if isinstance(error, kind):
            return SqlError(prefix + message, errno, sqlstate)
    return SqlError(message, 603, "XX000")


def _plain(message: str) -> str:
    """Return a text without terminal colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", message).strip()


def compilation_error(message: str, errno: int = 2140, sqlstate: str = "42601") -> SqlError:
    return SqlError(f"SQL compilation error:\n{message}", errno, sqlstate)


def invalid_identifier(name: str) -> SqlError:
    """Return the error for a column that is not there; missing.py says where it stands."""
    return compilation_error(f"error line 1 at position 0\ninvalid identifier '{name}'", 904, "42000")


def unknown_function(name: str) -> SqlError:
    return compilation_error(f"Unknown function {name}.", 2140, "42601")


def invalid_property(name: str, owner: str) -> SqlError:
    return compilation_error(f"invalid property '{name}' for '{owner}'", 1422, "22023")


def require_distinct(name: str, others: Iterable[str]) -> None:
    """Raise SqlError where another column's name differs only in case from this one."""
    for other in others:
        if other != name and other.upper() == name.upper():
            raise unsupported(f"columns whose names differ only in case: {other}, {name}")


def missing_object(kind: str, name: str) -> SqlError:
    return compilation_error(f"{kind.capitalize()} '{name}' does not exist or not authorized.", 2003, "02000")


def insufficient(kind: str, name: str) -> SqlError:
    """Return the error for an object that the session sees, and may not use in this way."""
    message = f"SQL access control error:\nInsufficient privileges to operate on {kind.lower()} '{name}'"
    return SqlError(message, 3001, "42501")


def nothing_there() -> SqlError:
    """Answer USE and SHOW … IN of what does not exist."""
    return compilation_error("Object does not exist, or operation cannot be performed.", 2043, "02000")


def existing_object(name: str) -> SqlError:
    return compilation_error(f"Object '{name}' already exists.", 2002, "42710")


def no_current_database(command: str) -> SqlError:
    """Return the error for a name without a database in a session that has none."""
    return SqlError(
        f"Cannot perform {command}. This session does not have a current database. Call 'USE DATABASE', or use a "
        "qualified name.",
        90105,
        "22000",
    )


def no_current_schema(command: str) -> SqlError:
    """Return the error for a name without a schema in a session that has none."""
    return SqlError(
        f"Cannot perform {command}. This session does not have a current schema. Call 'USE SCHEMA', or use a "
        "qualified name.",
        90106,
        "22000",
    )
