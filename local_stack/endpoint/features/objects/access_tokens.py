"""Make, change and list programmatic access tokens of users.

Log-in takes a token in the place of a password; it does not ask for the role that the token is restricted to.
See: https://docs.snowflake.com/en/sql-reference/sql/alter-user-add-programmatic-access-token
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable
from typing import Any

from local_stack.endpoint.engine.authentication import ACCESS_TOKEN, digest
from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.errors import compilation_error, existing_object, missing_object
from local_stack.endpoint.features.objects import securables, store
from local_stack.endpoint.language.options import boolean, integer, property_names, read_properties, text
from local_stack.endpoint.language.quoting import quote_name
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Column, Result

_KIND = ACCESS_TOKEN
_DEFAULT_DAYS, _MOST_DAYS = 15, 365
_HOURS_AFTER_ROTATION = 24
_MODIFIABLE = {"DISABLED": boolean, "MINS_TO_BYPASS_NETWORK_POLICY_REQUIREMENT": integer, "COMMENT": text}
_GIVEN = {"ROLE_RESTRICTION": text, "DAYS_TO_EXPIRY": integer,
          "MINS_TO_BYPASS_NETWORK_POLICY_REQUIREMENT": integer, "COMMENT": text}  # fmt: skip
_ROTATION = {"EXPIRE_ROTATED_TOKEN_AFTER_HOURS": integer}
Action = Callable[[], Result]


def alter_user(reader: Reader, session: Session) -> Action | None:
    """Answer ALTER USER [IF EXISTS] [name] {ADD | MODIFY | ROTATE | REMOVE} PAT token …

    PROGRAMMATIC ACCESS TOKEN may stand for PAT.
    """
    if not reader.accept("USER"):
        return None
    if_exists = reader.accept("IF", "EXISTS")
    verb = _verb(reader)
    parts = (session.user,) if verb else reader.name()
    verb = verb or _verb(reader)
    if verb is None:
        return None
    action = {"ADD": _add, "MODIFY": _modify, "ROTATE": _rotate, "REMOVE": _remove}[verb](reader, session)
    reader.expect_end()

    def run() -> Result:
        if if_exists and not _user_exists(parts[0], session):
            return Result.succeeded()
        return action(securables.user(parts, session))

    return run


def _verb(reader: Reader) -> str | None:
    """Return the verb where the statement is about a token. The reader then stands before the token's name."""
    for verb in ("ADD", "MODIFY", "ROTATE", "REMOVE"):
        if reader.accept(verb, "PROGRAMMATIC", "ACCESS", "TOKEN") or reader.accept(verb, "PAT"):
            return verb
    return None


def _user_exists(name: str, session: Session) -> bool:
    return name == session.user or session.catalog.get("USER", "", "", name) is not None


def _add(reader: Reader, session: Session) -> Callable[[str], Result]:
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    name = reader.identifier()
    values = read_properties(reader, _GIVEN, _KIND)
    days = values.get("DAYS_TO_EXPIRY", _DEFAULT_DAYS)
    if not 1 <= days <= _MOST_DAYS:
        raise compilation_error(f"invalid value [{days}] for parameter 'DAYS_TO_EXPIRY'", 1008, "22023")

    def run(user: str) -> Result:
        if session.catalog.get(_KIND, "", user, name) is not None:
            if if_not_exists:
                return Result.existed(name)
            raise existing_object(name)
        stored = session.catalog.get("USER", "", "", user)
        if stored and store.properties(stored).get("TYPE") == "SERVICE" and "ROLE_RESTRICTION" not in values:
            raise compilation_error("ROLE_RESTRICTION is required for users with TYPE=SERVICE.", 2029, "42601")
        if "ROLE_RESTRICTION" in values:
            store.require_role(Reader(values["ROLE_RESTRICTION"]).identifier(), session)
        expires = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
        secret = secrets.token_urlsafe(48)
        session.catalog.put(_KIND, "", user, name, {
            "properties": values, "days": days, "expires_at": expires.isoformat(), "created_by": session.user, "rotated_to": None,
            "secret": digest(secret),
        })  # fmt: skip
        return Result((Column("token_name"), Column("token_secret")), [[name, secret]])

    return run


def _modify(reader: Reader, session: Session) -> Callable[[str], Result]:
    name = reader.identifier()
    if reader.accept("RENAME", "TO"):
        new = reader.identifier()

        def rename(user: str) -> Result:
            stored = _require(name, user, session)
            if session.catalog.get(_KIND, "", user, new) is not None:
                raise existing_object(new)
            session.catalog.put(_KIND, "", user, new, stored.definition)
            session.catalog.drop(_KIND, "", user, name)
            return Result.succeeded()

        return rename
    removed: list[str] = []
    values: dict[str, Any] = {}
    if reader.accept("UNSET"):
        removed = property_names(reader, _MODIFIABLE, _KIND)
    else:
        reader.expect("SET")
        values = read_properties(reader, _MODIFIABLE, _KIND)

    def modify(user: str) -> Result:
        stored = _require(name, user, session)
        properties = {**store.properties(stored), **values}
        kept = {key: value for key, value in properties.items() if key not in removed}
        session.catalog.update(stored, {**stored.definition, "properties": kept})
        return Result.succeeded()

    return modify


def _rotate(reader: Reader, session: Session) -> Callable[[str], Result]:
    """Return a new secret under the name. The old token keeps its secret until it expires."""
    name = reader.identifier()
    values = read_properties(reader, _ROTATION, _KIND)
    hours = values.get("EXPIRE_ROTATED_TOKEN_AFTER_HOURS", _HOURS_AFTER_ROTATION)

    def run(user: str) -> Result:
        stored = _require(name, user, session)
        now = dt.datetime.now(dt.UTC)
        old_name = f"{name}_ROTATED_{now:%Y%m%d%H%M%S%f}"
        old = {"rotated_to": name, "expires_at": (now + dt.timedelta(hours=hours)).isoformat()}
        secret = secrets.token_urlsafe(48)
        expires = now + dt.timedelta(days=stored.definition["days"])
        new = {"expires_at": expires.isoformat(), "secret": digest(secret)}
        session.catalog.put(_KIND, "", user, old_name, {**stored.definition, **old})
        session.catalog.put(_KIND, "", user, name, {**stored.definition, **new})
        columns = (Column("token_name"), Column("token_secret"), Column("rotated_token_name"))
        return Result(columns, [[name, secret, old_name]])

    return run


def _remove(reader: Reader, session: Session) -> Callable[[str], Result]:
    name = reader.identifier()

    def run(user: str) -> Result:
        _require(name, user, session)
        session.catalog.drop(_KIND, "", user, name)
        return Result.succeeded()

    return run


def _require(name: str, user: str, session: Session) -> StoredObject:
    stored = session.catalog.get(_KIND, "", user, name)
    if stored is None:
        raise missing_object("Programmatic access token", quote_name(name))
    return stored


def forget_user(user: str, session: Session) -> None:
    """Remove the tokens of a user who is dropped."""
    for stored in session.catalog.objects(_KIND, "", user):
        session.catalog.drop(_KIND, "", user, stored.name)


def show(reader: Reader, session: Session) -> Action | None:
    """Answer SHOW USER {PROGRAMMATIC ACCESS TOKENS | PATS} [FOR USER name]."""
    if not (reader.accept("USER", "PROGRAMMATIC", "ACCESS", "TOKENS") or reader.accept("USER", "PATS")):
        return None
    parts = reader.name() if reader.accept("FOR", "USER") else (session.user,)
    reader.expect_end()
    columns = (
        Column("name"), Column("user_name"), Column("role_restriction"), Column("expires_at", "TIMESTAMP_LTZ"), Column("status"),
        Column("comment"), Column("created_on", "TIMESTAMP_LTZ"), Column("created_by"),
        Column("mins_to_bypass_network_policy_requirement", "FIXED"), Column("rotated_to"),
    )  # fmt: skip

    def run() -> Result:
        return Result(
            columns, [_row(stored) for stored in session.catalog.objects(_KIND, "", securables.user(parts, session))]
        )

    return run


def _row(stored: StoredObject) -> list[Any]:
    values, definition = store.properties(stored), stored.definition
    expires = dt.datetime.fromisoformat(definition["expires_at"])
    status = "EXPIRED" if expires <= dt.datetime.now(dt.UTC) else "DISABLED" if values.get("DISABLED") else "ACTIVE"
    return [
        stored.name, stored.schema, values.get("ROLE_RESTRICTION"), expires, status, values.get("COMMENT"), stored.created_on,
        definition["created_by"], values.get("MINS_TO_BYPASS_NETWORK_POLICY_REQUIREMENT"), definition["rotated_to"],
    ]  # fmt: skip
