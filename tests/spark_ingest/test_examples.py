"""The mappings that come with the project, on real files, against independent queries of the files themselves."""

from __future__ import annotations

import csv
import gzip
import os
from collections import Counter, defaultdict
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import pytest

from spark_ingest.importing import import_files
from tests.spark_ingest.conftest import REPOSITORY, Lake
from tests.spark_ingest.independent import final_sessions

pytestmark = [pytest.mark.spark, pytest.mark.shared_data]

SHARED = Path(os.environ.get("SHARED_DIR", REPOSITORY.parent / "shared")) / "data"
RETAIL, REES46 = SHARED / "online_retail.csv.gz", SHARED / "rees46_2019_oct_sample.csv"


@pytest.mark.skipif(not RETAIL.exists(), reason="the Online Retail file is not at hand")
def test_online_retail_revenue_by_day_to_the_cent(lake: Lake, tmp_path: Path) -> None:
    """The first lines, some of the rest, and all adjustments; the whole file is run in tests of the whole pipeline."""
    part = tmp_path / "part.csv"
    with gzip.open(RETAIL, "rt", encoding="utf-8", newline="") as whole, part.open("w", encoding="utf-8") as out:
        out.writelines(
            line for number, line in enumerate(whole) if number < 3_000 or number % 4_000 == 0 or line[0] == "A"
        )
    result = import_files(lake.spark, lake.config, [f"lines={part}"], REPOSITORY / "examples" / "online_retail")
    lake.run()
    with part.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    expected: defaultdict[str, Decimal] = defaultdict(Decimal)
    bought = 0
    for line in lines:
        units, price = int(line["Quantity"]), Decimal(line["UnitPrice"])
        if units > 0 and price > 0 and line["InvoiceNo"][0] not in "CA":
            bought += 1
            expected[line["InvoiceDate"][:10]] += (units * price).quantize(Decimal("0.01"), ROUND_HALF_UP)
    events, transactions = result.tables
    assert (transactions.mapped, transactions.added, transactions.rejected) == (len(lines), len(lines), {})
    assert (events.added, events.repeated) == (bought, 0)
    revenue: defaultdict[str, Decimal] = defaultdict(Decimal)
    with duckdb.connect() as connection:
        files = f"{lake.config.landing}/user_sessions/*/*.parquet"
        query = f"SELECT session_start::DATE::VARCHAR, total_spent, user_id FROM read_parquet('{files}')"
        rows = connection.execute(query).fetchall()
    for day, spent, _ in rows:
        revenue[day] += spent
    assert revenue == expected
    assert any(user is None for *_, user in rows)  # guests count too
    assert all(user.isdigit() for *_, user in rows if user is not None)  # '17850.0' is customer 17850


@pytest.mark.skipif(not REES46.exists(), reason="the REES46 sample is not at hand")
def test_rees46_sessions_by_user_session(lake: Lake) -> None:
    mapping = REPOSITORY / "examples" / "rees46"
    import_files(lake.spark, lake.config, [f"events={REES46}"], mapping)
    again = import_files(lake.spark, lake.config, [f"events={REES46}"], mapping)
    assert [(table.added, table.already_there) for table in again.tables] == [(0, 1000), (0, 10)]
    lake.run()
    expected: dict[str, Counter[str]] = {}
    with REES46.open(encoding="utf-8", newline="") as stream:
        for line in csv.DictReader(stream):
            counts = expected.setdefault(line["user_session"], Counter())
            counts[line["event_type"]] += 1
            if line["event_type"] == "purchase":
                counts["cents"] += int(Decimal(line["price"]) * 100)
    sessions = final_sessions(Path(lake.config.landing))
    found = {
        key: Counter({"view": row[7], "cart": row[9], "purchase": row[10], "cents": int(row[11] * 100)})
        for key, row in sessions.items()
    }
    assert found == expected
