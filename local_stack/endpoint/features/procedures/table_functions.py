"""Run Python table functions in a query: over constants, or over the rows of what stands before them in its FROM.

`FROM t, TABLE(f(t.a) OVER (PARTITION BY t.b ORDER BY t.c))`: what is left of the function runs first, with the arguments and
the keys beside its own columns. The handler gets one partition after the other, and its rows are joined to those that they
come from, by position. See: https://docs.snowflake.com/en/developer-guide/udf/python/udf-python-tabular-functions
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlglot import Expr, exp

from local_stack.endpoint.features.procedures import registry
from local_stack.endpoint.features.procedures.arguments import from_handler, to_handler
from local_stack.endpoint.features.procedures.call import Argument
from local_stack.endpoint.features.procedures.definition import Routine
from local_stack.endpoint.features.procedures.python import access
from local_stack.endpoint.features.procedures.python.function_worker import request
from local_stack.endpoint.features.procedures.python.running import interpreter_error, result_column
from local_stack.endpoint.features.procedures.python.workers import WorkerProcess
from local_stack.endpoint.language.types import parse_type
from local_stack.endpoint.outcome import Outcome, from_duckdb, from_result
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Result, unsupported
from local_stack.endpoint.translation.context import Context
from local_stack.endpoint.translation.queries import result_table


@dataclass(frozen=True)
class _Call:
    """Hold a call: the source that it is, the query that it stands in, the place among the query's sources."""

    source: Expr
    select: exp.Select
    place: int
    routine: Routine
    arguments: tuple[str, ...]
    window: exp.Window | None


class TableFunctions:
    """Run the Python table functions of a query."""

    def __init__(self, workers: WorkerProcess) -> None:
        self._workers = workers

    def rewrite(self, expression: Expr, context: Context) -> Expr:
        """Replace each call, and what it is joined to, by their rows. The first ones go first: others may stand on them."""
        if not expression.find(exp.TableFromRows):
            return expression
        known = {f.routine.name for f in registry.list_routines("FUNCTION", context.session) if f.routine.is_table}
        while known and (call := _next_call(expression, known, context.session)) is not None:
            if isinstance(expression, exp.Create) and str(expression.args.get("kind")).upper() == "VIEW":
                raise unsupported("views over table functions in Python")
            self._replace(call, context)
        return expression

    def _replace(self, call: _Call, context: Context) -> None:
        sources = _sources(call.select)
        left = sources[: call.place]
        keys = list(call.window.args.get("partition_by") or ()) if call.window else []
        widths = [_width(call, source, context.session) for source in left]
        rows = _input(call, left, keys, context)
        own = sum(widths)
        partitions = _partitions(rows, own, len(call.arguments), len(keys))
        produced = [] if context.describing else self._run(call.routine, [values for _, values in partitions], context)
        columns = tuple(result_column(name, parse_type(kind)) for name, kind in call.routine.columns)
        kinds = [parse_type(kind) for _, kind in call.routine.columns]
        values = [[from_handler(t, k) for t, k in zip(row[2:], kinds, strict=True)] for row in produced]
        tables: list[tuple[Expr, Outcome]] = []
        named = {key.name for key in keys if isinstance(key, exp.Column)}
        start = 0
        for source, width in zip(left, widths, strict=True):
            tables.append((source, _taken(rows, range(start, start + width), partitions, produced, named)))
            start += width
        tables.append((call.source, from_result(Result(columns, values))))
        _put(call, tables, context)

    def _run(self, routine: Routine, partitions: list[list[list[Any]]], context: Context) -> list[list[Any]]:
        """Return rows: the partition, the row of it (None at its end), the values as text."""
        folder = Path(tempfile.mkdtemp(prefix="function-"))
        given = [
            [[to_handler(v, p.sql_type) for v, p in zip(row, routine.parameters, strict=True)] for row in rows]
            for rows in partitions
        ]
        try:
            imports = access.place_imports(routine, folder, context.session)
            families = [parse_type(kind).family for _, kind in routine.columns]
            call = request(routine, str(folder), imports, context.session, "table_function")
            answer = self._workers.call(
                replace(call, arguments=given, columns=families, names=[p.name for p in routine.parameters])
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if "error" in answer:
            raise interpreter_error(routine, str(answer["error"]))
        return list(answer["rows"])


def _sources(select: exp.Select) -> list[Expr]:
    clause = select.args.get("from_")
    return [clause.this, *(join.this for join in select.args.get("joins") or ())] if clause else []


def _next_call(expression: Expr, known: set[str], session: Session) -> _Call | None:
    for select in reversed(list(expression.find_all(exp.Select))):
        for place, source in enumerate(_sources(select)):
            rows = source.this if isinstance(source, exp.Lateral) else source
            if isinstance(rows, exp.Subquery) and isinstance(rows.this, exp.TableFromRows):
                rows = rows.this
            called = rows.this if isinstance(rows, exp.TableFromRows) else None
            window = called if isinstance(called, exp.Window) else None
            function = window.this if window is not None else called
            if not isinstance(function, exp.Anonymous | exp.Dot):
                continue
            named = function.find(exp.Anonymous)
            if named is None or str(named.name).upper() not in {name.upper() for name in known}:
                continue
            parts = _parts(function)
            if (found := _find(parts, named.expressions, session)) is not None:
                routine, arguments = found
                return _Call(source, select, place, routine, arguments, window)
    return None


def _parts(function: Expr) -> tuple[str, ...]:
    nodes = function.flatten() if isinstance(function, exp.Dot) else [function]
    names: list[str] = []
    for node in nodes:
        if isinstance(node, exp.Identifier):
            names.append(node.name if node.quoted else node.name.upper())
        elif isinstance(node, exp.Column):
            names += [part.name if part.args.get("quoted") else part.name.upper() for part in node.parts]
        else:
            names.append(node.name if getattr(node.this, "quoted", False) else node.name.upper())
    return tuple(names)


def _find(parts: tuple[str, ...], given: Sequence[Expr], session: Session) -> tuple[Routine, tuple[str, ...]] | None:
    arguments = [
        Argument(a.expression.sql("snowflake"), a.this.name.upper())
        if isinstance(a, exp.Kwarg)
        else Argument(a.sql("snowflake"))
        for a in given
    ]
    matched = registry.find_function(parts, arguments, session)
    if matched is None:
        return None
    routine = matched[0].routine
    if routine.language != "PYTHON" or not routine.is_table:
        return None
    passed = [
        argument.expression if argument is not None else str(parameter.default)
        for argument, parameter in zip(matched[1], routine.parameters, strict=True)
    ]
    return routine, tuple(passed)


def _left_query(call: _Call, projections: list[str]) -> exp.Select:
    """Return a query over what stands before the call, under the WITH clauses that it sees."""
    query = exp.select(*projections, dialect="snowflake")
    if call.place:
        clause = call.select.args["from_"].copy()
        query.set("from_", clause)
        query.set("joins", [join.copy() for join in (call.select.args.get("joins") or ())[: call.place - 1]])
    if query.find(exp.Placeholder):
        raise unsupported("binds before a table function")
    seen: list[Expr] = []
    inner: Expr | None = call.select
    while inner is not None:
        if isinstance(inner, exp.Query) and (clause := inner.args.get("with_")):
            visible = itertools.takewhile(lambda cte: not _holds(cte, call.select), clause.expressions)
            seen = [*(cte.copy() for cte in visible), *seen]
        inner = inner.parent
    if seen:
        query.set("with_", exp.With(expressions=seen))
    return query


def _holds(above: Expr, node: Expr) -> bool:
    found: Expr | None = node
    while found is not None and found is not above:
        found = found.parent
    return found is above


def _width(call: _Call, source: Expr, session: Session) -> int:
    """Return how many columns a source has."""
    return len(_answer(_left_query(call, [_star(source)]).limit(0), session).columns)


def _star(source: Expr) -> str:
    alias = source.args.get("alias")
    named = alias.this if alias is not None and alias.this else source.this if isinstance(source, exp.Table) else None
    return "*" if named is None else f"{named.sql('snowflake')}.*"


def _answer(query: exp.Select, session: Session) -> Outcome:
    session.duck.execute(session.executor.translate(query, session))
    return from_duckdb(session.duck.description or [], session.duck.to_arrow_table(), 0)


def _input(call: _Call, left: Sequence[Expr], keys: Sequence[Expr], context: Context) -> Outcome:
    """Return the columns of what stands before the call, its arguments and its keys, in the order of the partitions."""
    stars = [_star(source) for source in left]
    arguments = [
        f"TO_VARIANT({text}) AS _SF_ARGUMENT_{n}"
        if p.sql_type.is_semi_structured
        else f"CAST({text} AS {p.sql_type.declared}) AS _SF_ARGUMENT_{n}"
        for n, (text, p) in enumerate(zip(call.arguments, call.routine.parameters, strict=True))
    ]
    listed = [f"{key.sql('snowflake')} AS _SF_KEY_{n}" for n, key in enumerate(keys)]
    query = _left_query(call, [*stars, *arguments, *listed] or ["1"])
    order = call.window.args.get("order") if call.window is not None else None
    for n in range(len(keys)):
        query = query.order_by(f"_SF_KEY_{n}", dialect="snowflake")
    for ordered in order.expressions if order is not None else ():
        query = query.order_by(ordered.copy())
    if context.describing:
        query = query.limit(0)
    return _answer(query, context.session)


def _partitions(rows: Outcome, own: int, arguments: int, keys: int) -> list[tuple[int, list[list[Any]]]]:
    """Return the arguments of each partition's rows, with the number of its first row."""
    numbered = enumerate(rows.rows())
    end = own + arguments

    def key(row: tuple[int, tuple[Any, ...]]) -> tuple[Any, ...]:
        return row[1][end : end + keys]

    found = []
    for _, group in itertools.groupby(numbered, key):
        members = list(group)
        found.append((members[0][0], [list(row[own:end]) for _, row in members]))
    return found


def _taken(
    rows: Outcome,
    positions: range,
    partitions: Sequence[tuple[int, Any]],
    produced: Sequence[Sequence[Any]],
    keys: set[str],
) -> Outcome:
    """Return columns of the input beside the rows produced. At a partition's end there are the columns of its keys alone."""
    firsts = [partitions[row[0]][0] for row in produced]
    indices = [None if row[1] is None else first + row[1] for first, row in zip(firsts, produced, strict=True)]
    columns = tuple(rows.columns[i] for i in positions)
    arrays = [
        rows.table.column(i).combine_chunks().take(pa.array(firsts if column.name in keys else indices, pa.int64()))
        for i, column in zip(positions, columns, strict=True)
    ]
    return Outcome(columns, pa.Table.from_arrays(arrays, names=[column.name for column in columns]))


def _put(call: _Call, tables: Sequence[tuple[Expr, Outcome]], context: Context) -> None:
    """Let the query read the rows in the place of the sources that they are of."""
    joins = call.select.args.get("joins") or []
    joined = joins[call.place - 1] if call.place else None
    if joined is not None and (joined.args.get("side") or joined.args.get("on")):
        raise unsupported("LEFT JOIN and ON with a table function in Python")
    read = list(_read(tables, context))
    call.select.set("from_", exp.From(this=read[0]))
    beside = [exp.Join(this=table, method="POSITIONAL") for table in read[1:]]
    call.select.set("joins", [*beside, *joins[call.place :]])


def _read(tables: Sequence[tuple[Expr, Outcome]], context: Context) -> Iterator[exp.Table]:
    for source, outcome in tables:
        alias = source.args.get("alias")
        if alias is None and isinstance(source, exp.Lateral):
            alias = source.this.args.get("alias")
        if alias is None and isinstance(source, exp.Table):
            alias = exp.TableAlias(this=source.this.copy())
        table = result_table(outcome, context)
        table.set("alias", alias.copy() if alias is not None else None)
        yield table
