"""Snapshots of the speed layer in the landing, and the choice of those to load. Pure: manifests in, snapshots out."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from snowpark_procs.errors import ManifestError
from snowpark_procs.manifest import ControlTotals

_EXTRACTION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Snapshot:
    """One extraction of one UTC day. extracted_at: UTC without a zone. path: the Parquet file in the landing."""

    extraction_id: str
    date: datetime.date
    extracted_at: datetime.datetime
    non_uuid_ids: int
    path: str
    totals: ControlTotals

    @property
    def ledger_entry(self) -> dict[str, Any]:
        return {
            "extraction_id": self.extraction_id,
            "date": self.date.isoformat(),
            "extracted_at": self.extracted_at.isoformat(sep=" "),
            "rows": self.totals.rows,
            "non_uuid_ids": self.non_uuid_ids,
        }


def read_snapshot(manifest_path: str, text: str) -> Snapshot:
    """Parse one speed manifest (contract version 1). Raises ManifestError naming the file."""
    try:
        document = json.loads(text)
        control = document["control"]
        snapshot = Snapshot(
            extraction_id=document["extraction_id"],
            date=datetime.date.fromisoformat(document["date"]),
            extracted_at=_time(document["extracted_at"]),
            non_uuid_ids=int(document["non_uuid_ids"]),
            path=str(document["file"]["path"]),
            totals=ControlTotals(
                rows=int(document["rows"]),
                money=Decimal(control["money"] or 0),
                min_time=None if control["min_time"] is None else _time(control["min_time"]),
                max_time=None if control["max_time"] is None else _time(control["max_time"]),
            ),
        )
        version = document["contract_version"]
    except KeyError as error:
        raise ManifestError(manifest_path, f"lacks {error}") from None
    except (ValueError, TypeError, AttributeError, InvalidOperation) as error:
        raise ManifestError(manifest_path, f"is no speed manifest ({error})") from None
    if version != 1:
        raise ManifestError(manifest_path, f"has contract version {version}, known is 1", "contract_version")
    if not _EXTRACTION_ID.fullmatch(snapshot.extraction_id):
        raise ManifestError(manifest_path, f"'{snapshot.extraction_id}' is no UUID", "extraction_id")
    return snapshot


def to_load(snapshots: Iterable[Snapshot], current: Mapping[str, str]) -> list[Snapshot]:
    """The newest snapshot of each day, where it is not the one loaded last. current: extraction id by ISO date.

    The same content twice has the same id: then there is nothing to load.
    """
    newest: dict[datetime.date, Snapshot] = {}
    for snapshot in snapshots:
        held = newest.get(snapshot.date)
        if held is None or (snapshot.extracted_at, snapshot.extraction_id) > (held.extracted_at, held.extraction_id):
            newest[snapshot.date] = snapshot
    return [newest[day] for day in sorted(newest) if current.get(day.isoformat()) != newest[day].extraction_id]


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.removesuffix("Z"))
