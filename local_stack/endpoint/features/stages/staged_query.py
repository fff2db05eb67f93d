"""Run queries over staged files.

An example is `SELECT $1, METADATA$FILENAME FROM @stage/path (FILE_FORMAT => f, PATTERN => p) t`.
A staged source becomes a temporary DuckDB view with columns "$1", "$2", … and METADATA$…, and `$n` becomes a column of
it. A JSON or Parquet row is one value, `$1`. CSV fields are text, `$1` to `$n`, and NULL beyond the file's width.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import Expr, exp

from local_stack.endpoint.features.stages.columns import document, metadata_expression
from local_stack.endpoint.features.stages.csv_dialect import csv_dialect
from local_stack.endpoint.features.stages.csv_records import Layout
from local_stack.endpoint.features.stages.csv_source import (
    ROW,
    CsvFile,
    CsvSource,
    plain_relation,
    register,
)
from local_stack.endpoint.features.stages.formats import FileFormat, file_format, reader_sql
from local_stack.endpoint.features.stages.location import StagedFile, locate
from local_stack.endpoint.language.quoting import identifier
from local_stack.endpoint.statements import SqlError

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session
    from local_stack.endpoint.translation.context import Context

_VIEWS_PER_SESSION = 64
_CONTENT_KEY = "METADATA$FILE_CONTENT_KEY"
_METADATA = (
    "METADATA$FILENAME", "METADATA$FILE_LAST_MODIFIED", "METADATA$START_SCAN_TIME",
)  # fmt: skip


def staged_files(expression: Expr, context: Context) -> Expr:
    """Replace every staged source of a statement by a view."""
    for table in list(expression.find_all(exp.Table)):
        if reference := staged_reference(table):
            session = context.session
            location = locate(session, reference)
            form = file_format(session, _format_options(table.args.get("format")), location.file_format)
            pattern = table.args.get("pattern")
            files = location.files(pattern.name if isinstance(pattern, exp.Literal) else None)
            scope = table.find_ancestor(exp.Select) or expression
            _replace(table, scope, create_view(session, scope, files, form))
    return expression


def staged_reference(table: exp.Table) -> str | None:
    """Return the reference of a staged source. Return None for an ordinary table."""
    if isinstance(table.this, exp.Var) and table.this.name.startswith("@"):
        return table.this.name
    if isinstance(table.this, exp.Literal) and table.this.is_string and table.this.name.startswith("@"):
        return table.this.name
    return None


def reference_of_query(query: str) -> str:
    """Return the only staged source of a COPY transformation. Raises SqlError where there is none."""
    for table in sqlglot.parse_one(query, read="snowflake").find_all(exp.Table):
        if reference := staged_reference(table):
            return reference
    raise SqlError("SQL compilation error:\nA COPY transformation selects from a stage.", 1011, "42601")


def query_over_file(session: Session, query: str, file: StagedFile, form: FileFormat) -> str:
    """Return a COPY transformation's DuckDB query over one file."""
    expression = sqlglot.parse_one(query, read="snowflake")
    for table in list(expression.find_all(exp.Table)):
        if staged_reference(table):
            _replace(table, expression, create_view(session, expression, [file], form))
    return session.to_duckdb(expression)


def width_of(scope: Expr) -> int:
    """Return the greatest n of the scope's `$n`."""
    numbers = [int(p.name) for p in scope.find_all(exp.Parameter) if p.name.isdigit()]
    # Some have already become columns for another source of the same query.
    numbers += [int(c.name[1:]) for c in scope.find_all(exp.Column) if c.name[:1] == "$" and c.name[1:].isdigit()]
    return max(numbers, default=1)


def create_view(session: Session, scope: Expr, files: Sequence[StagedFile], form: FileFormat) -> str:
    """Create the view that a query reads, and return its name."""
    count = session.attributes["staged_views"] = session.attributes.get("staged_views", 0) + 1
    name = f"_staged_{count % _VIEWS_PER_SESSION}"
    select = _view_sql(session, name, files, form, width_of(scope), _metadata(scope))
    session.duck.execute(f"CREATE OR REPLACE TEMPORARY VIEW {identifier(name)} AS {select}")
    return name


def _metadata(scope: Expr) -> Sequence[str]:
    """Return the METADATA$ columns of the view.

    The content key needs the whole file to be read, so it is included only where the query asks for it.
    """
    asked = any(column.name.upper() == _CONTENT_KEY for column in scope.find_all(exp.Column))
    return (*_METADATA, _CONTENT_KEY) if asked else _METADATA


def _view_sql(
    session: Session, name: str, files: Sequence[StagedFile], form: FileFormat, width: int, metadata: Sequence[str]
) -> str:
    """Return the query of the view with this name."""
    if not files:
        columns = [
            f'CAST(NULL AS {"VARCHAR" if form.type == "CSV" else "JSON"}) AS "${n}"' for n in range(1, width + 1)
        ]
        meta = (
            "NULL::VARCHAR AS METADATA$FILENAME, NULL::BIGINT AS METADATA$FILE_ROW_NUMBER,"
            " NULL::VARCHAR AS METADATA$FILE_CONTENT_KEY, NULL::TIMESTAMP AS METADATA$FILE_LAST_MODIFIED,"
            " NULL::TIMESTAMPTZ AS METADATA$START_SCAN_TIME"
        )
        return f"SELECT {', '.join(columns)}, {meta} WHERE FALSE"
    now = dt.datetime.now(dt.UTC)
    parts = []
    for place, file in enumerate(files):
        source, values, number = _source(session, f"{name}_{place}", file, form, width)
        columns = [f'{value} AS "${n}"' for n, value in enumerate(values, start=1)]
        columns += [f"{number} AS METADATA$FILE_ROW_NUMBER"]
        columns += [f"{metadata_expression(column, [file], now)} AS {column}" for column in metadata]
        parts.append(f"SELECT {', '.join(columns)} FROM {source} AS t")
    return " UNION ALL ".join(parts)


def _source(session: Session, name: str, file: StagedFile, form: FileFormat, width: int) -> tuple[str, list[str], str]:
    """Return the relation of one file, the expressions of $1 to $width, and that of the row's number.

    `name` is the name of the relation where our own reader is used.
    """
    if form.type != "CSV":
        source = reader_sql(file.path, form)
        nothing = ["CAST(NULL AS JSON)"] * (width - 1)
        return source, [document(session.duck, source, form), *nothing], "row_number() OVER ()"
    csv = CsvFile(file.path, file.display, csv_dialect(form), Layout(width))
    values = [f"c{n}" for n in range(1, width + 1)]
    if plain := plain_relation(csv):
        return plain, values, "row_number() OVER ()"
    return register(session.duck, CsvSource(csv, strict=True), name), values, ROW


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
    """Replace `$n` and `t.$n` by columns named "$n"."""
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
