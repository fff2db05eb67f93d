"""The manifest of a batch, as the warehouse sees it: validated against the one JSON Schema, then typed.

The schema is the ingest side's file; the deployed code carries its text (see bundle.jinja).
"""

from __future__ import annotations

import datetime
import json
import pkgutil
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from snowpark_procs.errors import ManifestError

DATASETS = ("user_events", "transactions", "user_sessions")


@dataclass(frozen=True)
class StagedFile:
    """path: relative to the stage. rows: how many rows it holds. bytes: its size."""

    path: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class ControlTotals:
    """rows; money: exact sum, None where the dataset has no money column; min_time, max_time: UTC without a zone."""

    rows: int
    money: Decimal | None
    min_time: datetime.datetime | None
    max_time: datetime.datetime | None


@dataclass(frozen=True)
class Dataset:
    """name: user_events | transactions | user_sessions. handling: passthrough | rewritten. scope: added | dates.
    stage: lake | landing. snapshots: of the lake's table, the one that the batch starts after (None: its beginning) and the one
    that it reaches; None for sessions."""

    name: str
    handling: str
    scope: str
    stage: str
    files: tuple[StagedFile, ...]
    totals: ControlTotals
    snapshots: tuple[str | None, str | None] = (None, None)

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True)
class Manifest:
    """document: the JSON text as published. published_at: UTC without a zone."""

    batch_id: str
    contract_version: int
    mode: str
    published_at: datetime.datetime
    datasets: tuple[Dataset, ...]
    document: str


def read_manifest(path: str, text: str, batch_id: str) -> Manifest:
    """Parse and validate the manifest of batch_id. Raises ManifestError naming the file and the place in it."""
    document = _parse(path, text)
    errors = sorted(_validator().iter_errors(document), key=lambda error: list(map(str, error.absolute_path)))
    if errors:
        raise ManifestError(path, errors[0].message[:300], "/".join(map(str, errors[0].absolute_path)) or "the top")
    if document["batch_id"] != batch_id:
        raise ManifestError(path, f"names batch {document['batch_id']}", "batch_id")
    datasets = tuple(
        _dataset(path, name, document["datasets"][name], document["tables"].get(name)) for name in DATASETS
    )
    return Manifest(
        batch_id=batch_id,
        contract_version=document["contract_version"],
        mode=document["mode"],
        published_at=_required_time(path, "published_at", document["published_at"]),
        datasets=datasets,
        document=text,
    )


def _parse(path: str, text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ManifestError(path, f"is no JSON document ({error})") from None
    if not isinstance(document, dict):
        raise ManifestError(path, "is no JSON object")
    return document


@cache
def _validator() -> Draft202012Validator:
    schema = pkgutil.get_data("spark_ingest.landing", "manifest.schema.json")
    if schema is None:
        raise ManifestError("manifest.schema.json", "is not part of the deployed code")
    return Draft202012Validator(json.loads(schema))


def _dataset(path: str, name: str, entry: dict[str, Any], table: dict[str, Any] | None) -> Dataset:
    files = tuple(StagedFile(file["path"], file["rows"], file["bytes"]) for file in entry["files"])
    place = f"datasets/{name}"
    if len({file.path for file in files}) != len(files):
        raise ManifestError(path, "lists a file twice", f"{place}/files")
    if sum(file.rows for file in files) != entry["rows"]:
        raise ManifestError(path, f"says {entry['rows']}, its files say {sum(f.rows for f in files)}", f"{place}/rows")
    control = entry["control"]
    money = None if control["money"] is None else Decimal(control["money"])
    if name == "user_events" and money is not None:
        raise ManifestError(path, "must be null: events carry no money", f"{place}/control/money")
    if name != "user_events" and money is None:
        if entry["rows"]:
            raise ManifestError(path, "must be the exact sum", f"{place}/control/money")
        money = Decimal(0)
    return Dataset(
        name=name,
        handling=entry["handling"],
        scope=entry["scope"],
        stage=entry["stage"],
        files=files,
        totals=ControlTotals(
            rows=entry["rows"],
            money=money,
            min_time=_time(path, f"{place}/control/min_time", control["min_time"]),
            max_time=_time(path, f"{place}/control/max_time", control["max_time"]),
        ),
        snapshots=(None, None) if table is None else (table["from_snapshot_id"], table["to_snapshot_id"]),
    )


def _time(path: str, place: str, text: str | None) -> datetime.datetime | None:
    return None if text is None else _required_time(path, place, text)


def _required_time(path: str, place: str, text: str) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError:
        raise ManifestError(path, f"'{text}' is no time", place) from None
