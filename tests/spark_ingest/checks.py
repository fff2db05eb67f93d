"""What batches add up to, held against an independent engine."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spark_ingest.lake.catalog import open_table
from spark_ingest.lake.tables import TRANSACTIONS, USER_EVENTS
from tests.spark_ingest.conftest import Lake
from tests.spark_ingest.independent import Sessions, final_keys, final_sessions, independent_sessions

Key = tuple[str, str]


def check(lake: Lake, tmp_path: Path) -> None:
    """The batches so far add up to what an independent engine makes of the lake's present rows."""
    check_sessions(lake, tmp_path)
    for found, present in keys(lake):
        assert found == present


def check_sessions(lake: Lake, tmp_path: Path) -> None:
    found, expected = sessions(lake, tmp_path)
    assert found == expected


def sessions(lake: Lake, tmp_path: Path) -> tuple[Sessions, Sessions]:
    """What the batches so far add up to, and what an independent engine makes of the lake's present rows."""
    folder = tmp_path / "present"
    folder.mkdir(exist_ok=True)
    pq.write_table(open_table(lake.config, USER_EVENTS).scan().to_arrow(), folder / "events.parquet")
    return final_sessions(Path(lake.config.landing)), independent_sessions(folder)


def keys(lake: Lake) -> Iterator[tuple[Collection[Key], Collection[Key]]]:
    """Dates and keys of events and of transactions: those of all batches so far, and those of the lake's present rows."""
    landing, warehouse = Path(lake.config.landing), Path(lake.config.warehouse)
    rows = open_table(lake.config, USER_EVENTS).scan().to_arrow()
    present = set(zip(_dates(rows["timestamp"]), rows["event_id"].to_pylist(), strict=True))
    yield set(final_keys(landing, warehouse, "user_events", "timestamp", "event_id")), present
    lines = open_table(lake.config, TRANSACTIONS).scan().to_arrow()
    ordered = sorted(zip(_dates(lines["created_at"]), lines["transaction_id"].to_pylist(), strict=True))
    yield final_keys(landing, warehouse, "transactions", "created_at", "transaction_id"), ordered


def _dates(times: pa.ChunkedArray) -> list[str]:
    """The UTC dates of times, which need not be those of the column `date`."""
    return [str(day) for day in times.cast(pa.date32()).to_pylist()]
