"""Keep the account's grants: who holds which privilege on what. OWNERSHIP is a grant like any other.

They are documents of the registry, held in memory too: a decision reads no database.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from local_stack.endpoint.engine.catalog import Catalog, StoredObject

T = TypeVar("T")
_KIND = "GRANT"
ACCOUNT = "LOCAL"
OWNERSHIP = "OWNERSHIP"
# Who owns what nobody has recorded: objects older than the records, and databases created by a log-in.
_DEFAULT_OWNERS = {"ROLE": "USERADMIN", "USER": "USERADMIN"}
_DEFAULT_OWNER = "SYSADMIN"

Holder = tuple[str, str]
"""Who holds privileges: ('ROLE', 'ANALYST'), ('DATABASE ROLE', 'DB.READERS'), ('USER', 'ANN')."""
Target = tuple[str, str]
"""What they are held on: its kind and its full name, ('TABLE', 'DB.SCHEMA.T')."""


@dataclass(frozen=True)
class Grant:
    """Hold one privilege. on: the object's kind; name: its full name, or the scope of a future grant ('DB.SCHEMA').
    to: ROLE, DATABASE ROLE or USER. future: 'SCHEMA' or 'DATABASE' for a future grant in that scope."""

    privilege: str
    on: str
    name: str
    to: str
    grantee: str
    grant_option: bool = False
    granted_by: str = ""
    future: str = ""

    @property
    def key(self) -> str:
        identity = "\x1f".join((self.privilege, self.on, self.name, self.to, self.grantee, self.future))
        return hashlib.sha256(identity.encode()).hexdigest()

    @property
    def holder(self) -> Holder:
        return self.to, self.grantee

    @property
    def target(self) -> Target:
        return self.on, self.name


class Grants:
    """Keep all grants of one endpoint. version: changes with every change. enforced: whether anything asks them."""

    def __init__(self, catalog: Catalog, enforced: bool = True) -> None:
        self.enforced = enforced
        self.version = 0
        self._catalog = catalog
        self._lock = threading.RLock()
        self._cache: dict[Any, Any] = {}
        self._all: dict[str, tuple[Grant, StoredObject]] = {}
        self._on: dict[Target, dict[str, Grant]] = {}
        self._to: dict[Holder, dict[str, Grant]] = {}
        self._future: dict[str, dict[str, Grant]] = {}
        for stored in catalog.objects(_KIND):
            self._note(Grant(**stored.definition), stored)
        self.add(
            Grant(OWNERSHIP, kind, name, "ROLE", owner, True, owner)
            for (kind, name), owner in catalog.recorded_owners().items()
            if not self.has_owner(kind, name)
        )

    def all(self) -> list[tuple[Grant, StoredObject]]:
        """Return every grant with its document."""
        with self._lock:
            return list(self._all.values())

    def on(self, kind: str, name: str) -> list[Grant]:
        """Return the grants on one object."""
        return list(self._on.get((kind, name), {}).values())

    def to(self, holder: Holder) -> list[Grant]:
        """Return what one role or user has been granted."""
        return list(self._to.get(holder, {}).values())

    def future(self, scope: str) -> list[Grant]:
        """Return the future grants of a schema ('DB.SCHEMA') or database."""
        return list(self._future.get(scope, {}).values())

    def targets(self, kind: str, prefix: str) -> list[str]:
        """Return the names of a kind on which something is granted and which begin so."""
        with self._lock:
            return [name for on, name in self._on if on == kind and name.startswith(prefix)]

    def owner(self, kind: str, name: str) -> Holder:
        """Return who owns an object: as recorded, else as its kind's owner is by default."""
        for grant in self.on(kind, name):
            if grant.privilege == OWNERSHIP:
                return grant.holder
        return "ROLE", _DEFAULT_OWNERS.get(kind, _DEFAULT_OWNER)

    def has_owner(self, kind: str, name: str) -> bool:
        """Return whether somebody is recorded as the owner of an object."""
        return any(grant.privilege == OWNERSHIP for grant in self.on(kind, name))

    def cached(self, key: Any, make: Callable[[], T]) -> T:
        """Return a value that holds until something is created, dropped or granted."""
        version = self.version
        found = self._cache.get(key)
        if found is None or found[0] != version:
            found = self._cache[key] = (version, make())
        value: T = found[1]
        return value

    def change(self, removed: Iterable[Grant], added: Iterable[Grant]) -> None:
        """Take grants away and give others, at once and durably; one that exists keeps its time."""
        with self._lock:
            gone = {grant.key for grant in removed} & set(self._all)
            new = {grant.key: grant for grant in added}
            changed = {key: asdict(grant) for key, grant in new.items() if self._value(key) != grant}
            gone -= set(new)
            self.version += 1
            self._cache.clear()
            if not gone and not changed:
                return
            stored = self._catalog.change(_KIND, gone, changed)
            for key in gone:
                self._forget(key)
            for key, document in stored.items():
                self._forget(key)
                self._note(new[key], document)

    def add(self, grants: Iterable[Grant]) -> None:
        self.change((), grants)

    def forget(self, condition: Callable[[Grant], bool]) -> None:
        """Remove every grant for which the condition holds."""
        self.change([grant for grant, _ in self.all() if condition(grant)], ())

    def rename(self, old: str, new: str, kind: str | None = None) -> None:
        """Follow a renaming: of an object of this name (of any kind, without one), or of everything in it."""

        def renamed(name: str) -> str | None:
            return new + name[len(old) :] if name == old or name.startswith(f"{old}.") else None

        moved = [
            (grant, changed)
            for grant, _ in self.all()
            if (kind is None or grant.on == kind) and (changed := renamed(grant.name)) is not None
        ]
        self.change([grant for grant, _ in moved], [replace(grant, name=name) for grant, name in moved])

    def _value(self, key: str) -> Grant | None:
        found = self._all.get(key)
        return found[0] if found else None

    def _note(self, grant: Grant, stored: StoredObject) -> None:
        key = grant.key
        self._all[key] = (grant, stored)
        if grant.future:
            self._future.setdefault(grant.name, {})[key] = grant
        else:
            self._on.setdefault(grant.target, {})[key] = grant
        self._to.setdefault(grant.holder, {})[key] = grant

    def _forget(self, key: str) -> None:
        found = self._all.pop(key, None)
        if found is None:
            return
        grant = found[0]
        indexes: tuple[tuple[dict[Any, dict[str, Grant]], Any], ...] = (
            (self._future, grant.name) if grant.future else (self._on, grant.target),
            (self._to, grant.holder),
        )
        for index, place in indexes:
            index[place].pop(key)
            if not index[place]:
                del index[place]
