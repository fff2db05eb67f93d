"""INFORMATION_SCHEMA.PACKAGES, PROCEDURES and FUNCTIONS in queries: replaced by what the endpoint has."""

from __future__ import annotations

import importlib.metadata
import re
import threading
from collections.abc import Sequence
from typing import Any

from local_stack.endpoint.engine.catalog import Catalog
from local_stack.endpoint.features.procedures import registry
from local_stack.endpoint.features.procedures.definition import RoutineKind
from local_stack.endpoint.language.quoting import identifier_value, quote_string
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session

_MENTION = re.compile(r"\bINFORMATION_SCHEMA\"?\s*\.\s*\"?(PACKAGES|PROCEDURES|FUNCTIONS)\b(?!\s*\()", re.IGNORECASE)
_PACKAGES = "_fs_global.local_objects.packages"
_RUNTIMES = ("3.10", "3.11", "3.12", "3.13")


class SchemaViews:
    """The views; the table of packages is filled on first use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._filled = False

    def expand(self, sql: str, session: Session) -> str | None:
        """Return the SQL with the views replaced by subqueries; None where it mentions none."""
        if not _MENTION.search(sql):
            return None
        reader = Reader(sql)
        pieces: list[str] = []
        copied = 0
        while not reader.at_end():
            start = reader.next()
            if start.kind not in ("word", "quoted"):
                continue
            parts = [identifier_value(start)]
            while reader.token.text == "." and reader.peek().kind in ("word", "quoted"):
                reader.next()
                parts.append(identifier_value(reader.next()))
            if len(parts) < 2 or parts[-2] != "INFORMATION_SCHEMA":
                continue
            query = self._query(parts[-1], parts[0] if len(parts) > 2 else session.database or "", session)
            if query is not None:
                pieces.append(sql[copied : start.start] + query)
                copied = reader.token_before(reader.mark()).end
        return "".join(pieces) + sql[copied:] if pieces else None

    def _query(self, view: str, database: str, session: Session) -> str | None:
        if view == "PACKAGES":
            self._fill_packages(session.catalog)
            return f"(SELECT package_name, version, language, runtime_version FROM {_PACKAGES})"
        if view in ("PROCEDURES", "FUNCTIONS"):
            return _routines("PROCEDURE" if view == "PROCEDURES" else "FUNCTION", database, session)
        return None

    def _fill_packages(self, catalog: Catalog) -> None:
        """The packages installed beside the endpoint are the ones that its handlers can import."""
        with self._lock:
            if self._filled:
                return
            found = {d.metadata["Name"].lower(): d.version for d in importlib.metadata.distributions()}
            with catalog.connection() as duckdb:
                duckdb.execute(
                    f"CREATE OR REPLACE TABLE {_PACKAGES}"
                    " (package_name VARCHAR, version VARCHAR, language VARCHAR, runtime_version VARCHAR)"
                )
                rows = [
                    [name, version, "python", runtime]
                    for name, version in sorted(found.items())
                    for runtime in _RUNTIMES
                ]
                duckdb.executemany(f"INSERT INTO {_PACKAGES} VALUES (?, ?, ?, ?)", rows)
            self._filled = True


def _routines(kind: RoutineKind, database: str, session: Session) -> str:
    names = (
        f"{kind}_CATALOG", f"{kind}_SCHEMA", f"{kind}_NAME", f"{kind}_OWNER", "ARGUMENT_SIGNATURE", "DATA_TYPE",
        f"{kind}_LANGUAGE", f"{kind}_DEFINITION", "CREATED", "COMMENT",
    )  # fmt: skip
    rows: list[Sequence[Any]] = []
    for found in registry.list_routines(kind, session):
        routine = found.routine
        hidden = session.grants.enforced and not session.access.sees(*found.securable)
        if database in ("", found.database) and not hidden:
            arguments = "(" + ", ".join(f"{p.name} {p.sql_type.family}" for p in routine.parameters) + ")"
            rows.append(
                (
                    found.database, found.schema, routine.name, routine.owner, arguments, routine.declared_return,
                    routine.language, routine.body, found.created_on.isoformat(), routine.comment or None,
                )
            )  # fmt: skip
    selects = ["SELECT " + ", ".join(_column(v, n) for v, n in zip(row, names, strict=True)) for row in rows]
    if not selects:
        selects = ["SELECT " + ", ".join(_column(None, name) for name in names) + " WHERE FALSE"]
    return "(" + " UNION ALL ".join(selects) + ")"


def _column(value: Any, name: str) -> str:
    text = "NULL" if value is None else quote_string(str(value))
    return f"{text}::{'TIMESTAMP_LTZ' if name == 'CREATED' else 'VARCHAR'} AS {name}"
