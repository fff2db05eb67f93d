"""Public data of real shops, through every stage, against independent queries of the same files."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from local_stack.layout import REPO, Layout
from tests.local_stack.stack import local_stack, run_tool, serving, warehouse

pytestmark = [pytest.mark.integration, pytest.mark.spark, pytest.mark.shared_data]

_DATA = Path(os.environ.get("SHARED_DIR", REPO.parent / "shared")) / "data"


def _file(name: str) -> Path:
    path = _DATA / name
    if not path.exists():
        pytest.skip(f"the public sample file {name} is not at {_DATA}")
    return path


def _through_every_stage(layout: Layout, name: str, path: Path, mapping: str) -> tuple[str, str]:
    """Import, then run; return what both printed."""
    layout.make()
    with serving(layout) as address:
        arguments = ("--input", f"{name}={path}", "--mapping", str(REPO / "examples" / mapping))
        imported = run_tool(layout, address, "python", "-m", "spark_ingest", "import", *arguments)
        assert imported.returncode == 0, imported.stderr
        ran = local_stack(layout, "run")
    return imported.stdout + imported.stderr, ran


def test_online_retail_revenue_by_day_to_the_cent(tmp_path: Path) -> None:
    path = _file("online_retail.csv.gz")
    layout = Layout(tmp_path / "state")
    _, ran = _through_every_stage(layout, "lines", path, "online_retail")
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
        [str(path)],
    ).fetchall()
    with warehouse(layout) as connection:
        found = connection.rows(
            "SELECT date, SUM(revenue) FROM marts.daily_metrics GROUP BY date HAVING SUM(revenue) > 0 ORDER BY date"
        )
        lines = connection.rows("SELECT COUNT(*) FROM staging.transactions_validated")[0][0]
    assert len(expected) == 305
    assert found == expected
    assert sum((amount for _, amount in found), Decimal(0)) > 10_000_000
    assert lines == 541_909
    assert "nothing to compare" in ran


def test_rees46_sessions_by_user_session(tmp_path: Path) -> None:
    path = _file("rees46_2019_oct_sample.csv")
    layout = Layout(tmp_path / "state")
    _through_every_stage(layout, "events", path, "rees46")
    expected = duckdb.execute(
        """
        SELECT user_session, count(*), count(*) FILTER (event_type = 'view'), count(*) FILTER (event_type = 'cart'),
            count(*) FILTER (event_type = 'purchase'),
            coalesce(sum(price::DECIMAL(38, 2)) FILTER (event_type = 'purchase'), 0)::DECIMAL(38, 2)
        FROM read_csv(?, all_varchar = true, header = true) GROUP BY 1 ORDER BY 1
        """,
        [str(path)],
    ).fetchall()
    with warehouse(layout) as connection:
        found = connection.rows(
            "SELECT session_id, event_count, product_views, add_to_cart_events, purchases, total_spent"
            " FROM staging.user_sessions_enhanced ORDER BY session_id"
        )
        marts = connection.rows("SELECT SUM(sessions), SUM(purchases), SUM(revenue) FROM marts.daily_metrics")
    assert found == expected
    assert marts == [(len(expected), 10, sum((row[5] for row in expected), Decimal(0)))]
