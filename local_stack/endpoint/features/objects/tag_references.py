"""Answer TAG_REFERENCES and TAG_REFERENCES_ALL_COLUMNS: the tags of an object, set on it or on what it is in.

See: https://docs.snowflake.com/en/sql-reference/functions/tag_references and …/tag_references_all_columns
"""

from __future__ import annotations

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.information_functions import Arguments, Functions
from local_stack.endpoint.features.objects.tags import Tags, key_of, lineage
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Column, Result

_COLUMNS = tuple(
    Column(name)
    for name in (
        "TAG_DATABASE", "TAG_SCHEMA", "TAG_NAME", "TAG_VALUE", "APPLY_METHOD", "LEVEL", "OBJECT_DATABASE", "OBJECT_SCHEMA",
        "OBJECT_NAME", "DOMAIN", "COLUMN_NAME",
    )
)  # fmt: skip
_IN_A_SCHEMA = ("TABLE", "COLUMN")
Row = list[str | None]


def _references(arguments: Arguments, session: Session) -> Result:
    parts, domain = _given(arguments)
    return Result(_COLUMNS, _rows(parts, domain, session))


def _of_all_columns(arguments: Arguments, session: Session) -> Result:
    parts, domain = _given(arguments)
    if domain != "TABLE":
        raise _invalid(domain, "TAG_REFERENCES_ALL_COLUMNS")
    table = session.physical_table(session.resolve(parts))
    with session.lock:
        columns = session.duck.execute(
            "SELECT column_name FROM duckdb_columns() WHERE (database_name, schema_name, table_name) = (?, ?, ?)"
            " ORDER BY column_index",
            [table.database, table.schema, table.name],
        ).fetchall()
    return Result(_COLUMNS, [row for (column,) in columns for row in _rows((*parts, str(column)), "COLUMN", session)])


def _given(arguments: Arguments) -> tuple[tuple[str, ...], str]:
    for name in ("OBJECT_NAME", "OBJECT_DOMAIN"):
        if name not in arguments:
            raise compilation_error("not enough arguments for function [TAG_REFERENCES], expected 2", 938, "22023")
    domain = Reader(arguments["OBJECT_DOMAIN"]).string().upper()
    if domain == "VIEW":
        raise _invalid(domain, "TAG_REFERENCES")
    return Reader(Reader(arguments["OBJECT_NAME"]).string()).name(), domain


def _invalid(domain: str, function: str) -> Exception:
    return compilation_error(f"invalid value [{domain}] for function '{function}', parameter 2", 1030, "22023")


def _rows(parts: tuple[str, ...], domain: str, session: Session) -> list[Row]:
    """Return a row for each tag; of one that is set on several levels, the inner value counts."""
    place: Row = [None, None, parts[-1], domain, None]
    if domain in _IN_A_SCHEMA:
        name = session.resolve(parts[:-1] if domain == "COLUMN" else parts)
        place = [name.database, name.schema, name.name, domain, parts[-1] if domain == "COLUMN" else None]
    elif domain == "SCHEMA":
        place[0] = session.resolve((*parts, "-")).database
    found: dict[str, Row] = {}
    for number, (level, tags) in enumerate(lineage(domain, parts, session)):
        for row in _of_level(tags, level, "INHERITED" if number else "MANUAL", session):
            found.setdefault(".".join(map(str, row[:3])), [*row, *place])
    return list(found.values())


def _of_level(tags: Tags, level: str, method: str, session: Session) -> list[Row]:
    known = {key_of(tag): tag for tag in session.catalog.objects("TAG")}
    return [
        [known[key].database, known[key].schema, known[key].name, value, method, level]
        for key, value in tags.items()
        if key in known
    ]


FUNCTIONS: Functions = {"TAG_REFERENCES": _references, "TAG_REFERENCES_ALL_COLUMNS": _of_all_columns}
