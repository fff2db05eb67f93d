"""Public data of real shops, through every stage, against independent queries of the same files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from local_stack.client_environment import lake_variables
from local_stack.layout import REPO, Layout
from local_stack.warehouse_client import Warehouse
from spark_ingest.config import load_config
from spark_ingest.lake.catalog import open_table
from spark_ingest.lake.tables import TRANSACTIONS, USER_EVENTS
from tests.local_stack.stack import local_stack, run_tool, serving, warehouse
from tests.oracle.compare import differences
from tests.oracle.compute import Delivery, compute
from tests.oracle.definitions import TABLES

pytestmark = [pytest.mark.integration, pytest.mark.spark, pytest.mark.shared_data]

_DATA = Path(os.environ.get("SHARED_DIR", REPO.parent / "shared")) / "data"


@dataclass(frozen=True)
class Shop:
    """A shop's public data: its file, and the mapping in examples/ with the view that it reads."""

    path: Path
    mapping: str
    view: str


RETAIL = Shop(_DATA / "online_retail.csv.gz", "online_retail", "lines")
REES46 = Shop(_DATA / "rees46_2019_oct_sample.csv", "rees46", "events")
# All dates of the first come before, all of the second after.
_BETWEEN = "'2015-01-01'"


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = Layout(tmp_path_factory.mktemp("shops") / "state")
    layout.make()
    return layout


@pytest.fixture(scope="module")
def printed(layout: Layout) -> str:
    """Import what is there of both shops into one lake, take it through every stage at once; what that run printed."""
    with serving(layout) as address:
        for shop in (RETAIL, REES46):
            if shop.path.exists():
                arguments = ("--input", f"{shop.view}={shop.path}", "--mapping", str(REPO / "examples" / shop.mapping))
                imported = run_tool(layout, address, "python", "-m", "spark_ingest", "import", *arguments)
                assert imported.returncode == 0, imported.stderr
        return local_stack(layout, "run")


@pytest.fixture(scope="module")
def connection(layout: Layout, printed: str) -> Iterator[Warehouse]:
    with warehouse(layout) as opened:
        yield opened


def needs(shop: Shop) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        not shop.path.exists(), reason=f"the public sample file {shop.path.name} is not at {_DATA}"
    )


@needs(RETAIL)
def test_online_retail_revenue_by_day_to_the_cent(connection: Warehouse, printed: str) -> None:
    # The documented rules: goods sold count (quantity and price above zero, invoice neither cancelled 'C' nor an
    # adjustment 'A'), rounded half up to the cent per line; the customer may be missing; a day is that of the
    # invoice's first line.
    expected = duckdb.execute(
        """
        WITH sold AS (
            SELECT InvoiceNo, InvoiceDate::TIMESTAMP AS event_time,
                round(Quantity::DECIMAL(18, 0) * UnitPrice::DECIMAL(18, 3), 2)::DECIMAL(18, 2) AS amount
            FROM read_csv(?, all_varchar = true, header = true)
            WHERE Quantity::INT > 0 AND UnitPrice::DECIMAL(18, 3) > 0
                AND NOT (InvoiceNo LIKE 'C%' OR InvoiceNo LIKE 'A%')
        ),
        invoices AS (SELECT InvoiceNo, min(event_time)::DATE AS date, sum(amount) AS amount FROM sold GROUP BY InvoiceNo)
        SELECT date, sum(amount)::DECIMAL(38, 2) FROM invoices GROUP BY date ORDER BY date
        """,
        [str(RETAIL.path)],
    ).fetchall()
    found = connection.rows(
        f"SELECT date, SUM(revenue) FROM marts.daily_metrics WHERE date < {_BETWEEN}"
        " GROUP BY date HAVING SUM(revenue) > 0 ORDER BY date"
    )
    assert len(expected) == 305
    assert found == expected
    assert "dbt source freshness: how old STAGING and the ledger are — all fresh" in printed
    assert sum((amount for _, amount in found), Decimal(0)) > 10_000_000
    assert "nothing to compare" in printed


@needs(RETAIL)
def test_online_retail_orders_units_and_returns(connection: Warehouse) -> None:
    """An invoice is an order; what came back and what is neither sale nor return stands beside it, and nothing is lost."""
    lines = """
        WITH lines AS (
            SELECT *, Quantity::INT AS units, UnitPrice::DECIMAL(18, 3) AS price,
                round(Quantity::DECIMAL(18, 0) * UnitPrice::DECIMAL(18, 3), 2)::DECIMAL(18, 2) AS amount,
                CASE WHEN InvoiceNo LIKE 'C%' THEN 'returned'
                    WHEN InvoiceNo LIKE 'A%' OR Quantity::INT <= 0 OR UnitPrice::DECIMAL(18, 3) <= 0 THEN 'adjustment'
                    ELSE 'completed' END AS status
            FROM read_csv(?, all_varchar = true, header = true)
        )
    """
    expected = duckdb.execute(
        f"{lines} SELECT status, count(DISTINCT InvoiceNo), count(DISTINCT (InvoiceNo, StockCode)), sum(units)::BIGINT,"
        " sum(amount)::DECIMAL(38, 2) FROM lines GROUP BY status ORDER BY status",
        [str(RETAIL.path)],
    ).fetchall()
    found = connection.rows(
        "SELECT status, COUNT(DISTINCT REPLACE(transaction_id, '/adjustment')), COUNT(*), SUM(quantity), SUM(total_amount)"
        f" FROM staging.transactions_validated WHERE created_at < {_BETWEEN} GROUP BY status ORDER BY status"
    )
    assert found == expected
    assert [(row[1], row[3], row[4]) for row in found if row[0] != "adjustment"] == [
        (19_959, 5_588_375, Decimal("10655622.48")),
        (3_836, -277_574, Decimal("-896812.49")),
    ]
    # By its events, an order is what its transactions say; each of its lines sold is an event.
    ((events, orders, gross, unlike),) = connection.rows(
        "WITH bought AS (SELECT transaction_id, product_id, COUNT(*) AS events,"
        "   SUM(properties_parsed:amount::DECIMAL(18, 2)) AS amount, SUM(properties_parsed:quantity::INT) AS units"
        f" FROM staging.events_cleaned WHERE event_type = 'purchase' AND timestamp < {_BETWEEN} GROUP BY ALL)"
        " SELECT SUM(events), COUNT(DISTINCT transaction_id), SUM(amount),"
        "   COUNT_IF(t.transaction_id IS NULL OR t.total_amount <> amount OR t.quantity <> units)"
        " FROM bought LEFT JOIN staging.transactions_validated AS t USING (transaction_id, product_id)"
    )
    assert (events, orders, gross, unlike) == (530_103, 19_959, Decimal("10655622.48"), 0)
    assert round(gross / orders, 2) == Decimal("533.88")


@needs(REES46)
def test_rees46_sessions_by_user_session(connection: Warehouse) -> None:
    expected = duckdb.execute(
        """
        SELECT user_session, count(*), count(*) FILTER (event_type = 'view'), count(*) FILTER (event_type = 'cart'),
            count(*) FILTER (event_type = 'purchase'),
            coalesce(sum(price::DECIMAL(38, 2)) FILTER (event_type = 'purchase'), 0)::DECIMAL(38, 2)
        FROM read_csv(?, all_varchar = true, header = true) GROUP BY 1 ORDER BY 1
        """,
        [str(REES46.path)],
    ).fetchall()
    found = connection.rows(
        "SELECT session_id, event_count, product_views, add_to_cart_events, purchases, total_spent"
        f" FROM staging.user_sessions_enhanced WHERE session_start >= {_BETWEEN} ORDER BY session_id"
    )
    marts = connection.rows(
        f"SELECT SUM(sessions), SUM(purchases), SUM(revenue) FROM marts.daily_metrics WHERE date >= {_BETWEEN}"
    )
    orders = connection.rows(
        "SELECT transaction_id, COUNT(*), SUM(quantity), SUM(total_amount) FROM staging.transactions_validated"
        f" WHERE created_at >= {_BETWEEN} GROUP BY transaction_id ORDER BY transaction_id"
    )
    assert found == expected
    assert orders == [(row[0], row[4], row[4], row[5]) for row in expected if row[4]]  # a session's purchases are one
    assert marts == [(len(expected), 10, sum((row[5] for row in expected), Decimal(0)))]


@pytest.mark.skipif(not RETAIL.path.exists() and not REES46.path.exists(), reason=f"no public sample files at {_DATA}")
def test_marts_equal_the_oracle(connection: Warehouse, layout: Layout) -> None:
    config = load_config({**os.environ, **lake_variables(layout)}, REPO)
    events, transactions = (open_table(config, table).scan().to_arrow() for table in (USER_EVENTS, TRANSACTIONS))
    # The lines behind them are half a million rows of their own.
    marts = [table for table in TABLES if table.startswith("marts.")]
    expected = compute([Delivery(events, transactions)], tables=marts)
    assert differences(connection.connection, expected) == []
    assert len(expected["marts.product_performance"].rows) > 500
