"""Answer SHOW GRANTS and SHOW FUTURE GRANTS.

See: https://docs.snowflake.com/en/sql-reference/sql/show-grants
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.engine.grants import Grant
from local_stack.endpoint.errors import missing_object
from local_stack.endpoint.features.objects import grants, securables
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Column, Result

_CREATED = Column("created_on", "TIMESTAMP_LTZ")
_GRANT_COLUMNS = (
    _CREATED, Column("privilege"), Column("granted_on"), Column("name"), Column("granted_to"), Column("grantee_name"),
    Column("grant_option"), Column("granted_by"),
)  # fmt: skip


def _grant_row(grant: Grant, stored: StoredObject) -> list[Any]:
    return [
        stored.created_on, grant.privilege, grant.on.replace(" ", "_"), grant.name, grant.to.replace(" ", "_"), grant.grantee,
        "true" if grant.grant_option else "false", grant.granted_by,
    ]  # fmt: skip


def _grants_where(condition: Callable[[Grant], bool], session: Session) -> Result:
    found = [(g, s) for g, s in session.grants.all() if not g.future and condition(g)]
    found.sort(key=lambda pair: (pair[0].on, pair[0].name, pair[0].privilege, pair[0].grantee))
    return Result(_GRANT_COLUMNS, [_grant_row(g, s) for g, s in found])


def present(reader: Reader, session: Session) -> Callable[[], Result]:
    """Answer SHOW GRANTS [ON object | TO {ROLE|USER|DATABASE ROLE} r | OF {ROLE|DATABASE ROLE} r]."""
    if reader.at_end():
        return lambda: _grants_where(lambda g: (g.to, g.grantee) == ("USER", session.user), session)
    if reader.accept("ON"):
        kind, targets, _ = securables.read_targets(reader, session)
        reader.expect_end()

        def on() -> Result:
            (target,) = targets()
            return _grants_where(lambda g: (g.on, g.name) == (kind, target.name), session)

        return on
    direction = reader.accept_any("TO", "OF")
    if direction is None:
        raise reader.unexpected()
    to, name = grants.read_grantee(reader, session)
    reader.expect_end()
    if direction == "TO":
        return lambda: _grants_where(lambda g: (g.to, g.grantee) == (to, name), session)

    def of() -> Result:
        columns = (_CREATED, Column("role"), Column("granted_to"), Column("grantee_name"), Column("granted_by"))
        found = [(g, s) for g, s in session.grants.all() if (g.on, g.name) == (to, name) and g.privilege == "USAGE"]
        return Result(
            columns, [[s.created_on, name, g.to.replace(" ", "_"), g.grantee, g.granted_by] for g, s in found]
        )

    return of


def future(reader: Reader, session: Session) -> Callable[[], Result]:
    """Answer SHOW FUTURE GRANTS {IN SCHEMA s | IN DATABASE d | TO ROLE r}."""
    columns = (
        _CREATED,
        Column("privilege"),
        Column("grant_on"),
        Column("name"),
        Column("grant_to"),
        Column("grantee_name"),
        Column("grant_option"),
    )
    if reader.accept("IN"):
        scope = reader.accept_any("SCHEMA", "DATABASE")
        if scope is None:
            raise reader.unexpected()
        parts = reader.name()
        name = grants.schema_scope(parts, session) if scope == "SCHEMA" else parts[0]
        if scope == "DATABASE" and name not in session.engine.databases():
            raise missing_object("Database", name)
        wanted: Callable[[Grant], bool] = lambda g: (g.future, g.name) == (scope, name)  # noqa: E731
    else:
        reader.expect("TO")
        to, grantee = grants.read_grantee(reader, session)
        wanted = lambda g: bool(g.future) and (g.to, g.grantee) == (to, grantee)  # noqa: E731
    reader.expect_end()

    def run() -> Result:
        found = [(g, s) for g, s in session.grants.all() if g.future and wanted(g)]
        rows = [
            [
                s.created_on,
                g.privilege,
                g.on.replace(" ", "_"),
                f"{g.name}.<{g.on}>",
                g.to,
                g.grantee,
                "true" if g.grant_option else "false",
            ]
            for g, s in found
        ]
        return Result(columns, rows)

    return run
