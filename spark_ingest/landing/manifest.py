"""The manifest: what a batch consists of. Written last; validated against manifest.schema.json by both sides."""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema

from spark_ingest.errors import LandingError

CONTRACT_VERSION = 1
_NAMESPACE = uuid.UUID("6f2b0b5e-6f0f-5c0e-9a37-0c5f6a1c2d4e")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class StagedFile:
    """One Parquet file of a dataset: path relative to its stage, rows, bytes."""

    path: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class Control:
    """Control totals. money: exact sum, None for user_events. min_micros, max_micros: time since 1970, UTC."""

    money: Decimal | None = None
    min_micros: int | None = None
    max_micros: int | None = None

    def __add__(self, other: Control) -> Control:
        """The totals of both together."""
        times = [self.min_micros, other.min_micros], [self.max_micros, other.max_micros]
        low, high = ([each for each in pair if each is not None] for pair in times)
        money = None if self.money is None or other.money is None else self.money + other.money
        return Control(money, min(low, default=None), max(high, default=None))

    def document(self) -> dict[str, Any]:
        return {
            "money": None if self.money is None else f"{self.money:.2f}",
            "min_time": None if self.min_micros is None else iso_time(self.min_micros),
            "max_time": None if self.max_micros is None else iso_time(self.max_micros),
        }


@dataclass(frozen=True)
class Dataset:
    """One dataset of a batch; the fields are the schema's."""

    handling: str
    reason: str
    scope: str
    stage: str
    files: tuple[StagedFile, ...]
    rows: int
    control: Control
    dates: tuple[date, ...] = ()

    def document(self) -> dict[str, Any]:
        return {
            "handling": self.handling,
            "reason": self.reason,
            "scope": self.scope,
            "stage": self.stage,
            "files": [{"path": file.path, "rows": file.rows, "bytes": file.bytes} for file in self.files],
            "rows": self.rows,
            "dates": [day.isoformat() for day in self.dates],
            "control": self.control.document(),
        }


@dataclass(frozen=True)
class TableRange:
    """The range of a table's snapshots that a batch covers: after `from_snapshot_id`, up to `to_snapshot_id`."""

    identifier: str
    location: str
    from_snapshot_id: int | None
    to_snapshot_id: int | None

    def document(self) -> dict[str, Any]:
        return {
            "identifier": self.identifier,
            "location": self.location,
            "from_snapshot_id": None if self.from_snapshot_id is None else str(self.from_snapshot_id),
            "to_snapshot_id": None if self.to_snapshot_id is None else str(self.to_snapshot_id),
        }


def batch_id(
    mode: str,
    tables: Mapping[str, TableRange],
    dates: Iterable[date],
    max_session_hours: Decimal,
    after: str | None = None,
    again: int = 0,
) -> str:
    """UUIDv5 of what defines a batch: the same batch run twice has the same id.

    after: the batch published before, where the same range comes a second time and must be another batch. again: how often a
    backfill was published before, where it is asked for once more.
    """
    definition = {
        "contract_version": CONTRACT_VERSION,
        "mode": mode,
        "tables": {name: table.document() for name, table in sorted(tables.items())},
        "dates": [day.isoformat() for day in dates] if mode == "backfill" else [],
        "max_session_hours": str(max_session_hours.normalize()),
        **({"after": after} if after else {}),
        **({"again": again} if again else {}),
    }
    return str(uuid.uuid5(_NAMESPACE, json.dumps(definition, sort_keys=True, separators=(",", ":"))))


def iso_time(micros: int) -> str:
    """Microseconds since 1970 as ISO 8601 in UTC with a final Z."""
    return (_EPOCH + timedelta(microseconds=micros)).isoformat().replace("+00:00", "Z")


def iso_moment(moment: datetime) -> str:
    """An aware time as ISO 8601 in UTC with a final Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((Path(__file__).parent / "manifest.schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)


def validate(document: Mapping[str, Any], name: str) -> None:
    """Raise LandingError, naming the field, when a document is no manifest."""
    problem = next(iter(_validator().iter_errors(document)), None)
    if problem is not None:
        field = "/".join(str(part) for part in problem.absolute_path) or "the document"
        raise LandingError(f"manifest {name}: {field}: {problem.message}")


def encode(document: Mapping[str, Any]) -> bytes:
    """The bytes of a manifest, after validating it."""
    validate(document, str(document.get("batch_id")))
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
