"""Queries over staged files: `SELECT $1, METADATA$FILENAME FROM @stage/path (FILE_FORMAT => f, PATTERN => p) t`.

A staged source becomes a temporary DuckDB view with columns "$1", "$2", … and METADATA$…; `$n` becomes a column of it.
JSON and Parquet rows are one value, `$1`; CSV fields are text, `$1` to `$n`, NULL beyond the file's width.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import Expr, exp

from local_stack.endpoint.features.stages.columns import document
from local_stack.endpoint.features.stages.formats import FileFormat, file_format, reader_sql
from local_stack.endpoint.features.stages.location import StagedFile, StageLocation, locate
from local_stack.endpoint.language.quoting import identifier, literal
from local_stack.endpoint.statements import SqlError

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session
    from local_stack.endpoint.translation.context import Context

_VIEWS_PER_SESSION = 64


def staged_files(expression: Expr, context: Context) -> Expr:
    """The rewrite: every staged source of a statement."""
    for table in list(expression.find_all(exp.Table)):
        if reference := staged_reference(table):
            session = context.session
            location = locate(session, reference)
            form = file_format(session, _format_options(table.args.get("format")), location.file_format)
            pattern = table.args.get("pattern")
            files = location.files(pattern.name if isinstance(pattern, exp.Literal) else None)
            scope = table.find_ancestor(exp.Select) or expression
            _replace(table, scope, create_view(session, location, files, form, width_of(scope)))
    return expression


def staged_reference(table: exp.Table) -> str | None:
    """The reference of a staged source; None for an ordinary table."""
    if isinstance(table.this, exp.Var) and table.this.name.startswith("@"):
        return table.this.name
    if isinstance(table.this, exp.Literal) and table.this.is_string and table.this.name.startswith("@"):
        return table.this.name
    return None


def reference_of_query(query: str) -> str:
    """The one staged source of a COPY transformation. Raises SqlError where there is none."""
    for table in sqlglot.parse_one(query, read="snowflake").find_all(exp.Table):
        if reference := staged_reference(table):
            return reference
    raise SqlError("SQL compilation error:\nA COPY transformation selects from a stage.", 1011, "42601")


def query_over_file(session: Session, query: str, file: StagedFile, location: StageLocation, form: FileFormat) -> str:
    """A COPY transformation's DuckDB query over one file."""
    expression = sqlglot.parse_one(query, read="snowflake")
    for table in list(expression.find_all(exp.Table)):
        if staged_reference(table):
            _replace(table, expression, create_view(session, location, [file], form, width_of(expression)))
    return session.to_duckdb(expression)


def width_of(scope: Expr) -> int:
    """The greatest n of the scope's `$n`."""
    numbers = [int(p.name) for p in scope.find_all(exp.Parameter) if p.name.isdigit()]
    return max(numbers, default=1)


def create_view(
    session: Session, location: StageLocation, files: Sequence[StagedFile], form: FileFormat, width: int
) -> str:
    """Create the view; its name."""
    count = session.attributes["staged_views"] = session.attributes.get("staged_views", 0) + 1
    name = f"_staged_{count % _VIEWS_PER_SESSION}"
    session.duck.execute(
        f"CREATE OR REPLACE TEMPORARY VIEW {identifier(name)} AS {_view_sql(session, location, files, form, width)}"
    )
    return name


def _view_sql(
    session: Session, location: StageLocation, files: Sequence[StagedFile], form: FileFormat, width: int
) -> str:
    if not files:
        columns = [
            f'CAST(NULL AS {"VARCHAR" if form.type == "CSV" else "JSON"}) AS "${n}"' for n in range(1, width + 1)
        ]
        meta = (
            "NULL::VARCHAR AS METADATA$FILENAME, NULL::BIGINT AS METADATA$FILE_ROW_NUMBER,"
            " NULL::TIMESTAMP AS METADATA$FILE_LAST_MODIFIED, NULL::TIMESTAMPTZ AS METADATA$START_SCAN_TIME"
        )
        return f"SELECT {', '.join(columns)}, {meta} WHERE FALSE"
    now = dt.datetime.now(dt.UTC).isoformat()
    parts = []
    for file in files:
        source = reader_sql(file.path, form)
        modified = dt.datetime.fromtimestamp(file.path.stat().st_mtime, dt.UTC).replace(tzinfo=None, microsecond=0)
        parts.append(
            f"SELECT {', '.join(_values(session, source, form, width))}, {literal(file.key)} AS METADATA$FILENAME,"
            " row_number() OVER () AS METADATA$FILE_ROW_NUMBER,"
            f" TIMESTAMP {literal(modified.isoformat())} AS METADATA$FILE_LAST_MODIFIED,"
            f" TIMESTAMPTZ {literal(now)} AS METADATA$START_SCAN_TIME FROM {source} AS t"
        )
    return " UNION ALL ".join(parts)


def _values(session: Session, source: str, form: FileFormat, width: int) -> list[str]:
    if form.type != "CSV":
        rest = [f'CAST(NULL AS JSON) AS "${n}"' for n in range(2, width + 1)]
        return [f'{document(session.duck, source, form)} AS "$1"', *rest]
    fields = [row[0] for row in session.duck.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    return [
        f'{identifier(fields[n - 1])} AS "${n}"' if n <= len(fields) else f'CAST(NULL AS VARCHAR) AS "${n}"'
        for n in range(1, width + 1)
    ]


def _replace(table: exp.Table, scope: Expr, view: str) -> None:
    alias = table.args.get("alias")
    replacement = exp.Table(
        this=exp.to_identifier(view, quoted=True),
        db=exp.to_identifier("main", quoted=True),
        catalog=exp.to_identifier("temp", quoted=True),
        alias=alias.copy() if alias else None,
        joins=table.args.get("joins"),
        laterals=table.args.get("laterals"),
    )
    table.replace(replacement)
    dollar_columns(scope)


def dollar_columns(scope: Expr) -> None:
    """`$n` (and `t.$n`) as columns named "$n"."""
    for parameter in list(scope.find_all(exp.Parameter)):
        if parameter.name.isdigit():
            name = exp.to_identifier(f"${parameter.name}", quoted=True)
            if isinstance(parameter.parent, exp.Column):
                parameter.parent.set("this", name)
            else:
                parameter.replace(exp.Column(this=name))


def _format_options(form: Any) -> dict[str, Any]:
    match form:
        case None:
            return {}
        case exp.Literal():
            return {"FORMAT_NAME": form.name}
        case exp.Table():
            return {"FORMAT_NAME": form.sql(dialect="snowflake")}
        case _:
            return {"FORMAT_NAME": form.sql(dialect="snowflake")}
