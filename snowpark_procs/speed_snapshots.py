"""Snapshots of the speed layer in the landing, and the choice of those to load. Pure: names and manifests in, snapshots out."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from reconcile.speed.buckets import Bucketing, Fetched, Sums
from reconcile.speed.columns import SPEED_COLUMNS
from reconcile.speed.names import Published, read_names
from snowpark_procs.errors import ManifestError
from snowpark_procs.manifest import ControlTotals
from snowpark_procs.statements import time_text

CONTRACT_VERSIONS = (2, 3)
_COLUMNS = {column.name for column in SPEED_COLUMNS}
_EXTRACTION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Snapshot:
    """One extraction of one UTC day. extracted_at: UTC without a zone. path: the Parquet file in the landing.

    fetched: which rows the file has, where they are not all.
    set_aside: rows left out, whose file is set_aside_path. lacks: columns that the speed layer does not have.
    """

    extraction_id: str
    date: datetime.date
    extracted_at: datetime.datetime
    non_uuid_ids: int
    set_aside: int
    set_aside_path: str | None
    lacks: tuple[str, ...]
    engine: str
    read_as: str
    path: str
    file_rows: int
    totals: ControlTotals
    fetched: Fetched | None = None

    @property
    def ledger_entry(self) -> dict[str, Any]:
        return {
            "extraction_id": self.extraction_id,
            "date": self.date.isoformat(),
            "extracted_at": time_text(self.extracted_at),
            "rows": self.totals.rows,
            "non_uuid_ids": self.non_uuid_ids,
            "set_aside_rows": self.set_aside,
            "set_aside_path": self.set_aside_path,
            "missing_columns": list(self.lacks),
            "engine": self.engine,
            "read_as": self.read_as,
            "change_id": None if self.fetched is None else self.fetched.change_id,
            "fetched_rows": self.file_rows,
            "uncompared_columns": None if self.fetched is None else self._uncompared(self.fetched.bucketing),
        }

    def _uncompared(self, of: Bucketing) -> list[str]:
        """Columns of which rows that were not fetched have the batch side's."""
        known = {*of.columns, *self.lacks}
        return [column.name for column in SPEED_COLUMNS if column.name not in known]


def read_snapshot(manifest_path: str, text: str) -> Snapshot:
    """Parse one speed manifest. Raises ManifestError naming the file."""
    try:
        document = json.loads(text)
        version = document["contract_version"]
        if version not in CONTRACT_VERSIONS:
            reason = f"has contract version {version}, known are {', '.join(map(str, CONTRACT_VERSIONS))}"
            raise ManifestError(manifest_path, reason, "contract_version")
        control, table = document["control"], document["speed_table"]
        snapshot = Snapshot(
            extraction_id=document["extraction_id"],
            date=datetime.date.fromisoformat(document["date"]),
            extracted_at=_time(document["extracted_at"]),
            non_uuid_ids=int(document["non_uuid_ids"]),
            set_aside=int(document["set_aside"]["rows"]),
            set_aside_path=document["set_aside"]["path"],
            lacks=tuple(map(str, table["lacks"])),
            engine=str(table["engine"]),
            read_as=str(table["read_as"]),
            path=str(document["file"]["path"]),
            file_rows=int(document["file"]["rows"]),
            totals=ControlTotals(
                rows=int(document["rows"]),
                money=Decimal(control["money"] or 0),
                min_time=None if control["min_time"] is None else _time(control["min_time"]),
                max_time=None if control["max_time"] is None else _time(control["max_time"]),
            ),
            fetched=_fetched(document) if version > CONTRACT_VERSIONS[0] else None,
        )
    except KeyError as error:
        raise ManifestError(manifest_path, f"lacks {error}") from None
    except (ValueError, TypeError, AttributeError, InvalidOperation) as error:
        raise ManifestError(manifest_path, f"is no speed manifest ({error})") from None
    if not _EXTRACTION_ID.fullmatch(snapshot.extraction_id):
        raise ManifestError(manifest_path, f"'{snapshot.extraction_id}' is no UUID", "extraction_id")
    return snapshot


class Loaded(NamedTuple):
    """The snapshot of a day that was loaded last. extracted_at: UTC."""

    extraction_id: str
    extracted_at: datetime.datetime


def is_new(loaded: Loaded | None, extraction_id: str, extracted_at: datetime.datetime) -> bool:
    """Whether a published snapshot says something that the loaded one does not: other content, or the same at a later time."""
    return loaded is None or loaded.extraction_id != extraction_id or loaded.extracted_at < extracted_at


def to_load(
    names: Iterable[str],
    current: Mapping[str, Loaded],
    refused: Collection[str],
    first: datetime.date | None = None,
    last: datetime.date | None = None,
) -> list[Published]:
    """The newest manifest of each day from first to last (None: no bound), as names tell, where it was not loaded last.

    names: what LIST gives. current: by ISO date. refused: manifests that could not be loaded.
    """
    newest = [found[-1] for found in read_names(names).values()]
    return [
        one
        for one in newest
        if (first is None or one.day >= first)
        and (last is None or one.day <= last)
        and one.path not in refused
        and is_new(current.get(one.day.isoformat()), one.extraction_id, one.extracted_at)
    ]


def _fetched(document: Mapping[str, Any]) -> Fetched:
    buckets = document["buckets"]
    columns = tuple(map(str, buckets["columns"]))
    if not _COLUMNS.issuperset(columns):
        raise ValueError(f"compares unknown columns: {', '.join(sorted(set(columns) - _COLUMNS))}")
    return Fetched(
        Bucketing(columns, int(buckets["count"])),
        int(buckets["change_id"]),
        Sums(int(document["rows"]), int(buckets["high"]), int(buckets["low"])),
        tuple(map(int, buckets["fetched"])),
    )


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.removesuffix("Z"))
