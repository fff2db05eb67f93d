"""The chain of one statement: the extensions in order, then fakesnow with our rewrites, under the transaction rules."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fakesnow.statement_type import statement_type_id
from sqlglot import Expr, exp

from local_stack.endpoint import rewrites
from local_stack.endpoint.bindings import Bind, to_python
from local_stack.endpoint.classify import classify, parse
from local_stack.endpoint.cursor import LocalCursor
from local_stack.endpoint.errors import as_sql_error
from local_stack.endpoint.outcome import Outcome, column_from_duckdb, from_result
from local_stack.endpoint.semi_structured import with_kinds
from local_stack.endpoint.statements import Extension, Result, SqlError, Statement

if TYPE_CHECKING:
    from local_stack.endpoint.sessions import Session


_ROWS_AT_ONCE = 500
_MISSING = re.compile(r"Object '([^']+)' does not exist")


class Dispatcher:
    """Runs statements on sessions."""

    def __init__(self, extensions: Sequence[Extension]) -> None:
        self._extensions = tuple(extensions)

    def run(self, statement: Statement, session: Session, batch: Sequence[tuple[Bind, ...]] = ()) -> Outcome:
        """One statement's outcome. Every failure is a SqlError."""
        try:
            for extension in self._extensions:
                match extension.handle(statement, session):
                    case Result() as result:
                        return from_result(result)
                    case Statement() as rewritten:
                        statement = rewritten
            return self._run_on_engine(statement, session, batch)
        except Exception as error:
            mapped = _as_written(as_sql_error(error), statement)
            if mapped.sqlstate == "XX000":
                traceback.print_exc()
            if mapped is error:
                raise
            raise mapped from error

    def _run_on_engine(self, statement: Statement, session: Session, batch: Sequence[tuple[Bind, ...]]) -> Outcome:
        context = rewrites.Context(session, statement.parameters)
        text = session.connection.variables.inline_variables(statement.text)
        expression = parse(text)
        with session.lock:
            if outcome := _transaction_control(expression, session):
                return outcome
            effect, tables = classify(expression, session.database, session.schema)
            type_id = statement_type_id(expression)
            if statement.describe_only:
                outcome = session.transaction.run(
                    classify(exp.select("1"), None, None)[0],
                    (),
                    lambda: _describe(expression, session, context, type_id),
                )
                return with_kinds(outcome, expression, session.semi_structured)
            rows = [[to_python(bind) for bind in row] for row in (batch or [statement.binds])]

            def action() -> Outcome:
                outcomes = [
                    _execute(part, values, session, context, type_id) for part, values in _parts(expression, rows)
                ]
                for after in context.on_success:
                    after()
                context.on_success.clear()
                return outcomes[0] if len(outcomes) == 1 else _total(outcomes)

            outcome = session.transaction.run(effect, tables, action)
            return with_kinds(outcome, expression, session.semi_structured)


def _as_written(error: SqlError, statement: Statement) -> SqlError:
    """An error about a missing object with its name as the statement has it: DuckDB gives the last part alone."""
    missing = _MISSING.search(error.message)
    if error.errno != 2003 or missing is None or "." in missing[1]:
        return error
    try:
        tables = list(parse(statement.text).find_all(exp.Table))
    except Exception:
        return error
    for table in tables:
        if table.name.upper() == missing[1].upper() and table.db:
            parts = (table.catalog, table.db, table.name)
            name = ".".join(part.upper() for part in parts if part)
            return SqlError(error.message.replace(f"'{missing[1]}'", f"'{name}'"), error.errno, error.sqlstate)
    return error


def _parts(expression: Expr, rows: list[list[Any]]) -> Iterator[tuple[Expr, list[Any]]]:
    """What to run for rows of binds: an INSERT of one row of VALUES takes many at once, other statements run per row."""
    values = expression.args.get("expression") if isinstance(expression, exp.Insert) else None
    tuples = values.expressions if isinstance(values, exp.Values) else []
    in_tuple = sum(1 for _ in tuples[0].find_all(exp.Placeholder)) if len(tuples) == 1 else 0
    if len(rows) < 2 or not in_tuple or in_tuple != sum(1 for _ in expression.find_all(exp.Placeholder)):
        for row in rows:
            yield expression.copy(), row
        return
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        chunk = rows[start : start + _ROWS_AT_ONCE]
        part = expression.copy()
        part.args["expression"].set("expressions", [tuples[0].copy() for _ in chunk])
        yield part, [value for row in chunk for value in row]


def _execute(expression: Expr, params: list[Any], session: Session, context: rewrites.Context, type_id: int) -> Outcome:
    rewritten = rewrites.apply(rewrites.BEFORE, expression, context)
    return LocalCursor(session.connection, context).run(rewritten, params, type_id)


def _total(outcomes: list[Outcome]) -> Outcome:
    """One outcome for a batch: Snowflake runs it as one statement and reports the sum."""
    total = sum(int(outcome.scalar() or 0) for outcome in outcomes)
    first = outcomes[0]
    return Outcome(
        first.columns,
        first.table.slice(0, 1).set_column(0, first.table.column_names[0], [[total]]),
        first.statement_type_id,
    )


def _describe(expression: Expr, session: Session, context: rewrites.Context, type_id: int) -> Outcome:
    """The columns of a statement, without running it; a query's placeholders are NULL."""
    cursor = LocalCursor(session.connection, context)
    if isinstance(expression, exp.Query):
        bare = expression.transform(lambda e: exp.Null() if isinstance(e, exp.Placeholder) else e)
        query = (
            exp.select("*").from_(exp.Subquery(this=bare, alias=exp.TableAlias(this=exp.to_identifier("d")))).limit(0)
        )
        return cursor.run(rewrites.apply(rewrites.BEFORE, query, context), [], type_id)
    described = cursor._describe_only(expression.sql(dialect="snowflake"))
    if described is None:
        return Outcome((), from_result(Result.status("")).table, type_id)
    columns = tuple(column_from_duckdb(name, kind) for name, kind, *_ in described)
    return Outcome(columns, from_result(Result(())).table, type_id)


def _transaction_control(expression: Expr, session: Session) -> Outcome | None:
    match expression:
        case exp.Transaction():
            session.transaction.begin()
        case exp.Commit():
            session.transaction.commit()
        case exp.Rollback():
            session.transaction.rollback()
        case _:
            return None
    return from_result(Result.status("Statement executed successfully."))
