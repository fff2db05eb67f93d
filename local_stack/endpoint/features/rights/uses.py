"""Tell what CALL, COPY, PUT, GET, LIST, REMOVE, USE and EXECUTE need, and queries of staged files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from local_stack.endpoint.engine.access import RELATION
from local_stack.endpoint.errors import unknown_function
from local_stack.endpoint.features.rights.judge import Need
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError

# Bodies, comments, and strings that are not references.
_ELSEWHERE = re.compile(r"'(?!@)(?:[^'\\]|\\.|'')*'|\$\$.*?\$\$|--[^\n]*|/\*.*?\*/", re.DOTALL)
_PART = r'(?:"(?:[^"]|"")+"|[\w$]+)'
_STAGE = re.compile(rf"@(?P<table>(?:{_PART}\.){{0,2}}%)?(?P<name>{_PART}(?:\.{_PART}){{0,2}})")
_FORMAT = re.compile(
    rf"\b(?:FORMAT_NAME\s*=|FILE_FORMAT\s*=>)\s*'?(?P<name>{_PART}(?:\.{_PART}){{0,2}})", re.IGNORECASE
)


def of_call(reader: Reader, session: Session) -> None:
    """Raise SqlError 002140 where the session may not use any procedure of the name, as if none existed."""
    reader.expect("CALL")
    parts = reader.name()
    if parts[-1].startswith("SYSTEM$"):
        return
    place = session.resolve(parts)
    overloads = session.grants.targets("PROCEDURE", f"{place.database}.{place.schema}.{place.name}(")
    if overloads and not any(session.access.holds("PROCEDURE", name, "USAGE") for name in overloads):
        raise unknown_function(".".join(parts))
    schema = f"{place.database}.{place.schema}"
    if overloads and not (session.access.sees("DATABASE", place.database) and session.access.sees("SCHEMA", schema)):
        raise unknown_function(".".join(parts))


def of_use(reader: Reader, session: Session) -> Iterator[Need]:
    """Yield what USE {DATABASE | SCHEMA | WAREHOUSE} name needs."""
    reader.expect("USE")
    kind = reader.accept_any("DATABASE", "SCHEMA", "WAREHOUSE")
    if kind is None and reader.token.upper in ("ROLE", "SECONDARY", "CATALOG"):
        return
    parts = reader.name()
    if kind is None:
        kind = "SCHEMA" if len(parts) == 2 else "DATABASE"
    if kind == "SCHEMA":
        place = session.resolve((*parts, "-"))
        yield Need(kind, (place.database, place.schema))
    else:
        yield Need(kind, parts[-1:], ("USAGE",) if kind == "WAREHOUSE" else ())


def of_execute(reader: Reader, session: Session) -> Iterator[Need]:
    """Yield what EXECUTE {TASK | ALERT | DBT PROJECT} name needs."""
    reader.expect("EXECUTE")
    if reader.accept("DBT", "PROJECT"):
        reader.accept("IF", "EXISTS")
        place = session.resolve(reader.name())
        yield Need("DBT PROJECT", (place.database, place.schema, place.name), ("USAGE",))
        return
    kind = reader.accept_any("TASK", "ALERT")
    if kind is None:
        return
    place = session.resolve(reader.name())
    yield Need(kind, (place.database, place.schema, place.name), ("OPERATE",))


def of_copy(reader: Reader, session: Session) -> Iterator[Need]:
    """Yield what the table of COPY INTO t FROM @s or COPY INTO @s FROM t needs. `of_stages` handles the stages."""
    reader.expect("COPY")
    if reader.accept("FILES"):
        return  # from stage to stage
    reader.expect("INTO")
    loads = reader.token.kind in ("word", "quoted")
    if not loads:
        while not reader.at_end() and not reader.accept("FROM"):
            reader.next()
        if reader.token.text == "(" or reader.at_end():
            return
    place = session.resolve(reader.name())
    parts = (place.database, place.schema, place.name)
    if parts not in session.temporary_tables:
        yield Need(RELATION, parts, ("INSERT",) if loads else ("SELECT",))


def of_stages(sql: str, session: Session, *, writes: bool = False) -> Iterator[Need]:
    """Yield what the stages and file formats in a statement need.

    With `writes`, the statement writes to the first stage.
    """
    named = _ELSEWHERE.sub(" ", sql)
    for number, match in enumerate(_STAGE.finditer(named)):
        parts = _parts(match["name"])
        if parts is None or (match["table"] is None and named[match.start() + 1] == "~"):
            continue
        place = session.resolve(parts)
        name = (place.database, place.schema, place.name)
        if match["table"] is not None:
            yield Need(RELATION, name, ("OWNERSHIP",))
            continue
        stored = session.catalog.get("STAGE", *name)
        external = stored is not None and bool(stored.definition.get("url"))
        yield Need("STAGE", name, ("USAGE",) if external else ("WRITE",) if writes and number == 0 else ("READ",))
    for match in _FORMAT.finditer(sql):
        parts = _parts(match["name"])
        if parts is not None:
            place = session.resolve(parts)
            name = (place.database, place.schema, place.name)
            if session.catalog.get("FILE FORMAT", *name) is not None:
                yield Need("FILE FORMAT", name, ("USAGE",))


def _parts(name: str) -> tuple[str, ...] | None:
    try:
        return Reader(name).name()
    except SqlError:
        return None
