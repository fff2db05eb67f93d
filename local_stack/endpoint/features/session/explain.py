"""EXPLAIN [USING {TABULAR | JSON | TEXT}] statement.

See: https://docs.snowflake.com/en/sql-reference/sql/explain
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Column, Result, Statement, unsupported


class Explain:
    """Compile a statement without running it: an invalid one fails as in Snowflake; the plan names its tables."""

    def handle(self, statement: Statement, session: Session) -> Result:
        reader = Reader(statement.text)
        reader.expect("EXPLAIN")
        if reader.accept("USING") and not reader.accept_any("TEXT", "TABULAR", "JSON"):
            raise reader.unexpected()
        query = reader.rest()
        tables = list(parse(query).find_all(exp.Table))
        if any(table.db.upper() == "INFORMATION_SCHEMA" for table in tables):
            raise unsupported("EXPLAIN of INFORMATION_SCHEMA")
        described = session.run(replace(statement, text=query, describe_only=True))
        lines = [
            "GlobalStats:",
            "    partitionsTotal=0",
            "    partitionsAssigned=0",
            "    bytesAssigned=0",
            "Operations:",
        ]
        lines.append(f"1:0     ->Result  {', '.join(column.name for column in described.columns)}")
        for number, table in enumerate(tables, start=1):
            lines.append(f"1:{number}          ->TableScan  {table.sql(dialect='snowflake')}")
        return Result((Column("content"),), [["\n".join(lines)]])
