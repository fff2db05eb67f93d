"""Evaluate the arguments of a CALL: the engine casts them to the parameters' types, and a handler gets them as Python's."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

from local_stack.endpoint.engine.native.marks import plain_text
from local_stack.endpoint.features.procedures.call import Argument
from local_stack.endpoint.features.procedures.definition import Parameter
from local_stack.endpoint.language.types import SqlType, family_of
from local_stack.endpoint.outcome import rounded
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Statement

_BIND = re.compile(r":(\d+)")


def argument_types(arguments: Sequence[Argument], statement: Statement, session: Session) -> list[str | None]:
    """Return the type family of each argument, None for NULL. Nothing is evaluated: a sequence gives no number."""
    if not arguments:
        return []
    outcome = _evaluate([a.expression for a in arguments], statement, session, describe_only=True)
    families = [family_of(column.type) for column in outcome.columns]
    return [_family(a, known, statement) for a, known in zip(arguments, families, strict=True)]


def _family(argument: Argument, described: str, statement: Statement) -> str | None:
    """Return an argument's type family. Describing takes binds as NULL: one that stands alone tells its own type."""
    bare = argument.expression.strip()
    if bare.upper() == "NULL":
        return None
    bind = _BIND.fullmatch(bare)
    if bind is None or int(bind[1]) > len(statement.binds):
        return described
    kind, value = statement.binds[int(bind[1]) - 1]
    return None if value is None else family_of(kind)


def evaluate(
    parameters: Sequence[Parameter],
    assigned: Sequence[Argument | None],
    statement: Statement,
    session: Session,
    as_json: bool = True,
) -> list[Any]:
    """Return the value of every parameter: in JSON form for a handler, or as the engine gives it.

    Raises SqlError where a value does not convert.
    """
    if not parameters:
        return []
    expressions = [
        _cast(argument.expression if argument is not None else str(parameter.default), parameter.sql_type)
        for parameter, argument in zip(parameters, assigned, strict=True)
    ]
    outcome = _evaluate(expressions, statement, session)
    row = outcome.rows()[0]
    if not as_json:
        return list(row)
    return [to_handler(value, parameter.sql_type) for value, parameter in zip(row, parameters, strict=True)]


def _evaluate(expressions: list[str], statement: Statement, session: Session, describe_only: bool = False) -> Any:
    columns = ", ".join(f"({expression}) AS A{i}" for i, expression in enumerate(expressions))
    # Past session.execute: LAST_QUERY_ID knows nothing of the endpoint's own statements.
    return session.executor.run(Statement(f"SELECT {columns}", statement.binds, describe_only), session)


def _cast(expression: str, kind: SqlType) -> str:
    if kind.is_semi_structured:
        return f"TO_VARIANT({expression})"
    return f"CAST({expression} AS {kind.declared})"


def to_handler(value: Any, kind: SqlType) -> Any:
    """Return the JSON form of a value (worker.decode turns it into Python's): int or Decimal by scale, datetime without zone
    for NTZ, VARIANT as what its JSON says."""
    if value is None:
        return None
    match kind.family:
        case "NUMBER":
            return int(value) if kind.scale == 0 else {"$decimal": str(value)}
        case "FLOAT":
            return float(value)
        case "DATE":
            return {"$date": value.isoformat()}
        case "TIME":
            return {"$time": value.isoformat()}
        case "TIMESTAMP_NTZ" | "TIMESTAMP_LTZ" | "TIMESTAMP_TZ":
            return {"$timestamp": value.isoformat()}
        case "BINARY":
            return {"$bytes": value.hex()}
        case "VARIANT" | "OBJECT" | "ARRAY":
            return {"$json": plain_text(value)} if isinstance(value, str) else value
    return value


def from_handler(text: str | None, kind: SqlType) -> Any:
    """Return the Python value of a returned text (see worker.encode) for a result's row."""
    if text is None:
        return None
    match kind.family:
        case "NUMBER":
            value = rounded(text, kind.scale)
            return int(value) if kind.scale == 0 else value
        case "FLOAT":
            return float(text)
        case "BOOLEAN":
            return text == "true"
        case "DATE":
            return dt.date.fromisoformat(text[:10])
        case "TIME":
            return dt.time.fromisoformat(text)
        case "BINARY":
            return bytes.fromhex(text)
        case "TIMESTAMP_NTZ":
            return dt.datetime.fromisoformat(text).replace(tzinfo=None)
        case "TIMESTAMP_LTZ" | "TIMESTAMP_TZ":
            moment = dt.datetime.fromisoformat(text)
            return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return text
