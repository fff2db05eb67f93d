"""CREATE OR REPLACE and DROP of what the engine keeps (tables, views, schemas, …): their grants and policies go with them."""

from __future__ import annotations

from collections.abc import Callable

from local_stack.endpoint.features.objects import grants
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError, Statement

_KINDS = ("TABLE", "VIEW", "STAGE", "SEQUENCE", "SCHEMA", "DATABASE", "TASK", "STREAM", "PIPE")
_CONTAINERS = ("SCHEMA", "DATABASE")


def forgetting(statement: Statement, session: Session) -> Callable[[], None] | None:
    """Return what forgets the grants and policies of what a statement destroys, to be called once it has succeeded.

    None where it destroys nothing that has any.
    """
    target = _target(Reader(statement.text), session)
    if target is None:
        return None
    kind, name = target

    def is_gone(grant: grants.Grant) -> bool:
        inside = kind in _CONTAINERS and f"{grant.name}.".startswith(f"{name}.")
        return inside or (grant.on == kind and grant.name == name and not grant.future)

    references = [
        r
        for r in session.catalog.objects("POLICY REFERENCE")
        if f"{r.database}.{r.schema}.{r.definition['table']}" == name
    ]
    if not references and not any(is_gone(grant) for grant, _ in grants.all_grants(session)):
        return None

    def forget() -> None:
        grants.forget(is_gone, session)
        for reference in references:
            session.catalog.drop("POLICY REFERENCE", reference.database, reference.schema, reference.name)

    return forget


def _target(reader: Reader, session: Session) -> tuple[str, str] | None:
    """The kind and full name of what the statement replaces or drops."""
    verb = reader.accept_any("CREATE", "DROP")
    if verb is None or (verb == "CREATE" and not reader.accept("OR", "REPLACE")):
        return None
    while reader.accept_any("SECURE", "TRANSIENT", "RECURSIVE"):
        continue
    kind = reader.accept_any(*_KINDS)
    if kind is None:
        return None
    reader.accept("IF", "EXISTS")
    try:
        parts = reader.name()
        if kind == "DATABASE":
            name = parts[0]
        elif kind == "SCHEMA":
            name = grants.schema_scope(parts, session)
        else:
            place = session.resolve(parts)
            name = f"{place.database}.{place.schema}.{place.name}"
    except SqlError:
        return None  # the engine says what is wrong with it
    if verb == "CREATE" and _copies_grants(reader):
        return None
    return kind, name


def _copies_grants(reader: Reader) -> bool:
    while not reader.at_end():
        if reader.accept("COPY", "GRANTS"):
            return True
        reader.next()
    return False
