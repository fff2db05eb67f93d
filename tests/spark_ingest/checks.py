"""What batches add up to, held against an independent engine."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spark_ingest.lake.catalog import open_table
from spark_ingest.lake.tables import TRANSACTIONS, USER_EVENTS
from tests.spark_ingest.conftest import Lake
from tests.spark_ingest.independent import final_keys, final_sessions, independent_sessions


def check(lake: Lake, tmp_path: Path) -> None:
    """The batches so far add up to what an independent engine makes of the lake's present rows."""
    check_sessions(lake, tmp_path)
    landing, warehouse = Path(lake.config.landing), Path(lake.config.warehouse)
    rows = open_table(lake.config, USER_EVENTS).scan().to_arrow()
    present = set(zip(_dates(rows["timestamp"]), rows["event_id"].to_pylist(), strict=True))
    assert set(final_keys(landing, warehouse, "user_events", "timestamp", "event_id")) == present
    lines = open_table(lake.config, TRANSACTIONS).scan().to_arrow()
    keys = sorted(zip(_dates(lines["created_at"]), lines["transaction_id"].to_pylist(), strict=True))
    assert final_keys(landing, warehouse, "transactions", "created_at", "transaction_id") == keys


def check_sessions(lake: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "present"
    folder.mkdir(exist_ok=True)
    pq.write_table(open_table(lake.config, USER_EVENTS).scan().to_arrow(), folder / "events.parquet")
    assert final_sessions(Path(lake.config.landing)) == independent_sessions(folder)


def _dates(times: pa.ChunkedArray) -> list[str]:
    """The UTC dates of times, which need not be those of the column `date`."""
    return [str(day) for day in times.cast(pa.date32()).to_pylist()]
