"""Limit SHOW and INFORMATION_SCHEMA to the objects on which the session's roles have a privilege.

See: https://docs.snowflake.com/en/sql-reference/info-schema (general usage notes)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
from sqlglot import Expr, exp

from local_stack.endpoint.engine.access import RELATION, Access
from local_stack.endpoint.engine.table_notes import NOTE
from local_stack.endpoint.language.names import stored
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.subject import Subject
from local_stack.endpoint.outcome import Outcome
from local_stack.endpoint.statements import Statement
from local_stack.endpoint.translation.context import Context

# For each plural after SHOW, the kind and the columns that make up the full name.
_IN_SCHEMA = ("database_name", "schema_name", "name")
_SHOWN: dict[str, tuple[str, tuple[str, ...]]] = {
    "DATABASES": ("DATABASE", ("name",)), "SCHEMAS": ("SCHEMA", ("database_name", "name")),
    "TABLES": (RELATION, _IN_SCHEMA), "VIEWS": (RELATION, _IN_SCHEMA), "OBJECTS": (RELATION, _IN_SCHEMA),
    "COLUMNS": (RELATION, ("database_name", "schema_name", "table_name")),
    "SEQUENCES": ("SEQUENCE", _IN_SCHEMA), "STAGES": ("STAGE", _IN_SCHEMA), "FILE FORMATS": ("FILE FORMAT", _IN_SCHEMA),
    "TASKS": ("TASK", _IN_SCHEMA), "ALERTS": ("ALERT", _IN_SCHEMA), "SECRETS": ("SECRET", _IN_SCHEMA),
    "PROCEDURES": ("PROCEDURE", ("catalog_name", "schema_name", "name")),
    "FUNCTIONS": ("FUNCTION", ("catalog_name", "schema_name", "name")),
    "USER FUNCTIONS": ("FUNCTION", ("catalog_name", "schema_name", "name")),
    "USER PROCEDURES": ("PROCEDURE", ("catalog_name", "schema_name", "name")),
    "MASKING POLICIES": ("MASKING POLICY", _IN_SCHEMA), "ROW ACCESS POLICIES": ("ROW ACCESS POLICY", _IN_SCHEMA),
    "WAREHOUSES": ("WAREHOUSE", ("name",)), "INTEGRATIONS": ("INTEGRATION", ("name",)),
}  # fmt: skip
_FREE = frozenset({"SNOWFLAKE", "INFORMATION_SCHEMA"})


def without_limit(statement: Statement, about: Subject) -> tuple[Statement, int | None]:
    """Take `LIMIT n` off the end of a SHOW, so that it can be applied to what the session sees."""
    if about.verb != "SHOW" or statement.describe_only or "LIMIT" not in statement.text.upper():
        return statement, None
    reader = Reader(statement.text)
    while not reader.at_end():
        start = reader.token.start
        if reader.accept("LIMIT") and reader.token.kind == "number" and reader.peek().kind == "end":
            return statement.with_text(statement.text[:start].rstrip()), reader.integer()
        if not reader.at_end():
            reader.next()
    return statement, None


def visible(outcome: Outcome, about: Subject, access: Access, limit: int | None) -> Outcome:
    """Return the result of SHOW without the rows of objects that the roles do not see."""
    table = outcome.table
    found = next((_SHOWN[words] for words in about.prefixes if words in _SHOWN), None)
    if about.verb == "SHOW" and found is not None:
        kind, columns = found
        names = {name.lower(): index for index, name in enumerate(table.column_names)}
        if all(column in names for column in columns):
            sees = _seer(kind, access)
            parts = [table.column(names[column]).to_pylist() for column in columns]
            shown = [
                sees(tuple(str(part) for part in row), index, table)
                for index, row in enumerate(zip(*parts, strict=True))
            ]
            if not all(shown):
                table = table.filter(pa.array(shown))
        if "is_secure" in names and "text" in names:
            table = _without_secure_texts(table, access)
    if limit is not None:
        table = table.slice(0, limit)
    return outcome if table is outcome.table else replace(outcome, table=table)


def _without_secure_texts(table: pa.Table, access: Access) -> pa.Table:
    """Return a list of views without the texts of secure ones that the roles do not own.

    See: https://docs.snowflake.com/en/user-guide/views-secure
    """
    texts = [
        ""
        if row["is_secure"] == "true" and not access.owns("VIEW", ".".join(map(row.get, _IN_SCHEMA)))
        else row["text"]
        for row in table.select([*_IN_SCHEMA, "is_secure", "text"]).to_pylist()
    ]
    index = table.column_names.index("text")
    return table.set_column(index, table.field(index), pa.array(texts, table.field(index).type))


def _seer(kind: str, access: Access) -> Callable[[tuple[str, ...], int, pa.Table], bool]:
    def sees(place: tuple[str, ...], index: int, table: pa.Table) -> bool:
        if _FREE & set(place[:2]):
            return True
        if len(place) > 1 and not access.sees("DATABASE", place[0]):
            return False
        if len(place) > 2 and not access.sees("SCHEMA", ".".join(place[:2])):
            return False
        if kind in ("PROCEDURE", "FUNCTION"):
            signature = str(table.column("arguments")[index].as_py()).partition(" RETURN ")[0]
            return access.sees(kind, ".".join((*place[:2], signature.replace("DEFAULT ", ""))))
        return access.sees(kind, ".".join(place))

    return sees


# For each view of INFORMATION_SCHEMA whose rows are objects, the columns of the schema and the object.
_VIEWS = {
    "TABLES": ("TABLE_SCHEMA", "TABLE_NAME"), "VIEWS": ("TABLE_SCHEMA", "TABLE_NAME"),
    "COLUMNS": ("TABLE_SCHEMA", "TABLE_NAME"), "SCHEMATA": ("SCHEMA_NAME", None), "DATABASES": ("DATABASE_NAME", None),
    "LOAD_HISTORY": ("SCHEMA_NAME", "TABLE_NAME"),
}  # fmt: skip


def visible_objects(expression: Expr, context: Context) -> Expr:
    """Limit `information_schema.tables` and its like to the rows that the session sees.

    The query stays as it is where the session sees all rows.
    """
    session = context.session
    if not session.grants.enforced:
        return expression
    for table in list(expression.find_all(exp.Table)):
        columns = _VIEWS.get(stored(table.this)) if isinstance(table.this, exp.Identifier) else None
        if columns is None or stored(table.args.get("db")) != "INFORMATION_SCHEMA":
            continue
        if columns[0] == "DATABASE_NAME":
            access = session.access
            hidden: list[tuple[str, ...]] = [
                (name,) for name in session.engine.databases() if not access.sees("DATABASE", name)
            ]
        else:
            hidden = _hidden(stored(table.args.get("catalog")) or session.database or "", columns[1] is None, context)
        of_views = stored(table.this) == "VIEWS"
        concealed = (
            _secure_views(stored(table.args.get("catalog")) or session.database or "", context) if of_views else []
        )
        if hidden or concealed:
            _restrict(table, columns, hidden, concealed)
    return expression


def _secure_views(database: str, context: Context) -> list[tuple[str, ...]]:
    """Return the secure views of a database whose text only other roles read."""
    notes, access = context.session.catalog.objects(NOTE, database), context.session.access
    secure = [note for note in notes if note.definition.get("secure")]
    return [(note.schema, note.name) for note in secure if not access.owns("VIEW", note.full_name)]


def _restrict(
    table: exp.Table, columns: tuple[str, str | None], hidden: list[tuple[str, ...]], concealed: list[tuple[str, ...]]
) -> None:
    """Read a view of INFORMATION_SCHEMA without the rows of hidden objects, and without the texts of concealed views."""
    alias = table.args.get("alias") or exp.TableAlias(this=table.this.copy())
    bare = table.copy()
    bare.set("alias", None)
    name: Expr = exp.column(columns[0])
    if columns[1] is not None:
        name = exp.DPipe(
            this=exp.DPipe(this=name, expression=exp.Literal.string(".")), expression=exp.column(columns[1])
        )

    def among(objects: list[tuple[str, ...]]) -> Expr:
        return exp.In(this=name.copy(), expressions=[exp.Literal.string(".".join(parts)) for parts in objects])

    query = exp.select("*").from_(bare)
    if concealed:
        text = exp.column("VIEW_DEFINITION")
        shown = exp.If(this=among(concealed), true=exp.Null(), false=text).as_("VIEW_DEFINITION")
        query = exp.select(exp.Star(replace=[shown])).from_(bare)
    if hidden:
        query = query.where(exp.Not(this=among(hidden)))
    table.replace(exp.Subquery(this=query, alias=alias))


def _hidden(database: str, schemas_only: bool, context: Context) -> list[tuple[str, ...]]:
    """Return the schemas of a database, or its tables and views, that the session does not see."""
    session = context.session
    source = (
        "SELECT schema_name FROM duckdb_schemas() WHERE database_name = $1"
        if schemas_only
        else "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = $1"
        " UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = $1 AND NOT internal"
    )
    rows = session.engine.duck_conn.cursor().execute(source, [database]).fetchall()
    access = session.access
    schemas = {row[0]: access.sees("SCHEMA", f"{database}.{row[0]}") for row in rows}
    if schemas_only:
        return [(name,) for name, seen in schemas.items() if not seen]
    return [
        (schema, name)
        for schema, name in rows
        if not (schemas[schema] and access.sees(RELATION, f"{database}.{schema}.{name}"))
    ]
