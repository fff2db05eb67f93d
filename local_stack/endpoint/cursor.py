"""fakesnow's cursor with our rewrites before and after its transforms, and its own transaction handling left out."""

from __future__ import annotations

from typing import Any

from fakesnow.conn import FakeSnowflakeConnection
from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot import Expr, exp

from local_stack.endpoint import rewrites
from local_stack.endpoint.outcome import Outcome, from_duckdb


class LocalCursor(FakeSnowflakeCursor):
    """Runs one parsed Snowflake statement on a session's DuckDB connection."""

    def __init__(self, connection: FakeSnowflakeConnection, context: rewrites.Context) -> None:
        super().__init__(conn=connection, duck_conn=connection._duck_conn)
        self._context = context

    def run(self, expression: Expr, params: list[Any], statement_type_id: int) -> Outcome:
        """Execute an expression on which the BEFORE rewrites have run. params: values of its placeholders in order."""
        self.check_db_and_schema(expression)
        for part in self._transform_explode(expression):
            transformed = self._transform(part, params or None)
            self._execute(transformed, params if params and transformed.find(exp.Placeholder) else None)
        return from_duckdb(self._duck_conn.description or [], self._arrow_table, statement_type_id)

    def translate(self, expression: Expr) -> str:
        """A query as DuckDB SQL, without running it."""
        self.check_db_and_schema(expression)
        return str(self._transform(expression, None).sql(dialect="duckdb"))

    def _transform(self, expression: Expr, params: Any) -> Expr:
        transformed = super()._transform(expression, params)
        return rewrites.apply(rewrites.AFTER, transformed, self._context)
