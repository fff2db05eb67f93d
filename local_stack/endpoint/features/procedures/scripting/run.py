"""Running a scripting block: variables, control flow, and its SQL on the caller's session."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from local_stack.endpoint.engine import cancellation
from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.procedures.scripting.parse import (
    Block,
    ExecuteImmediate,
    For,
    If,
    Jump,
    Let,
    Node,
    Raise,
    Return,
    Sql,
    While,
    is_block,
    parse_block,
)
from local_stack.endpoint.language.quoting import identifier_value, quote_string
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.outcome import Outcome
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError

_LONGEST_LOOP = 1_000_000
_SEMI_STRUCTURED = ("VARIANT", "OBJECT", "ARRAY")


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


@dataclass(frozen=True)
class Answer:
    """What a block returned: a value and the family of its type where it is semi-structured, or a table's outcome."""

    value: Any = None
    kind: str = ""
    table: Outcome | None = None


class _Returned(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


@dataclass
class _Scope:
    """Variables by name; result sets are outcomes. declared: the type each was declared with."""

    values: dict[str, Any] = field(default_factory=dict)
    declared: dict[str, str] = field(default_factory=dict)
    exceptions: dict[str, tuple[int, str]] = field(default_factory=dict)


class _Raised(SqlError):
    """RAISE of a declared exception."""

    def __init__(self, name: str, number: int, message: str) -> None:
        super().__init__(f"Uncaught exception of type '{name}': {message}", abs(number), "P0001")
        self.name, self.number, self.plain = name, number, message


def run_block(sql: str, session: Session, arguments: dict[str, tuple[Any, str]]) -> Answer:
    """Run a block. arguments: by name, (value, declared type). Raises SqlError of the statement that failed."""
    scope = _Scope({n: v for n, (v, _) in arguments.items()}, {n: t for n, (_, t) in arguments.items()})
    try:
        _Script(session, scope).block(parse_block(sql))
    except _Returned as returned:
        return returned.answer
    except (_Break, _Continue):
        raise compilation_error("BREAK or CONTINUE outside of a loop.", 1003, "42000") from None
    return Answer()


class _Script:
    def __init__(self, session: Session, scope: _Scope) -> None:
        self._session, self._scope = session, scope

    def block(self, block: Block) -> None:
        self._scope.exceptions.update(block.exceptions)
        for declaration in block.declarations:
            self._let(declaration)
        try:
            self._run(block.body)
        except SqlError as error:
            for names, body in block.handlers:
                if self._handles(names, error):
                    self._note_error(error)
                    self._run(body, handling=error)
                    return
            raise

    @staticmethod
    def _handles(names: Sequence[str], error: SqlError) -> bool:
        kind = error.name if isinstance(error, _Raised) else "STATEMENT_ERROR"
        return "OTHER" in names or kind in names

    def _note_error(self, error: SqlError) -> None:
        known = (error.plain, error.number) if isinstance(error, _Raised) else (error.message, error.errno)
        self._scope.values["SQLERRM"], self._scope.values["SQLCODE"] = known
        self._scope.values["SQLSTATE"] = error.sqlstate

    def _run(self, body: Sequence[Node], handling: SqlError | None = None) -> None:
        for node in body:
            cancellation.check()
            match node:
                case Let():
                    self._let(node)
                case Sql():
                    self._sql(node)
                case ExecuteImmediate():
                    self._execute_immediate(node)
                case Return():
                    raise self._returned(node)
                case Raise(name=""):
                    raise handling or compilation_error(
                        "RAISE without an exception outside of a handler.", 1003, "42000"
                    )
                case Raise(name=name):
                    if name not in self._scope.exceptions:
                        raise compilation_error(f"identifier {name} must be declared", 904, "42000")
                    raise _Raised(name, *self._scope.exceptions[name])
                case Jump(kind=kind):
                    raise _Break if kind == "BREAK" else _Continue
                case If():
                    self._if(node, handling)
                case For() | While():
                    self._loop(node, handling)
                case Block():
                    self.block(node)

    def _let(self, node: Let) -> None:
        name = node.name
        if not node.declares and name not in self._scope.values:
            raise compilation_error(f"identifier {name} must be declared", 904, "42000")
        if node.declares:
            self._scope.declared[name] = node.kind
        kind = self._scope.declared.get(name, "")
        if node.expression is None:
            self._scope.values[name] = None
        elif kind in ("RESULTSET", "CURSOR") or node.expression.lstrip("( ").upper().startswith(
            ("SELECT ", "WITH ", "SHOW ")
        ):
            self._scope.values[name] = self._query(node.expression)
        else:
            cast = f"CAST(({node.expression}) AS {kind})" if kind else node.expression
            value, found = self._typed_value(cast)
            self._scope.values[name] = value
            if found and not kind:
                self._scope.declared[name] = found

    def _query(self, text: str) -> Outcome | Any:
        """A result set of a query; of a scalar subquery assigned to a plain variable, its value."""
        bare = text.strip()
        if bare.upper() in self._scope.values:
            return self._scope.values[bare.upper()]
        while bare.startswith("(") and bare.endswith(")"):
            bare = bare[1:-1].strip()
        return self._session.execute(self._bound(bare))

    def _value(self, expression: str) -> Any:
        return self._typed_value(expression)[0]

    def _typed_value(self, expression: str) -> tuple[Any, str]:
        """The value of an expression, and its type's family where it is semi-structured."""
        outcome = self._session.execute(f"SELECT {self._substituted(expression)}")
        kind = outcome.columns[0].type
        return outcome.scalar(), kind if kind in _SEMI_STRUCTURED else ""

    def _truth(self, condition: str) -> bool:
        return bool(self._value(f"({condition})::BOOLEAN"))

    def _sql(self, node: Sql) -> None:
        text = self._bound(node.text)
        outcome = self._session.execute(text)
        if outcome.statement_type_id:
            self._scope.values["SQLROWCOUNT"] = outcome.scalar()
        self._scope.values["SQLID"] = outcome.query_id
        if node.into:
            row = outcome.rows()[0] if outcome.table.num_rows else (None,) * len(node.into)
            for name, value, column in zip(node.into, row, outcome.columns, strict=False):
                if name not in self._scope.values:
                    raise compilation_error(f"identifier {name} must be declared", 904, "42000")
                self._scope.values[name] = value
                if column.type in _SEMI_STRUCTURED:
                    self._scope.declared[name] = self._scope.declared.get(name) or column.type

    def _execute_immediate(self, node: ExecuteImmediate) -> Outcome | None:
        text = str(self._value(node.expression)) if not node.expression.startswith("$$") else node.expression[2:-2]
        if is_block(text):
            run_block(text, self._session, {})
            return None
        return self._session.execute(text, [self._scope.values.get(name.upper()) for name in node.using])

    def _returned(self, node: Return) -> _Returned:
        if node.table:
            found = self._scope.values.get(node.expression.strip().upper())
            return _Returned(Answer(table=found if isinstance(found, Outcome) else self._query(node.expression)))
        return _Returned(Answer(*self._typed_value(node.expression)) if node.expression else Answer())

    def _if(self, node: If, handling: SqlError | None) -> None:
        for condition, body in node.branches:
            if not condition or self._truth(condition):
                self._run(body, handling)
                return

    def _loop(self, node: For | While, handling: SqlError | None) -> None:
        for _ in self._turns(node):
            try:
                self._run(node.body, handling)
            except _Break:
                return
            except _Continue:
                continue

    def _turns(self, node: For | While) -> Iterator[None]:
        if isinstance(node, While):
            for turn in range(_LONGEST_LOOP):
                check_first = node.condition and (not node.until or turn > 0)
                if check_first and self._truth(node.condition) == node.until:
                    return
                yield
            return
        if node.last is not None:
            first, last = int(self._value(node.source)), int(self._value(node.last))
            numbers = range(first, last + 1)
            for number in reversed(numbers) if node.reverse else numbers:
                self._scope.values[node.name] = number
                yield
            return
        outcome = self._scope.values.get(node.source.strip().upper())
        if not isinstance(outcome, Outcome):
            outcome = self._query(node.source)
        for row in outcome.rows():
            for column, value in zip(outcome.columns, row, strict=True):
                self._scope.values[f"{node.name}.{column.name.upper()}"] = value
            yield

    def _bound(self, sql: str) -> str:
        """A statement with :name replaced by the variable's value."""
        return _replace(sql, self._literal_of, colon_only=True)

    def _substituted(self, expression: str) -> str:
        """An expression with variables, with or without a colon, replaced by their values."""
        return _replace(expression, self._literal_of, colon_only=False)

    def _literal_of(self, name: str) -> str | None:
        if name not in self._scope.values:
            return None
        value = self._scope.values[name]
        declared = self._scope.declared.get(name, "")
        return literal(value, declared if declared not in ("RESULTSET", "CURSOR") else "")


def _replace(sql: str, literal_of: Callable[[str], str | None], colon_only: bool) -> str:
    reader = Reader(sql)
    pieces: list[str] = []
    copied = 0
    before = ""
    while not reader.at_end():
        token = reader.next()
        name: str | None = None
        if (
            token.text == ":"
            and reader.token.kind in ("word", "quoted")
            and before not in (")", "]")
            and _is_free(sql, token.start)
        ):
            name = identifier_value(reader.next())
        elif not colon_only and token.kind == "word" and reader.token.text != "(" and before not in (".", "::", "AS"):
            name = token.upper
        if name is not None:
            if reader.token.text == "." and literal_of(f"{name}.{reader.peek().upper}") is not None:
                reader.next()
                name = f"{name}.{identifier_value(reader.next())}"
            found = literal_of(name)
            if found is None and token.text == ":":
                raise compilation_error(f"identifier {name} must be declared", 904, "42000")
            if found is not None:
                pieces.append(sql[copied : token.start] + found)
                copied = reader.token_before(reader.mark()).end
        before = token.upper
    return "".join(pieces) + sql[copied:]


def _is_free(sql: str, position: int) -> bool:
    """A colon that stands for itself: v:path follows its column without a space."""
    return position == 0 or not (sql[position - 1].isalnum() or sql[position - 1] in '_$")]')


def literal(value: Any, declared: str = "") -> str:
    """A Python value as SQL text, cast to its declared type where it has one."""
    match value:
        case None:
            text = "NULL"
        case bool():
            text = str(value).upper()
        case int() | Decimal() | float():
            text = f"({value})" if value < 0 else str(value)
        case dt.datetime():
            text = f"{quote_string(value.isoformat(sep=' '))}::{'TIMESTAMP_NTZ' if value.tzinfo is None else 'TIMESTAMP_LTZ'}"
        case dt.date():
            text = f"{quote_string(value.isoformat())}::DATE"
        case _:
            text = quote_string(str(value))
    if declared in ("VARIANT", "OBJECT", "ARRAY"):
        return "NULL" if value is None else f"PARSE_JSON({text})"
    return f"{text}::{declared}" if declared and declared != "VARCHAR" else text
