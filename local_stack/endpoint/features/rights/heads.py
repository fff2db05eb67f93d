"""Read the head of a statement that defines or uses an object.

The head is the verb, the kind, the name, and what the statement says about replacing.
"""

from __future__ import annotations

from dataclasses import dataclass

from local_stack.endpoint.engine.access import RELATION
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.types import read_signature
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError

_MODIFIERS = (
    "TRANSIENT", "TEMP", "TEMPORARY", "SCOPED", "LOCAL", "GLOBAL", "VOLATILE", "SECURE", "RECURSIVE", "AGGREGATE",
)  # fmt: skip
_TEMPORARY = frozenset({"TEMP", "TEMPORARY", "VOLATILE"})
ACCOUNT_KINDS = (
    "DATABASE", "ROLE", "USER", "WAREHOUSE", "NETWORK POLICY", "RESOURCE MONITOR", "INTEGRATION", "STORAGE INTEGRATION",
    "API INTEGRATION", "NOTIFICATION INTEGRATION", "EXTERNAL ACCESS INTEGRATION", "SECURITY INTEGRATION",
    "CATALOG INTEGRATION",
)  # fmt: skip
DATABASE_KINDS = ("SCHEMA", "DATABASE ROLE")
SCHEMA_KINDS = (
    "TABLE", "VIEW", "STAGE", "FILE FORMAT", "SEQUENCE", "PROCEDURE", "FUNCTION", "TASK", "STREAM", "PIPE", "ALERT", "SECRET",
    "TAG", "MASKING POLICY", "ROW ACCESS POLICY", "AUTHENTICATION POLICY", "PASSWORD POLICY", "SESSION POLICY", "NETWORK RULE",
    "DBT PROJECT",
)  # fmt: skip
_KINDS = sorted((*ACCOUNT_KINDS, *DATABASE_KINDS, *SCHEMA_KINDS), key=lambda kind: -len(kind.split()))
_ROUTINES = ("PROCEDURE", "FUNCTION")


@dataclass(frozen=True)
class Head:
    """Hold the head of a statement.

    `verb` is CREATE, ALTER, … and `kind` is the kind as SHOW GRANTS names it, without an integration's type. `place`
    holds the parts of the name, completed from the session. A routine's name includes its signature. `reader` stands
    after the name.
    """

    verb: str
    kind: str
    place: tuple[str, ...]
    reader: Reader
    or_replace: bool = False
    or_alter: bool = False
    if_exists: bool = False
    if_missing: bool = False
    temporary: bool = False

    @property
    def name(self) -> str:
        return ".".join(self.place)

    @property
    def container(self) -> tuple[str, tuple[str, ...]]:
        """Return what the object is made in: a schema, a database or the account."""
        return ("ACCOUNT", "DATABASE", "SCHEMA")[len(self.place) - 1], self.place[:-1]

    @property
    def lookup_kind(self) -> str:
        """Return the kind by which to look privileges up. Tables and views are found by their name."""
        return RELATION if self.kind in ("TABLE", "VIEW") else self.kind

    def says(self, *words: str) -> bool:
        """Return whether these words follow somewhere after the name."""
        mark = self.reader.mark()
        try:
            while not self.reader.at_end():
                if self.reader.looking_at(*words):
                    return True
                self.reader.next()
            return False
        finally:
            self.reader.back_to(mark)

    def named_after(self, *words: str) -> tuple[str, ...] | None:
        """Return the name that follows these words somewhere after the object's name.

        An equals sign between them is ignored.
        """
        mark = self.reader.mark()
        try:
            while not self.reader.at_end():
                if self.reader.accept(*words):
                    self.reader.accept("=")
                    return self.reader.name()
                self.reader.next()
            return None
        except SqlError:
            return None
        finally:
            self.reader.back_to(mark)


def read_head(sql: str, session: Session) -> Head | None:
    """Return the head.

    Return None where the statement does not name an object of a known kind, or where its name cannot be completed.
    """
    reader = Reader(sql)
    verb = reader.next().upper
    verb = "DESCRIBE" if verb == "DESC" else verb
    if_exists = verb == "COMMENT" and reader.accept("IF", "EXISTS")
    if verb == "COMMENT" and not reader.accept("ON"):
        return None
    or_replace = reader.accept("OR", "REPLACE")
    or_alter = not or_replace and reader.accept("OR", "ALTER")
    temporary = False
    while word := reader.accept_any(*_MODIFIERS):
        temporary = temporary or word in _TEMPORARY
    kind = next((kind for kind in _KINDS if reader.accept(*kind.split())), None)
    if kind is None:
        return None
    if_missing = reader.accept("IF", "NOT", "EXISTS")
    if_exists = reader.accept("IF", "EXISTS") or if_exists
    try:
        place = _complete(kind, reader.name(), session)
        if kind in _ROUTINES and verb != "CREATE":
            place = (*place[:-1], place[-1] + read_signature(reader))
    except SqlError:
        return None  # whatever runs the statement reports what is wrong
    if_missing = reader.looking_at("IF", "NOT", "EXISTS") or if_missing
    stored = "INTEGRATION" if kind.endswith("INTEGRATION") else kind
    if place in session.temporary_tables and kind in ("TABLE", "VIEW"):
        temporary = True
    if kind in _ROUTINES and (kind, *place) in session.attributes.get("temporary_routines", {}):
        temporary = True
    return Head(verb, stored, place, reader, or_replace, or_alter, if_exists, if_missing, temporary)


def _complete(kind: str, parts: tuple[str, ...], session: Session) -> tuple[str, ...]:
    if kind in ACCOUNT_KINDS:
        return parts[-1:]
    if kind in DATABASE_KINDS:
        return session.resolve((*parts, "-")).database, parts[-1]
    place = session.resolve(parts)
    return place.database, place.schema, place.name


def exists(head: Head, session: Session) -> bool:
    """Return whether the object that a statement names exists."""
    if session.grants.has_owner(head.kind, head.name):
        return True
    match head.kind:
        case "TABLE" | "VIEW":
            return session.relation_kind(session.physical_table(session.resolve(head.place))) is not None
        case "SCHEMA":
            return session.schema_exists(*head.place)
        case "DATABASE":
            return head.place[0] in session.engine.databases()
        case "SEQUENCE":
            return False
    if head.kind == "DATABASE ROLE":
        return session.catalog.get(head.kind, head.place[0], "", head.place[1]) is not None
    database, schema, name = head.place if len(head.place) == 3 else ("", "", head.place[0])
    return session.catalog.get(head.kind, database, schema, name) is not None
