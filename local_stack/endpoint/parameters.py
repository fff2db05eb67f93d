"""List the session parameters with their defaults and types, and the values that the stand-in honours.

See: https://docs.snowflake.com/en/sql-reference/parameters
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local_stack.endpoint.errors import compilation_error


@dataclass(frozen=True)
class Parameter:
    """Describe a session parameter: its default, its type as SHOW PARAMETERS names it, and its description."""

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
# Values that would change what a statement means or answers and that the stand-in does not honour are refused, not recorded.
_ONLY_DEFAULT = {
    "BINARY_INPUT_FORMAT", "BINARY_OUTPUT_FORMAT", "ERROR_ON_NONDETERMINISTIC_MERGE", "ERROR_ON_NONDETERMINISTIC_UPDATE",
    "JSON_INDENT", "QUOTED_IDENTIFIERS_IGNORE_CASE", "ROWS_PER_RESULTSET", "STRICT_JSON_OUTPUT", "TIMESTAMP_DAY_IS_ALWAYS_24H",
    "TIMESTAMP_TYPE_MAPPING", "TIMESTAMP_TZ_OUTPUT_FORMAT", "TIME_INPUT_FORMAT", "TIME_OUTPUT_FORMAT",
    "TRANSACTION_ABORT_ON_ERROR", "TWO_DIGIT_CENTURY_START", "UNSUPPORTED_DDL_ACTION", "WEEK_OF_YEAR_POLICY", "WEEK_START",
}  # fmt: skip


def check_parameter(name: str, value: Any) -> str:
    """Return a parameter's value as text. Raises SqlError for an unknown name or a value that would be ignored."""
    require_parameter(name)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if PARAMETERS[name].type == "NUMBER" and not text.isdigit():
        raise compilation_error(f"invalid value [{text}] for parameter '{name}'", 1008, "22023")
    if name in _ONLY_DEFAULT and text.lower() != PARAMETERS[name].default.lower():
        raise compilation_error(f"{name} = {text} is not supported by the local endpoint.", 2, "0A000")
    return text


def require_parameter(name: str) -> None:
    """Raise SqlError where no session parameter has this name."""
    if name not in PARAMETERS:
        raise compilation_error(f"invalid parameter '{name}'", 1006, "42601")
