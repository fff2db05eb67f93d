"""`python peers.py reladiff|datacompy FOLDER`, in the environment of `make peers`: a line of JSON with what it found and took."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

_VALUES = (
    *("user_id", "user_tier", "page_views", "product_views", "searches", "add_to_cart_events", "purchases"),
    "total_spent",
)


def reladiff(folder: Path) -> tuple[int, int]:
    """Between the two DuckDB databases: sessions that differ, and rows that were fetched to say so."""
    import reladiff as tool
    from reladiff.table_segment import TableSegment

    fetched, get_values = 0, TableSegment.get_values

    def counted(segment: Any) -> Any:
        nonlocal fetched
        rows = get_values(segment)
        fetched += len(rows)
        return rows

    TableSegment.get_values = counted
    sides = [
        tool.connect_to_table(
            {"driver": "duckdb", "filepath": str(folder / f"{side}.duckdb")}, "sessions", "session_id", thread_count=1
        )
        for side in ("speed", "batch")
    ]
    found = {row[1][0] for row in tool.diff_tables(*sides, extra_columns=_VALUES)}
    return len(found), fetched


def datacompy(folder: Path) -> tuple[int, int]:
    """Both sides in memory: sessions that differ, and rows that were read."""
    import datacompy as tool
    import polars

    speed, batch = (
        polars.read_parquet(folder / f"{side}.parquet", columns=["session_id", *_VALUES]) for side in ("speed", "batch")
    )
    compared = tool.PolarsCompare(speed, batch, join_columns="session_id", cast_column_names_lower=False)
    mismatched = compared.all_mismatch().height
    found = mismatched + compared.df1_unq_rows.height + compared.df2_unq_rows.height
    return found, speed.height + batch.height


def main() -> None:
    """Run the tool that is named first on the folder that is named second."""
    tool, folder = {"reladiff": reladiff, "datacompy": datacompy}[sys.argv[1]], Path(sys.argv[2])
    start = time.perf_counter()
    found, rows = tool(folder)
    took = {"seconds": time.perf_counter() - start, "processor": time.process_time(), "peak_mb": peak_mb()}
    print(json.dumps({"found": found, "rows": rows, **took}))


def peak_mb(process: int | str = "self") -> int:
    """The greatest resident memory of a process; what getrusage says of a child includes its parent before it started."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()
