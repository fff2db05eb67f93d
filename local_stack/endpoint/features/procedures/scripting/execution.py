"""Do what the statements of a block say: variables, result sets, cursors and SQL, on the caller's session."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from sqlglot import Expr, exp

from local_stack.endpoint.engine.bindings import to_binds
from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.procedures.scripting.failures import failure_of
from local_stack.endpoint.features.procedures.scripting.nodes import (
    Assign,
    Close,
    Declare,
    DeclareCursor,
    DeclareResultSet,
    ExecuteImmediate,
    Fetch,
    Node,
    Open,
    Query,
    Sql,
)
from local_stack.endpoint.features.procedures.scripting.parse import is_block, parse_query, unwrapped
from local_stack.endpoint.features.procedures.scripting.rows import Cursor, ResultSet
from local_stack.endpoint.features.procedures.scripting.variables import (
    Row,
    Scope,
    Variable,
    bind,
    bound_text,
    cast,
    literal,
    type_of,
    unbound,
    undeclared,
)
from local_stack.endpoint.language.parse import parse_value
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.types import parse_type
from local_stack.endpoint.outcome import Outcome
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError, Statement

_COUNTED = "number of rows "


@dataclass(frozen=True)
class Answer:
    """Hold what a block returned: a value, or a table's rows."""

    value: Variable = field(default_factory=Variable)
    table: Outcome | None = None


class Execution:
    """Hold the session and the scope that statements see."""

    def __init__(self, session: Session, scope: Scope, alone: Callable[[str, Session], Statement]) -> None:
        self._session, self.scope, self._alone = session, scope, alone
        self._globals = scope.names
        self._count(None)

    def do(self, node: Node) -> None:
        """Run a statement that is no control flow."""
        match node:
            case Sql() | ExecuteImmediate():
                self.query(node)
            case Declare(name=name, type=kind, value=value):
                self.scope.names[name] = Variable(None, kind) if value is None else self.evaluate(value, kind)
            case DeclareResultSet(name=name, query=query):
                self.scope.names[name] = ResultSet(name, self.query(query) if query is not None else None)
            case DeclareCursor(name=name, source=source):
                self.scope.names[name] = Cursor(name, source)
            case Assign(name=name, value=value):
                self._assign(name, value)
            case Open(name=name, using=using):
                self._open(self._cursor(name), using)
            case Fetch(name=name, into=into):
                self._set(into, self._cursor(name).fetch())
            case Close(name=name):
                self._cursor(name).close()

    def evaluate(self, expression: str, kind: str = "") -> Variable:
        """Return an expression's value, converted to a type where one is given. Raises Failure EXPRESSION_ERROR."""
        try:
            value = bind(parse_value(expression), self.scope, bare=True)
            if kind:
                value = cast(value, parse_type(kind))
            outcome = self._selected(value)
        except Exception as error:
            raise failure_of(error, "EXPRESSION_ERROR") from error
        untyped = not kind and isinstance(value.unnest(), exp.Null)
        return Variable(outcome.scalar(), "" if untyped else kind or type_of(outcome.columns[0]))

    def truth(self, condition: str) -> bool:
        """Tell whether a condition holds; NULL does not."""
        return bool(self.evaluate(condition, "BOOLEAN").value)

    def equals(self, operand: Variable, value: str) -> bool:
        """Tell whether a value is the one that a CASE looks for."""
        try:
            compared = exp.EQ(this=literal(operand), expression=bind(parse_value(value), self.scope, bare=True))
            return bool(self._selected(compared).scalar())
        except Exception as error:
            raise failure_of(error, "EXPRESSION_ERROR") from error

    def integer(self, expression: str) -> int:
        """Return a bound of a counting loop, rounded. Raises Failure where it is NULL."""
        value = self.evaluate(expression, "NUMBER(38,0)").value
        if value is None:
            raise failure_of(SqlError("A bound of a FOR loop is NULL.", 100132, "P0000"), "EXPRESSION_ERROR")
        return int(value)

    def _selected(self, value: Expr) -> Outcome:
        """Run a query of one value past `session.execute`: LAST_QUERY_ID knows nothing of it."""
        text = exp.Select(expressions=[value]).sql(dialect="snowflake")
        return self._session.executor.run(Statement(text), self._session)

    def query(self, node: Query) -> Outcome:
        """Run a statement; note how many rows it affected and what it selects into variables."""
        if isinstance(node, ExecuteImmediate):
            return self._immediate(node)
        outcome = self._run(node.text)
        if node.into:
            self._select_into(node.into, outcome)
        return outcome

    def _run(self, text: str, values: Iterable[Variable] = ()) -> Outcome:
        binds = to_binds([variable.value for variable in values])
        inlined: set[str] = set()

        def text_of(name: str) -> str:
            value = self._literal_of(name)
            inlined.update(literal.name for literal in value.find_all(exp.Literal) if literal.is_string)
            return value.sql(dialect="snowflake")

        statement = Statement(bound_text(text, text_of), binds)
        outcome = self._session.run(replace(statement, inlined=frozenset(inlined)))
        self._count(outcome)
        return outcome

    def _immediate(self, node: ExecuteImmediate) -> Outcome:
        text = str(self.evaluate(node.expression, "VARCHAR").value).strip().rstrip(";")
        if is_block(text):
            return self._session.run(self._alone(text, self._session))
        binds = to_binds([self.scope.variable(name).value for name in node.using])
        outcome = self._session.run(Statement(text, binds))
        self._count(outcome)
        return outcome

    def _literal_of(self, name: str) -> Expr:
        """Return the value of a name in a statement."""
        row, _, column = name.partition(".")
        found = self.scope.find(name) or self.scope.find(row)
        if isinstance(found, Row) and column in found.columns:
            return literal(found.columns[column])
        if isinstance(found, Variable):
            value = literal(found)
            return exp.Dot(this=value, expression=exp.to_identifier(column)) if column else value
        raise unbound(name)

    def _select_into(self, names: tuple[str, ...], outcome: Outcome) -> None:
        rows = outcome.rows()
        if len(rows) > 1:
            message = f"A SELECT INTO statement expects exactly 1 returned row, but got {len(rows)}."
            raise SqlError(message, 90150, "22000")
        row = rows[0] if rows else (None,) * len(outcome.columns)
        self._set(names, [Variable(v, type_of(c)) for v, c in zip(row, outcome.columns, strict=True)])

    def _set(self, names: tuple[str, ...], values: list[Variable]) -> None:
        """Put a row's values into variables, converted to their types."""
        if len(names) != len(values):
            raise compilation_error(f"Expected {len(values)} variables after INTO, got {len(names)}.", 1003, "42000")
        for name, value in zip(names, values, strict=True):
            self._store(self.scope.variable(name), value)

    def _store(self, target: Variable, given: Variable) -> None:
        if target.type and given.value is not None and target.type != given.type:
            outcome = self._selected(cast(literal(given), parse_type(target.type)))
            given = Variable(outcome.scalar(), target.type)
        target.value, target.type = given.value, target.type or given.type

    def _assign(self, name: str, value: str) -> None:
        found = self.scope.find(name)
        if isinstance(found, ResultSet):
            query = parse_query(value)
            found.outcome = self.query(query) if query is not None else self.rows_of(value)
            return
        target = self.scope.variable(name)
        given = self.evaluate(value, target.type)
        target.value, target.type = given.value, given.type

    def _cursor(self, name: str) -> Cursor:
        found = self.scope.find(name)
        if not isinstance(found, Cursor):
            raise undeclared(name)
        return found

    def _open(self, cursor: Cursor, using: tuple[str, ...] = ()) -> Outcome:
        source = unwrapped(cursor.source)
        named = self.scope.find(_name(source))
        if isinstance(named, ResultSet):
            outcome = named.rows()
        else:
            outcome = self._run(source, [self.scope.variable(name) for name in using])
        cursor.open(outcome)
        return outcome

    def rows_of(self, source: str) -> Outcome:
        """Return the rows that a FOR or RETURN TABLE names: of a cursor, a RESULTSET, or a query."""
        reader = Reader(source)
        if reader.accept("RESULTSET_FROM_CURSOR", "("):
            return self._cursor(reader.identifier()).rows()
        found = self.scope.find(_name(unwrapped(source)))
        if isinstance(found, ResultSet):
            return found.rows()
        if isinstance(found, Cursor):
            return found.outcome if found.outcome is not None else self._open(found)
        query = parse_query(source)
        if query is None:
            raise undeclared(source.strip().upper())
        return self.query(query)

    def answer(self, expression: str, table: bool) -> Answer:
        """Return what RETURN gives."""
        if table:
            return Answer(table=self.rows_of(expression))
        return Answer(self.evaluate(expression)) if expression else Answer()

    def _count(self, outcome: Outcome | None) -> None:
        """Set the variables that tell what the last statement did: NULL where it was no DML.

        See: https://docs.snowflake.com/en/developer-guide/snowflake-scripting/dml-status
        """
        affected = _affected(outcome) if outcome is not None else None
        activity = outcome.table.num_rows if outcome is not None and affected is None else affected
        self._globals["SQLROWCOUNT"] = Variable(affected, "NUMBER(38,0)")
        self._globals["SQLFOUND"] = Variable(None if affected is None else affected > 0, "BOOLEAN")
        self._globals["SQLNOTFOUND"] = Variable(None if affected is None else affected == 0, "BOOLEAN")
        self._globals["ACTIVITY_COUNT"] = Variable(activity, "NUMBER(38,0)")
        self._globals["SQLID"] = Variable(outcome.query_id if outcome is not None else None, "VARCHAR")


def _name(text: str) -> str:
    """Return a text that is one name, as stored; '' for anything else."""
    reader = Reader(text)
    reader.accept(":")
    name = reader.identifier() if reader.token.kind in ("word", "quoted") else ""
    return name if reader.at_end() else ""


def _affected(outcome: Outcome) -> int | None:
    """Return how many rows a DML statement inserted, updated and deleted; None for any other statement."""
    counted = [index for index, column in enumerate(outcome.columns) if column.name.startswith(_COUNTED)]
    if not counted or outcome.table.num_rows != 1:
        return None
    return sum(int(outcome.table.column(index)[0].as_py() or 0) for index in counted)
