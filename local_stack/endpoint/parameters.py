"""Session parameters: ALTER SESSION SET/UNSET, SHOW PARAMETERS, and those that change how statements run.

TIMEZONE is DuckDB's session time zone too (default UTC here; Snowflake's accounts start with America/Los_Angeles).
AUTOCOMMIT changes the transaction. The others are kept and shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from local_stack.endpoint.grammar import Reader, compilation_error, leading_words
from local_stack.endpoint.show import read_filters
from local_stack.endpoint.statements import Column, Result, Statement

if TYPE_CHECKING:
    from local_stack.endpoint.sessions import Session


@dataclass(frozen=True)
class Parameter:
    """A session parameter: default, type as SHOW PARAMETERS names it, description."""

    default: str
    type: str
    description: str = ""


PARAMETERS: dict[str, Parameter] = {
    "ABORT_DETACHED_QUERY": Parameter("false", "BOOLEAN"),
    "AUTOCOMMIT": Parameter("true", "BOOLEAN", "Whether each statement outside a transaction commits by itself."),
    "BINARY_INPUT_FORMAT": Parameter("HEX", "STRING"),
    "BINARY_OUTPUT_FORMAT": Parameter("HEX", "STRING"),
    "CLIENT_MEMORY_LIMIT": Parameter("1536", "NUMBER"),
    "CLIENT_PREFETCH_THREADS": Parameter("4", "NUMBER"),
    "CLIENT_RESULT_CHUNK_SIZE": Parameter("160", "NUMBER"),
    "CLIENT_SESSION_KEEP_ALIVE": Parameter("false", "BOOLEAN"),
    "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY": Parameter("3600", "NUMBER"),
    "CLIENT_TELEMETRY_ENABLED": Parameter("false", "BOOLEAN"),
    "CLIENT_TIMESTAMP_TYPE_MAPPING": Parameter("TIMESTAMP_LTZ", "STRING"),
    "DATE_INPUT_FORMAT": Parameter("AUTO", "STRING"),
    "DATE_OUTPUT_FORMAT": Parameter("YYYY-MM-DD", "STRING"),
    "ERROR_ON_NONDETERMINISTIC_MERGE": Parameter("true", "BOOLEAN"),
    "ERROR_ON_NONDETERMINISTIC_UPDATE": Parameter("false", "BOOLEAN"),
    "GEOGRAPHY_OUTPUT_FORMAT": Parameter("GeoJSON", "STRING"),
    "JSON_INDENT": Parameter("2", "NUMBER"),
    "LOCK_TIMEOUT": Parameter("43200", "NUMBER"),
    "LOG_LEVEL": Parameter("OFF", "STRING"),
    "MULTI_STATEMENT_COUNT": Parameter("1", "NUMBER"),
    "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": Parameter("ARROW", "STRING"),
    "PYTHON_SNOWPARK_USE_SCOPED_TEMP_OBJECTS": Parameter("true", "BOOLEAN"),
    "QUERY_TAG": Parameter("", "STRING", "Text that marks the session's statements."),
    "QUOTED_IDENTIFIERS_IGNORE_CASE": Parameter("false", "BOOLEAN"),
    "ROWS_PER_RESULTSET": Parameter("0", "NUMBER"),
    "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": Parameter("0", "NUMBER"),
    "STATEMENT_TIMEOUT_IN_SECONDS": Parameter("172800", "NUMBER"),
    "STRICT_JSON_OUTPUT": Parameter("false", "BOOLEAN"),
    "TIMESTAMP_DAY_IS_ALWAYS_24H": Parameter("false", "BOOLEAN"),
    "TIMESTAMP_INPUT_FORMAT": Parameter("AUTO", "STRING"),
    "TIMESTAMP_LTZ_OUTPUT_FORMAT": Parameter("", "STRING"),
    "TIMESTAMP_NTZ_OUTPUT_FORMAT": Parameter("YYYY-MM-DD HH24:MI:SS.FF3", "STRING"),
    "TIMESTAMP_OUTPUT_FORMAT": Parameter("YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM", "STRING"),
    "TIMESTAMP_TYPE_MAPPING": Parameter("TIMESTAMP_NTZ", "STRING"),
    "TIMESTAMP_TZ_OUTPUT_FORMAT": Parameter("", "STRING"),
    "TIMEZONE": Parameter("Etc/UTC", "STRING", "The zone of TIMESTAMP_LTZ values."),
    "TIME_INPUT_FORMAT": Parameter("AUTO", "STRING"),
    "TIME_OUTPUT_FORMAT": Parameter("HH24:MI:SS", "STRING"),
    "TRACE_LEVEL": Parameter("OFF", "STRING"),
    "TRANSACTION_ABORT_ON_ERROR": Parameter("false", "BOOLEAN"),
    "TRANSACTION_DEFAULT_ISOLATION_LEVEL": Parameter("READ COMMITTED", "STRING"),
    "TWO_DIGIT_CENTURY_START": Parameter("1970", "NUMBER"),
    "UNSUPPORTED_DDL_ACTION": Parameter("ignore", "STRING"),
    "USE_CACHED_RESULT": Parameter("true", "BOOLEAN"),
    "WEEK_OF_YEAR_POLICY": Parameter("0", "NUMBER"),
    "WEEK_START": Parameter("0", "NUMBER"),
}
# Values that would change what a statement means and that the stand-in does not honour are refused, not recorded.
_ONLY_DEFAULT = {
    "QUOTED_IDENTIFIERS_IGNORE_CASE", "TIMESTAMP_TYPE_MAPPING", "WEEK_OF_YEAR_POLICY", "TRANSACTION_ABORT_ON_ERROR",
}  # fmt: skip


class SessionParameters:
    """The extension."""

    def handle(self, statement: Statement, session: Session) -> Result | None:
        words = leading_words(statement.text, 3)
        if words[:2] == ("ALTER", "SESSION"):
            reader = Reader(session.with_binds(statement).rstrip().rstrip(";"))
            reader.accept("ALTER", "SESSION")
            return self._alter(reader, session)
        if words[:2] == ("SHOW", "PARAMETERS"):
            return self._show(Reader(statement.text.rstrip().rstrip(";")), session)
        return None

    def _alter(self, reader: Reader, session: Session) -> Result:
        if reader.accept("UNSET"):
            while True:
                name = reader.identifier()
                _known(name)
                session.parameters.pop(name, None)
                apply_parameter(session, name, PARAMETERS[name].default)
                if not reader.accept(","):
                    break
            reader.expect_end()
            return Result.status("Statement executed successfully.")
        reader.expect("SET")
        while not reader.at_end():
            name = reader.identifier()
            reader.expect("=")
            set_parameter(session, name, _value(reader))
            reader.accept(",")
        return Result.status("Statement executed successfully.")

    def _show(self, reader: Reader, session: Session) -> Result:
        reader.expect("SHOW", "PARAMETERS")
        like = reader.string() if reader.accept("LIKE") else None
        if reader.accept("IN") or reader.accept("FOR"):
            while not reader.at_end() and reader.token.upper not in ("LIKE", "STARTS", "LIMIT"):
                reader.next()
        filters = read_filters(reader, like)
        reader.expect_end()
        rows = [
            [
                name,
                str(session.parameters.get(name, parameter.default)),
                parameter.default,
                "SESSION" if name in session.parameters else "",
                parameter.description,
                parameter.type,
            ]
            for name, parameter in PARAMETERS.items()
        ]
        columns = ("key", "value", "default", "level", "description", "type")
        return Result(tuple(Column(name) for name in columns), filters.apply(rows, 0))


def set_parameter(session: Session, name: str, value: Any) -> None:
    """Set one parameter. Raises SqlError for an unknown name or a value that would be ignored."""
    _known(name)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if name in _ONLY_DEFAULT and text.lower() != PARAMETERS[name].default.lower():
        raise compilation_error(f"{name} = {text} is not supported by the local endpoint.", 2, "0A000")
    apply_parameter(session, name, text)
    session.parameters[name] = text


def apply_parameter(session: Session, name: str, value: str) -> None:
    """Give a parameter its effect."""
    match name:
        case "TIMEZONE":
            if value not in available_timezones():
                raise compilation_error(f"invalid value [{value}] for parameter 'TIMEZONE'", 1008, "22023")
            with session.lock:
                session.duck.execute("SET TimeZone = '" + value.replace("'", "''") + "'")
        case "AUTOCOMMIT":
            with session.lock:
                if session.transaction.open:
                    session.transaction.commit()
                session.transaction.autocommit = value.lower() != "false"


def _known(name: str) -> None:
    if name not in PARAMETERS:
        raise compilation_error(f"invalid parameter '{name}'", 1006, "42601")


def _value(reader: Reader) -> Any:
    if reader.token.kind in ("string", "dollar"):
        return reader.string()
    if reader.token.upper in ("TRUE", "FALSE"):
        return reader.boolean()
    if reader.token.kind == "number" or reader.token.text == "-":
        return reader.integer()
    return reader.identifier()
