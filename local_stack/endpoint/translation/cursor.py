"""fakesnow's cursor with our rewrites before and after its transforms, and its own transaction handling left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from fakesnow.conn import FakeSnowflakeConnection
from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot import Expr, exp

from local_stack.endpoint.outcome import Outcome, from_duckdb, from_result
from local_stack.endpoint.statements import Result
from local_stack.endpoint.translation import merge, update
from local_stack.endpoint.translation.context import Context, Rewrite, apply
from local_stack.endpoint.translation.fakesnow import Run, transform


class LocalCursor(FakeSnowflakeCursor):
    """Runs one parsed Snowflake statement on a session's DuckDB connection."""

    def __init__(self, connection: FakeSnowflakeConnection, context: Context, after: Sequence[Rewrite]) -> None:
        super().__init__(conn=connection, duck_conn=connection._duck_conn)
        self._context, self._after = context, after

    def run(self, expression: Expr, params: list[Any], statement_type_id: int) -> Outcome:
        """Execute an expression on which the BEFORE rewrites have run. params: values of its placeholders in order."""
        self.check_db_and_schema(expression)
        if isinstance(expression, exp.Merge):
            return self._merge(expression, params, statement_type_id)
        counts = self._update_counts(expression, params) if isinstance(expression, exp.Update) else None
        for part in self._transform_explode(expression):
            transformed = self._transform(part, params or None)
            if _is_temporary(transformed):
                return self._create_temporary(transformed, params, statement_type_id)
            self._execute(transformed, params if params and transformed.find(exp.Placeholder) else None)
        if counts is not None:
            return from_result(counts, statement_type_id)
        return from_duckdb(self._duck_conn.description or [], self._arrow_table, statement_type_id)

    def _update_counts(self, expression: exp.Update, params: list[Any]) -> Result | None:
        """What an UPDATE … FROM is about to do; None for one without FROM."""
        query = update.matches_query(expression)
        if query is None:
            return None
        bound = params[update.placeholders_before(expression) :]
        transformed = self._transform(query, bound or None)
        found = self._duck_conn.execute(transformed.sql(dialect="duckdb"), bound or None).fetchall()[0]
        return update.update_result(*found)

    def _merge(self, expression: exp.Merge, params: list[Any], statement_type_id: int) -> Outcome:
        query = merge.ambiguity_query(expression)
        if query is not None:
            checked = params[: merge.ambiguity_placeholders(expression)]
            self._execute(self._transform(query, checked or None), checked or None)
            found: pa.Table | None = self._arrow_table
            if found is not None and found.num_rows:
                raise merge.ambiguous()
        transformed = self._transform(merge.duckdb_merge(expression), params or None)
        actions = self._duck_conn.execute(transformed.sql(dialect="duckdb"), params or None).fetchall()
        result = merge.merge_result(expression, (row[0] for row in actions))
        return from_result(result, statement_type_id)

    def _create_temporary(self, create: Expr, params: list[Any], statement_type_id: int) -> Outcome:
        """fakesnow's bookkeeping of tables does not know temporary ones with a qualified name."""
        self._duck_conn.execute(create.sql(dialect="duckdb"), params or None)
        name = create.find(exp.Table)
        label = str(create.args.get("kind")).capitalize()
        status = f"{label} {name.name.rpartition('.')[2] if name else ''} successfully created."
        return from_result(Result.status(status), statement_type_id)

    def check_db_and_schema(self, expression: Expr) -> None:
        """Refuse unqualified names without a current schema. A table function is named in full by our rewrites, inside
        its call, where fakesnow's check does not look: here it counts as a qualified table."""
        if self._conn.database_set and self._conn.schema_set:
            return
        checked = expression
        if any(not isinstance(table.this, exp.Identifier) for table in expression.find_all(exp.Table)):
            checked = expression.copy()
        for table in list(checked.find_all(exp.Table)):
            if not isinstance(table.this, exp.Identifier) and table.parent is not None:
                table.replace(exp.table_("FUNCTION", db="MAIN", catalog="MEMORY", alias=table.alias or None))
        super().check_db_and_schema(checked)

    def translate(self, expression: Expr) -> str:
        """A query as DuckDB SQL, without running it."""
        self.check_db_and_schema(expression)
        return str(self._transform(expression, None).sql(dialect="duckdb"))

    def _transform(self, expression: Expr, params: Any) -> Expr:
        transformed = transform(expression, Run(self._conn, self._duck_conn, params))
        return apply(self._after, transformed, self._context)


def _is_temporary(expression: Expr) -> bool:
    properties = expression.args.get("properties") if isinstance(expression, exp.Create) else None
    return bool(properties and properties.find(exp.TemporaryProperty)) and expression.args.get("kind") in (
        "TABLE",
        "VIEW",
    )
