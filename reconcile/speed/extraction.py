"""Takes one consistent snapshot of a UTC day of the speed layer and publishes it in the landing.

The file first, the manifest last: a snapshot without a manifest does not exist. The same content is the same extraction:
taken again, nothing is written.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from reconcile.speed.content import CONTRACT_VERSION, FILE_SCHEMA, ROW_SCHEMA, DayContent, utc_text
from reconcile.speed.landing import Landing
from reconcile.speed.source import SpeedLayer

Outcome = Literal["published", "unchanged", "republished"]


@dataclass(frozen=True)
class Extraction:
    """The snapshot of one day. money: exact sum of total_spent. outcome: what this run had to write for it.

    republished: the content went back to that of an earlier snapshot, which is now the newest one again.
    """

    date: date
    extraction_id: str
    extracted_at: datetime
    rows: int
    non_uuid_ids: int
    unreadable_amounts: int
    money: str
    path: str
    bytes: int
    outcome: Outcome


def extract_days(speed_layer: SpeedLayer, landing: Landing, days: Iterable[date]) -> Iterable[Extraction]:
    """Extract each day in turn; each one is published before the next is read."""
    for day in days:
        yield extract_day(speed_layer, landing, day)


def extract_day(speed_layer: SpeedLayer, landing: Landing, day: date) -> Extraction:
    """Extract the sessions that start on one UTC day.

    Raises SpeedTableError, SpeedLayerUnreachable or LandingError; whenever it fails or is killed, the landing shows either
    the whole new snapshot or none of it.
    """
    landing.remove_abandoned(day)
    now = datetime.now(UTC)  # before the read: what comes later is not in it
    with tempfile.TemporaryDirectory(prefix="reconcile-") as folder:
        spool = Path(folder) / "rows.parquet"
        content = _spool(speed_layer, day, spool)
        extraction_id = content.extraction_id(day)
        published = landing.manifests(day)
        path = landing.snapshot_path(day, extraction_id)
        known = next((document for document in published if document["extraction_id"] == extraction_id), None)
        size = landing.size(path) if known else None
        outcome: Outcome
        if known is not None and size is not None and size == known["file"]["bytes"]:
            outcome = "unchanged" if known is published[-1] else "republished"
        else:
            outcome = "published"
            final = Path(folder) / "snapshot.parquet"
            _finish(spool, final, day, extraction_id)
            size = landing.put_file(final, path)
    if outcome == "unchanged" and known is not None:
        now = datetime.fromisoformat(known["extracted_at"])
    extraction = Extraction(
        date=day,
        extraction_id=extraction_id,
        extracted_at=now,
        rows=content.rows,
        non_uuid_ids=content.non_uuid_ids,
        unreadable_amounts=content.unreadable_amounts,
        money=f"{content.money:.2f}",
        path=path,
        bytes=size,
        outcome=outcome,
    )
    if outcome != "unchanged":
        document = _manifest(extraction, content) | {
            "speed_table": {"engine": speed_layer.engine.name, "read_as": speed_layer.engine.read_as}
        }
        landing.put_document(document, landing.manifest_path(day, extraction_id))
    return extraction


def _spool(speed_layer: SpeedLayer, day: date, target: Path) -> DayContent:
    """Stream the day's rows to a local file, totalling them on the way."""
    content = DayContent()
    identifiers = speed_layer.text_identifiers
    with pq.ParquetWriter(target, ROW_SCHEMA, compression="snappy") as writer:
        for batch in speed_layer.read_day(day):
            writer.write_batch(content.take(batch, identifiers))
    return content


def _finish(spool: Path, target: Path, day: date, extraction_id: str) -> None:
    """Write the published file: the spooled rows with the extraction's id, which is known only after the last row."""
    with (
        pq.ParquetFile(spool) as source,
        pq.ParquetWriter(target, FILE_SCHEMA, compression="snappy", version="2.6") as writer,
    ):
        for batch in source.iter_batches():
            ids = pa.repeat(extraction_id, batch.num_rows)
            dates = pa.repeat(pa.scalar(day, pa.date32()), batch.num_rows)
            writer.write_batch(pa.RecordBatch.from_arrays([ids, dates, *batch.columns], schema=FILE_SCHEMA))


def _manifest(extraction: Extraction, content: DayContent) -> dict[str, Any]:
    return {
        "contract_version": CONTRACT_VERSION,
        "extraction_id": extraction.extraction_id,
        "date": extraction.date.isoformat(),
        "extracted_at": extraction.extracted_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "rows": extraction.rows,
        "non_uuid_ids": extraction.non_uuid_ids,
        "control": {
            "money": extraction.money,
            "min_time": None if content.min_time is None else utc_text(content.min_time),
            "max_time": None if content.max_time is None else utc_text(content.max_time),
        },
        "file": {"path": extraction.path, "rows": extraction.rows, "bytes": extraction.bytes},
    }
