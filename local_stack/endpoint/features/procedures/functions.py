"""Rewrite the calls of user-defined functions."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import Expr, exp

from local_stack.endpoint.features.procedures import registry
from local_stack.endpoint.features.procedures.call import Argument, arguments_of
from local_stack.endpoint.features.procedures.definition import Routine
from local_stack.endpoint.features.procedures.python.function_worker import FunctionWorkers
from local_stack.endpoint.features.procedures.python.workers import WorkerProcess
from local_stack.endpoint.features.procedures.registry import FoundRoutine
from local_stack.endpoint.features.procedures.scripting.variables import cast
from local_stack.endpoint.language.names import called_name, stored
from local_stack.endpoint.language.parse import OWN, mistaken, parse, parse_value
from local_stack.endpoint.language.types import SqlType, parse_type
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError, unsupported
from local_stack.endpoint.translation.column_names import column_names
from local_stack.endpoint.translation.context import identifier, put_query
from local_stack.endpoint.translation.known_columns import table_columns
from local_stack.endpoint.translation.result_columns import scopes
from local_stack.endpoint.translation.value_types import type_of

_DEPTH = 20


class Functions:
    """Know the functions of one endpoint."""

    def __init__(self, workers: WorkerProcess) -> None:
        self._python = FunctionWorkers(workers)

    def stop(self) -> None:
        self._python.stop()

    def created(self, found: FoundRoutine, session: Session) -> None:
        """Make a new Python function known at once: a transaction that is open later then sees it."""
        if found.routine.language == "PYTHON" and not found.routine.is_table:
            self._python.ensure(found, session)

    def names(self, session: Session) -> frozenset[str]:
        """Return the names of all functions that the session may see."""
        temporary = registry.temporary("FUNCTION", session)
        lasting: frozenset[str] = session.catalog.cached(
            "function names",
            lambda: frozenset(found.routine.name for found in registry.lasting("FUNCTION", session)),
        )
        return lasting.union(found.routine.name for found in temporary)

    def mistaken(self, sql: str, session: Session) -> frozenset[str]:
        """Return the functions of the current schema that a statement calls by names that other databases have built in."""
        found = mistaken(sql, self.names(session)) if session.database and session.schema else ()
        return frozenset(name for name in found if registry.overloads("FUNCTION", session.resolve((name,)), session))

    def expand(self, tree: Expr, session: Session) -> Expr:
        """Put the function's SQL, or a call of its Python wrapper, in the place of each call."""
        names = self.names(session)
        if not names:
            return tree
        for _ in range(_DEPTH):  # a SQL function may call others
            calls = [call for call in tree.find_all(exp.Anonymous) if _name(call)[-1] in names]
            # Inner ones first: an outer one takes them along.
            replaced = [self._replace(call, session) for call in reversed(calls)]
            if not any(replaced):
                return tree
        raise SqlError("SQL compilation error:\nUser-defined functions are nested too deeply.", 2144, "42601")

    def _replace(self, call: exp.Anonymous, session: Session) -> bool:
        """Replace one call. Return False where it stays: it is of no function, or table_functions.py runs it."""
        arguments = arguments_of(call)
        found = _find(call, arguments, session)
        if found is None:
            return False
        whole: Expr = call.parent if isinstance(call.parent, exp.Dot) else call
        around = whole.parent
        table = around.parent if isinstance(around, exp.Window) else around
        if not isinstance(table, exp.TableFromRows):
            whole.replace(self._scalar(found, arguments, session))
        elif found.routine.language != "SQL":
            return False
        elif table is not around:
            raise unsupported("table functions in SQL with PARTITION BY")
        else:
            body = _body(found.routine)
            query = _with_arguments(column_names(parse(body), body), found.routine, _values(found.routine, arguments))
            put_query(table, _under_declared_names(query, found.routine))
        return True

    def _scalar(self, found: FoundRoutine, arguments: Sequence[Argument], session: Session) -> Expr:
        routine = found.routine
        values = _values(routine, arguments)
        if routine.is_table:
            raise SqlError(
                f"SQL compilation error:\n{routine.name} is a table function: call it as TABLE({routine.name}(…)).",
                2140,
                "42601",
            )
        if routine.language == "SQL":
            body = _with_arguments(parse_value(_body(routine)), routine, values)
            return _cast(body, parse_type(routine.returns))
        name = self._python.ensure(found, session)
        passed = [_as_argument(value, p.sql_type) for value, p in zip(values, routine.parameters, strict=True)]
        return _from_text(exp.Anonymous(this=name, expressions=passed or [exp.true()]), parse_type(routine.returns))


def _name(call: exp.Anonymous) -> tuple[str, ...]:
    return tuple(part.removesuffix(OWN) for part in called_name(call))


def _find(call: exp.Anonymous, arguments: Sequence[Argument], session: Session) -> FoundRoutine | None:
    parts = _name(call)
    if len(parts) > 3:
        return None
    matched = registry.find_function(parts, arguments, session, lambda: _types(call, arguments, session))
    return matched[0] if matched is not None else None


def _types(call: exp.Anonymous, arguments: Sequence[Argument], session: Session) -> list[str | None]:
    """Return the types of a call's arguments, as far as the query and its tables tell them."""
    around = call.find_ancestor(exp.Select, exp.Update, exp.Merge, exp.Delete)
    with session.lock:
        within = scopes(call.root(), table_columns(session)) if around is not None else ()
        scope = next((scope for scope in within if around in (scope.select, scope.tree)), None)
        of_value = scope.type_of if scope is not None else lambda value: type_of(value, lambda _: None)
        return [of_value(a.tree) if a.tree is not None else None for a in arguments]


def _values(routine: Routine, arguments: Sequence[Argument]) -> list[Expr]:
    """Return each parameter's value, in the parameters' order."""
    by_name = {a.name: a.tree for a in arguments if a.name}
    values = []
    for index, parameter in enumerate(routine.parameters):
        given = {parameter.name: arguments[index].tree} if index < len(arguments) else {}
        value = (by_name or given).get(parameter.name)
        values.append(value if value is not None else parse_value(str(parameter.default)))
    return values


def _body(routine: Routine) -> str:
    return str(routine.body).strip().rstrip(";")


def _with_arguments(body: Expr, routine: Routine, values: Sequence[Expr]) -> Expr:
    """Put a SQL function's arguments in the place of its parameters."""
    given = {p.name: _cast(value, p.sql_type) for p, value in zip(routine.parameters, values, strict=True)}
    for column in list(body.find_all(exp.Column)):
        value = None if column.args.get("table") else given.get(stored(column.this))
        if value is not None:
            column.replace(value.copy())
    return body


def _under_declared_names(query: Expr, routine: Routine) -> Expr:
    """Return the rows of a table function's query under the names that RETURNS TABLE gives them."""
    names = [identifier(name) for name, _ in routine.columns]
    alias = exp.TableAlias(this=identifier("_SF_ROWS"), columns=names)
    return exp.select("*").from_(exp.Subquery(this=query, alias=alias))


def _cast(value: Expr, kind: SqlType) -> Expr:
    return exp.ToVariant(this=value) if kind.is_semi_structured else cast(value, kind)


def _as_argument(value: Expr, kind: SqlType) -> Expr:
    """Return what the wrapper gets: semi-structured values as JSON text."""
    converted = _cast(value, kind)
    return exp.JSONFormat(this=converted) if kind.is_semi_structured else converted


def _from_text(call: Expr, kind: SqlType) -> Expr:
    if kind.is_semi_structured:
        return exp.ParseJSON(this=call)
    if kind.family == "BINARY":
        return exp.ToBinary(this=call, format=exp.Literal.string("HEX"))
    return cast(call, kind)
