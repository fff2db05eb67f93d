"""User-defined functions in statements: each call becomes the function's SQL, or a call of its Python wrapper."""

from __future__ import annotations

from collections.abc import Sequence

from local_stack.endpoint.features.procedures import registry
from local_stack.endpoint.features.procedures.call import Argument, read_arguments
from local_stack.endpoint.features.procedures.definition import Routine
from local_stack.endpoint.features.procedures.python.function_worker import FunctionWorkers
from local_stack.endpoint.features.procedures.python.workers import WorkerProcess
from local_stack.endpoint.features.procedures.registry import FoundRoutine
from local_stack.endpoint.language.quoting import identifier, identifier_value
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.tokens import Token
from local_stack.endpoint.language.types import SqlType, parse_type
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError, Statement

_DEPTH = 20


class Functions:
    """The functions of one endpoint."""

    def __init__(self, workers: WorkerProcess) -> None:
        self._workers = workers
        self._python = FunctionWorkers(workers)

    def stop(self) -> None:
        self._python.stop()

    def created(self, found: FoundRoutine, session: Session) -> None:
        """Make a new Python function known at once: a transaction that is open later then sees it."""
        if found.routine.language == "PYTHON" and not found.routine.is_table:
            self._python.ensure(found, session)

    def expand(self, statement: Statement, session: Session) -> Statement | None:
        """Return the statement without calls of user-defined functions; None where it has none."""
        known = {found.routine.name for found in registry.list_routines("FUNCTION", session)}
        if not known or not any(name.upper() in statement.text.upper() for name in known):
            return None
        text, changed = statement.text, False
        for _ in range(_DEPTH):  # a SQL function may call others
            expanded = self._expand_once(text, known, session)
            if expanded is None:
                return statement.with_text(text) if changed else None
            text, changed = expanded, True
        raise SqlError("SQL compilation error:\nUser-defined functions are nested too deeply.", 2144, "42601")

    def _expand_once(self, sql: str, known: set[str], session: Session) -> str | None:
        reader = Reader(sql)
        pieces: list[str] = []
        copied = bound = 0
        lists = _SelectLists()
        while not reader.at_end():
            lists.see(reader.token)
            if reader.token.kind not in ("word", "quoted"):
                bound += reader.next().text == "?"
                continue
            start = reader.token
            table_at = reader.mark() if start.upper == "TABLE" and reader.peek().text == "(" else None
            if table_at is not None:
                reader.accept("TABLE", "(")
            parts = self._name(reader)
            if not parts or parts[-1] not in known or reader.token.text != "(":
                continue
            mark = reader.mark()
            arguments = read_arguments(reader, bound)
            found = self._find(parts, arguments, session)
            if found is None:
                reader.back_to(mark)
                continue
            if table_at is not None and found.routine.language != "SQL":
                reader.back_to(mark)  # table_functions.py runs it; its arguments may have other calls in them
                continue
            if table_at is not None:
                reader.expect(")")
                replacement = self._table(found, arguments)
            else:
                replacement = self._scalar(found, arguments, session)
                end = reader.token_before(reader.mark()).end
                if lists.is_item(reader.token):
                    replacement += f" AS {_column_name(sql[start.start : end])}"
            pieces.append(sql[copied : start.start] + replacement)
            copied = reader.token_before(reader.mark()).end
            bound += sum(a.bind_count for a in arguments)
        return "".join(pieces) + sql[copied:] if pieces else None

    @staticmethod
    def _name(reader: Reader) -> tuple[str, ...]:
        if reader.token.kind not in ("word", "quoted"):
            return ()
        parts: tuple[str, ...] = (identifier_value(reader.next()),)
        while reader.token.text == "." and reader.peek().kind in ("word", "quoted"):
            reader.next()
            parts = (*parts, identifier_value(reader.next()))
        return parts

    @staticmethod
    def _find(parts: tuple[str, ...], arguments: Sequence[Argument], session: Session) -> FoundRoutine | None:
        if len(parts) > 3:
            return None
        try:
            candidates = registry.overloads("FUNCTION", session.resolve(parts), session)
        except SqlError:
            return None
        matched = registry.match_arguments(candidates, arguments, [None] * len(arguments))
        if matched is None:
            if candidates:
                raise registry.unknown_routine(".".join(parts), [])
            return None
        return matched[0]

    def _scalar(self, found: FoundRoutine, arguments: Sequence[Argument], session: Session) -> str:
        routine = found.routine
        values = _values(routine, arguments)
        if routine.is_table:
            raise SqlError(
                f"SQL compilation error:\n{routine.name} is a table function: call it as TABLE({routine.name}(…)).",
                2140,
                "42601",
            )
        if routine.language == "SQL":
            return _cast(f"({_with_arguments(routine, values)})", parse_type(routine.returns))
        name = self._python.ensure(found, session)
        passed = [_as_argument(value, p.sql_type) for value, p in zip(values, routine.parameters, strict=True)]
        return _from_text(f"{name}({', '.join(passed) or 'TRUE'})", parse_type(routine.returns))

    @staticmethod
    def _table(found: FoundRoutine, arguments: Sequence[Argument]) -> str:
        return f"({_with_arguments(found.routine, _values(found.routine, arguments))})"


class _SelectLists:
    """Follows the tokens of a statement: whether the one being looked at starts an item of a select list."""

    def __init__(self) -> None:
        self._inside = [False]
        self._before = self._current = ""

    def see(self, token: Token) -> None:
        self._before, self._current = self._current, token.upper
        if token.text == "(":
            self._inside.append(False)
        elif token.text == ")" and len(self._inside) > 1:
            self._inside.pop()
        elif token.upper in ("SELECT", "FROM", "WHERE"):
            self._inside[-1] = token.upper == "SELECT"

    def is_item(self, following: Token) -> bool:
        """Return the token seen last begins an item, and this one ends it."""
        ends = following.kind == "end" or following.upper in (",", ")", "FROM", "WHERE", "LIMIT", "ORDER", "UNION")
        return self._inside[-1] and self._before in ("SELECT", "DISTINCT", ",") and ends


def _column_name(call: str) -> str:
    """Snowflake names an unnamed column after its expression."""
    text = call if '"' in call else call.upper()
    return identifier(text)


def _values(routine: Routine, arguments: Sequence[Argument]) -> list[str]:
    """Return the SQL of each parameter's value, in the parameters' order."""
    by_name = {a.name: a.expression for a in arguments if a.name}
    values = []
    for index, parameter in enumerate(routine.parameters):
        if by_name:
            expression = by_name.get(parameter.name, parameter.default)
        else:
            expression = arguments[index].expression if index < len(arguments) else parameter.default
        values.append(str(expression))
    return values


def _with_arguments(routine: Routine, values: Sequence[str]) -> str:
    """Return a SQL function's body with its parameters replaced."""
    replaced = {p.name: _cast(value, p.sql_type) for p, value in zip(routine.parameters, values, strict=True)}
    body = str(routine.body).strip().rstrip(";")
    reader = Reader(body)
    pieces: list[str] = []
    copied, before = 0, ""
    while not reader.at_end():
        token = reader.next()
        if token.kind in ("word", "quoted") and before != "." and reader.token.text not in ("(", "."):
            value = replaced.get(identifier_value(token))
            if value is not None:
                pieces.append(body[copied : token.start] + value)
                copied = token.end
        before = token.text
    return "".join(pieces) + body[copied:]


def _cast(expression: str, kind: SqlType) -> str:
    if kind.is_semi_structured:
        return f"TO_VARIANT({expression})"
    return f"CAST({expression} AS {kind.declared})"


def _as_argument(expression: str, kind: SqlType) -> str:
    """Return what the wrapper gets: semi-structured values as JSON text."""
    if kind.is_semi_structured:
        return f"TO_JSON(TO_VARIANT({expression}))"
    return f"CAST({expression} AS {kind.declared})"


def _from_text(call: str, kind: SqlType) -> str:
    if kind.is_semi_structured:
        return f"PARSE_JSON({call})"
    if kind.family == "BINARY":
        return f"TO_BINARY({call}, 'HEX')"
    return f"CAST({call} AS {kind.declared})"
