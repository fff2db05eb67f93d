"""Run one parsed statement on a session's DuckDB connection, and answer it as Snowflake does.

Our rewrites go before and after fakesnow's transforms. The transaction is the caller's (engine/transactions.py).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import duckdb
from sqlglot import Expr, exp

from local_stack.endpoint.engine.text_lengths import check
from local_stack.endpoint.errors import no_current_database, no_current_schema
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.quoting import identifier
from local_stack.endpoint.outcome import Outcome, from_duckdb, from_result
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Result, unsupported
from local_stack.endpoint.translation import answers, definitions, merge, numbers, update
from local_stack.endpoint.translation.cases import unmarked
from local_stack.endpoint.translation.context import Context, Declared, Rewrite, apply
from local_stack.endpoint.translation.fakesnow import Run, transform

# What DuckDB says where a NUMBER is added to a DATE.
_DAYS = re.compile(
    r"argument types '[+-]\((DATE, (HUGEINT|BIGINT|DECIMAL\(.*?\))|(HUGEINT|BIGINT|DECIMAL\(.*?\)), DATE)\)'"
)


class Execution:
    """Run one statement. type_id: Snowflake's number for the kind of statement."""

    def __init__(self, context: Context, before: Sequence[Rewrite], after: Sequence[Rewrite], type_id: int = 0) -> None:
        self._context, self._session, self._duck = context, context.session, context.session.duck
        self._before, self._after, self._type_id = before, after, type_id

    def run(self, expression: Expr, params: list[Any]) -> Outcome:
        """Execute a Snowflake tree. params: what its placeholders are numbered by, from 1."""
        expression = self._begin(expression)
        match expression:
            case exp.Merge():
                return self._answer(self._merge(expression, params))
            case exp.Update():
                return self._answer(self._update(expression, params))
            case exp.Insert() | exp.Delete():
                return self._answer(self._change(expression, params))
            case exp.Create() | exp.Drop() | exp.Alter() | exp.Comment() | exp.TruncateTable():
                return self._answer(self._define(expression, params))
        self._execute(expression, params)
        return unmarked(from_duckdb(self._duck.description or [], self._duck.to_arrow_table(), self._type_id))

    def describe(self, expression: Expr) -> Outcome:
        """Return the columns of a statement, without running it; a query's placeholders are NULL."""
        if isinstance(expression, exp.Show | exp.Describe):
            return self.run(expression, [])  # it only reads
        if not isinstance(expression, exp.Query):
            return self._answer(answers.without_rows(expression))
        bare = expression.transform(lambda e: exp.Null() if isinstance(e, exp.Placeholder) else e)
        if isinstance(bare, exp.Select | exp.SetOperation):
            # Not as a subquery: DuckDB gives other names to columns of the same name there.
            return self.run(bare.limit(0, copy=False), [])
        source = exp.Subquery(this=bare, alias=exp.TableAlias(this=exp.to_identifier("d")))
        return self.run(exp.select("*").from_(source).limit(0), [])

    def translate(self, expression: Expr) -> str:
        """Return a query as DuckDB SQL, without running it."""
        return self._sql(self._transform(self._begin(expression)))

    def _begin(self, expression: Expr) -> Expr:
        expression = apply(self._before, expression, self._context)
        require_current_schema(expression, self._session)
        return expression

    def _answer(self, result: Result) -> Outcome:
        return from_result(result, self._type_id)

    def _transform(self, expression: Expr) -> Expr:
        run = Run(self._session.database, self._session.schema)
        return apply(self._after, transform(expression, run), self._context)

    def _sql(self, transformed: Expr) -> str:
        sql = transformed.sql(dialect="duckdb")
        if not sql:
            raise unsupported(transformed.sql(dialect="snowflake"))
        seed = transformed.args.get("seed")  # of RANDOM(seed), left there by fakesnow's transform
        return f"SELECT setseed({seed}); {sql}" if seed else sql

    def _execute(self, expression: Expr, params: list[Any]) -> Expr:
        """Run one DuckDB statement; its result waits on the connection. params: all of the whole statement's."""
        before = expression.copy() if expression.find(exp.Add, exp.Sub) else None
        transformed = self._transform(expression)
        try:
            self._duck.execute(self._sql(transformed), _bound(transformed, params))
        except duckdb.BinderException as error:
            if before is None or not _DAYS.search(str(error)):
                raise
            transformed = self._transform(numbers.days(before))
            self._duck.execute(self._sql(transformed), _bound(transformed, params))
        return transformed

    def _rows(self) -> list[Any]:
        return self._duck.fetchall()

    def _change(self, expression: Expr, params: list[Any]) -> Result:
        rows = 0
        for part in definitions.statements(expression, self._context):
            self._execute(part, params)
            rows = self._rows()[0][0]
        return answers.counted(expression, rows)

    def _update(self, expression: exp.Update, params: list[Any]) -> Result:
        counted = None
        query = update.matches_query(expression)
        if query is not None:
            self._execute(query, params)
            counted = update.update_result(*self._rows()[0])
        self._execute(expression, params)
        return counted or update.update_result(self._rows()[0][0], 0)

    def _merge(self, expression: exp.Merge, params: list[Any]) -> Result:
        query = merge.ambiguity_query(expression)
        if query is not None:
            self._execute(query, params)
            if self._rows():
                raise merge.ambiguous()
        self._execute(merge.duckdb_merge(expression), params)
        actions: Any = self._duck.to_arrow_table()
        counted = actions.column(0).value_counts().to_pylist()
        return merge.merge_result(expression, {each["values"]: each["counts"] for each in counted})

    def _define(self, expression: Expr, params: list[Any]) -> Result:
        kind = str(expression.args.get("kind") or "").upper()
        if_exists = bool(expression.args.get("exists"))
        match expression:
            case exp.Create():
                name = self._shown(expression.find(exp.Table))
                if if_exists and self._exists(kind, expression):
                    return Result.existed(name)
                inserted: int | None
                filled = kind == "TABLE" and isinstance(expression.expression, exp.Query)
                if self._context.declared:
                    inserted = self._create_filled(expression, params)
                else:
                    self._run_together(expression, params)
                    inserted = self._rows()[0][0] if filled else None
                return replace(Result.created(kind.capitalize(), name), inserted=inserted)
            case exp.Drop():
                name = self._shown(expression.find(exp.Table))
                if if_exists and not self._exists(kind, expression):
                    return Result.was_dropped(name)
                self._run_together(expression, params)
                return Result.dropped(name)
            case exp.Comment() if if_exists and not self._exists(kind, expression):
                return Result.succeeded()
            case exp.Comment():
                expression.set("exists", False)  # DuckDB does not have IF EXISTS here
        self._run_together(expression, params)
        return Result.succeeded()

    def _run_together(self, expression: Expr, params: list[Any]) -> None:
        """Run a definition's parts in one transaction: DDL is not inside another one."""
        parts = definitions.statements(expression, self._context)
        if len(parts) > 1:
            self._duck.execute("BEGIN")
        try:
            for part in parts:
                self._execute(part, params)
        except BaseException:
            if len(parts) > 1:
                self._duck.execute("ROLLBACK")
            raise
        if len(parts) > 1:
            self._duck.execute("COMMIT")

    def _create_filled(self, create: exp.Create, params: list[Any]) -> int:
        """CREATE TABLE with declared columns AS SELECT: built under another name, so that the query may read the table that it
        replaces, and so that a row that does not fit leaves nothing behind."""
        transformed = self._transform(create)
        target, query = transformed.this, transformed.expression.sql(dialect="duckdb")
        spare = target.copy()
        spare.set("this", exp.to_identifier(f"_new_{uuid.uuid4().hex}", quoted=True))
        new, old = (name.sql(dialect="duckdb") for name in (spare, target))
        bound = _bound(transformed, params)
        temporary = "TEMPORARY " if self._context.temporary else ""
        found = self._duck.execute(f"DESCRIBE {query}", bound).fetchall()
        columns = [
            self._definition(column, column.name or str(name), str(kind))
            for column, (name, kind, *_) in zip(self._context.declared, found, strict=True)
        ]
        self._duck.execute("BEGIN")
        try:
            self._duck.execute(f"CREATE {temporary}TABLE {new} ({', '.join(columns)})")
            inserted = int(self._duck.execute(f"INSERT INTO {new} {query}", bound).fetchall()[0][0])
            if create.args.get("replace"):
                self._duck.execute(f"DROP TABLE IF EXISTS {old}")
            self._duck.execute(f"ALTER TABLE {new} RENAME TO {identifier(target.name)}")
        except BaseException:
            self._duck.execute("ROLLBACK")
            raise
        self._duck.execute("COMMIT")
        return inserted

    def _definition(self, column: Declared, name: str, kind: str) -> str:
        default = ""
        if column.default is not None:
            value = self._transform(exp.select(column.default.copy())).expressions[0]
            default = f" DEFAULT {value.sql(dialect='duckdb')}"
        limit = f" {check(name, column.length)}" if column.length and kind == "VARCHAR" else ""
        return f"{identifier(name)} {kind}{default}{' NOT NULL' if column.not_null else ''}{limit}"

    def _exists(self, kind: str, expression: Expr) -> bool:
        table = expression.find(exp.Table)
        if table is None:
            return True
        name = SchemaName(*self._context.full_name(table))
        if kind == "SEQUENCE":
            query = "SELECT 1 FROM duckdb_sequences() WHERE (database_name, schema_name, sequence_name) = (?, ?, ?)"
            return bool(self._duck.execute(query, [name.database, name.schema, name.name]).fetchall())
        return self._session.relation_kind(name) == kind

    def _shown(self, table: exp.Table | None) -> str:
        if table is None:
            return ""
        temporary = self._context.temporary
        return temporary[2] if temporary else self._context.full_name(table)[2]


def _bound(expression: Expr, params: list[Any]) -> dict[str, Any] | None:
    """Return the values of the placeholders that a tree has, by number; None without one."""
    if not params:
        return None
    names = {placeholder.name for placeholder in expression.find_all(exp.Placeholder)}
    return {name: params[int(name) - 1] for name in names if name.isdigit() and int(name) <= len(params)} or None


def require_current_schema(expression: Expr, session: Session) -> None:
    """Raise SqlError 090105 or 090106 where a table is not named in full and the session lacks what is missing."""
    if (session.database and session.schema) or isinstance(expression, exp.Show):
        return
    of_queries = {cte.alias.upper() for cte in expression.find_all(exp.CTE)}
    for table in expression.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):  # a table function: our rewrites name it in full inside its call
            continue
        if not table.args.get("db") and table.name.upper() in of_queries:
            continue
        if not table.args.get("catalog") and not session.database:
            raise no_current_database(_command(expression))
        if not table.args.get("db") and not session.schema:
            raise no_current_schema(_command(expression))


def _command(expression: Expr) -> str:
    if isinstance(expression, exp.Query):
        return "SELECT"
    if isinstance(expression, exp.TruncateTable):
        return "TRUNCATE TABLE"
    kind = expression.args.get("kind")
    return f"{expression.key} {kind}".upper() if isinstance(kind, str) else expression.key.upper()
