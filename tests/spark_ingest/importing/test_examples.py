"""The mappings that come with the project, on real files, against independent queries of the files themselves."""

from __future__ import annotations

import csv
import gzip
import os
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from spark_ingest.importing.files import import_files
from spark_ingest.lake.catalog import open_table
from spark_ingest.lake.tables import TRANSACTIONS, USER_EVENTS
from tests.conftest import REPOSITORY
from tests.spark_ingest.conftest import Lake
from tests.spark_ingest.independent import final_sessions

pytestmark = [pytest.mark.spark, pytest.mark.shared_data]

SHARED = Path(os.environ.get("SHARED_DIR", REPOSITORY.parent / "shared")) / "data"
RETAIL, REES46 = SHARED / "online_retail.csv.gz", SHARED / "rees46_2019_oct_sample.csv"


# Invoices that sell and give away one article; and a line with a quantity that cannot be read beside one that can.
_SOLD_AND_GIVEN = ("540832", "577314")
_UNREADABLE = "900001,X1,,2,2011-12-09 12:50:00,1.005,,France\n900001,X1,,two,2011-12-09 12:50:00,1.00,,France\n"


@pytest.fixture
def retail_lines(tmp_path: Path) -> Path:
    """The first lines, some of the rest, and all adjustments; the whole file is run in tests of the whole pipeline."""
    part = tmp_path / "part.csv"
    with gzip.open(RETAIL, "rt", encoding="utf-8", newline="") as whole, part.open("w", encoding="utf-8") as out:
        out.writelines(
            line
            for number, line in enumerate(whole)
            if number < 3_000 or number % 4_000 == 0 or line.startswith(("A", *_SOLD_AND_GIVEN))
        )
        out.write(_UNREADABLE)
    return part


def read_retail(part: Path) -> tuple[list[tuple[dict[str, str], Decimal]], dict[tuple[str, str, str], list[Decimal]]]:
    """The lines sold with their amounts; and units and money of each transaction line, by status, id and article."""
    with part.open(encoding="utf-8", newline="") as stream:
        lines = [line for line in csv.DictReader(stream) if line["Quantity"] != "two"]
    sold: list[tuple[dict[str, str], Decimal]] = []
    kinds: defaultdict[tuple[str, str], dict[str, list[Decimal]]] = defaultdict(dict)
    for line in lines:
        units, price, invoice = int(line["Quantity"]), Decimal(line["UnitPrice"]), line["InvoiceNo"]
        amount = (units * price).quantize(Decimal("0.01"), ROUND_HALF_UP)
        if invoice[0] == "C" and units < 0:
            kind = "returned"
        elif units > 0 and price > 0 and invoice[0] not in "CA":
            kind = "completed"
            sold.append((line, amount))
        else:
            kind = "adjustment"
        sums = kinds[invoice, line["StockCode"]].setdefault(kind, [Decimal(0), Decimal(0)])
        sums[0], sums[1] = sums[0] + units, sums[1] + amount
    rows: dict[tuple[str, str, str], list[Decimal]] = {}
    for (invoice, article), found in kinds.items():
        for kind, sums in found.items():
            other = kind == "adjustment" and len(found) > 1
            rows[kind, f"{invoice}/adjustment" if other else invoice, article] = sums
    return sold, rows


@pytest.mark.skipif(not RETAIL.exists(), reason="the Online Retail file is not at hand")
def test_online_retail_to_the_cent(lake: Lake, retail_lines: Path) -> None:
    result = import_files(lake.spark, lake.config, [f"lines={retail_lines}"], REPOSITORY / "examples" / "online_retail")
    sold, expected = read_retail(retail_lines)
    assert {kind for kind, *_ in expected} == {"completed", "returned", "adjustment"}
    assert ("adjustment", "577314/adjustment", "23407") in expected
    assert len(sold) > sum(kind == "completed" for kind, *_ in expected), "some article stands on an invoice twice"
    events, transactions = result.tables
    assert (transactions.added, sum(transactions.rejected.values())) == (len(expected), 1)
    assert (events.added, events.repeated) == (len(sold), 0)
    rows = open_table(lake.config, TRANSACTIONS).scan().to_arrow().to_pylist()
    found = {
        (row["status"], row["transaction_id"], row["product_id"]): [row["quantity"], row["total_amount"]]
        for row in rows
    }
    assert found == expected
    for row in rows:
        if row["quantity"] and row["total_amount"]:
            price = row["total_amount"] / row["quantity"]
            assert row["unit_price"] == price.quantize(Decimal("0.01"), ROUND_HALF_UP)


@pytest.mark.skipif(not RETAIL.exists(), reason="the Online Retail file is not at hand")
def test_online_retail_revenue_by_day_to_the_cent(lake: Lake, retail_lines: Path) -> None:
    import_files(lake.spark, lake.config, [f"lines={retail_lines}"], REPOSITORY / "examples" / "online_retail")
    lake.run()
    sold, _ = read_retail(retail_lines)
    expected: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line, amount in sold:
        expected[line["InvoiceDate"][:10]] += amount
    revenue: defaultdict[str, Decimal] = defaultdict(Decimal)
    sessions = final_sessions(Path(lake.config.landing))
    for row in sessions.values():
        revenue[(datetime(1970, 1, 1) + timedelta(microseconds=row[3])).date().isoformat()] += row[11]
    assert revenue == expected
    users = {row[1] for row in sessions.values()}
    assert None in users  # guests count too
    assert all(user.isdigit() for user in users if user is not None)  # '17850.0' is customer 17850
    events = open_table(lake.config, USER_EVENTS).scan().to_arrow().to_pylist()
    assert all(event["transaction_id"] == event["session_id"] for event in events)  # the invoice is the order


@pytest.mark.skipif(not REES46.exists(), reason="the REES46 sample is not at hand")
def test_rees46_sessions_by_user_session(lake: Lake) -> None:
    mapping = REPOSITORY / "examples" / "rees46"
    import_files(lake.spark, lake.config, [f"events={REES46}"], mapping)
    again = import_files(lake.spark, lake.config, [f"events={REES46}"], mapping)
    assert [(table.added, table.already_there) for table in again.tables] == [(0, 1000), (0, 10)]
    lake.run()
    expected: dict[str, Counter[str]] = {}
    bought = defaultdict(set)  # by order: a session's purchases are one
    with REES46.open(encoding="utf-8", newline="") as stream:
        for line in csv.DictReader(stream):
            counts = expected.setdefault(line["user_session"], Counter())
            counts[line["event_type"]] += 1
            if line["event_type"] == "purchase":
                price = Decimal(line["price"])
                counts["cents"] += int(price * 100)
                bought[line["user_session"]].add((line["product_id"], 1, price, price))
    orders = defaultdict(set)
    for row in open_table(lake.config, TRANSACTIONS).scan().to_arrow().to_pylist():
        orders[row["transaction_id"]].add((row["product_id"], row["quantity"], row["unit_price"], row["total_amount"]))
    assert orders == bought
    assert max(map(len, orders.values())) == 2
    sessions = final_sessions(Path(lake.config.landing))
    found = {
        key: Counter({"view": row[7], "cart": row[9], "purchase": row[10], "cents": int(row[11] * 100)})
        for key, row in sessions.items()
    }
    assert found == expected
