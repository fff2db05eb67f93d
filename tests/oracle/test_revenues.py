"""Where two tables show a revenue (docs/metrics.md), what differs is measured, and comes of the listed causes alone."""

from __future__ import annotations

import duckdb
import pytest

from tests.oracle.compute import Options
from tests.oracle.definitions import TABLES

# The sums of a table's column by date.
_SHOWN = {
    "revenue": ("marts.daily_totals", "revenue"),
    "revenue of the tiers": ("marts.daily_metrics", "revenue"),
    "order value": ("marts.daily_totals", "order_value"),
    "revenue of products": ("marts.product_performance", "revenue"),
    "compared revenue": ("marts.daily_speed_comparable", "revenue"),
    "net revenue": ("marts.daily_totals", "net_revenue"),
}
# Purchases of sessions that count, and of orders, each with what it adds to a date.
_IN_SESSIONS = """
    SELECT s.date, m.event_id, m.amount, m.is_valid FROM members AS m JOIN sessions AS s USING (session_id)
    WHERE m.event_type = 'purchase'
"""
_IN_ORDERS = """
    SELECT o.date, b.event_id, b.amount, b.date AS own_date, b.product_id, m.event_id IS NULL AS is_outside, s.is_valid
    FROM bought AS b JOIN orders AS o USING (order_id)
    LEFT JOIN members AS m ON b.event_id = m.event_id
    LEFT JOIN judged_sessions AS s ON m.session_id = s.session_id
"""
# Two of them -> what the first has more than the second, by cause: queries of date and amount.
_CAUSES = {
    ("revenue", "revenue of the tiers"): {},
    ("revenue", "order value"): {
        "purchases that are not valid": f"SELECT date, amount FROM ({_IN_SESSIONS}) WHERE NOT is_valid",
        "purchases outside any session": f"SELECT date, -amount FROM ({_IN_ORDERS}) WHERE is_outside",
        "sessions that are not valid": f"SELECT date, -amount FROM ({_IN_ORDERS}) WHERE NOT is_outside AND NOT is_valid",
        "session and order on different dates": f"""
            SELECT unnest([s.date, o.date]), unnest([s.amount, -s.amount])
            FROM ({_IN_SESSIONS}) AS s JOIN ({_IN_ORDERS}) AS o USING (event_id) WHERE s.date <> o.date
        """,
    },
    ("revenue of products", "order value"): {
        "purchases without a product": f"SELECT own_date, -amount FROM ({_IN_ORDERS}) WHERE product_id IS NULL",
        "orders over several dates": f"""
            SELECT unnest([own_date, date]), unnest([amount, -amount]) FROM ({_IN_ORDERS}) WHERE own_date <> date
        """,
    },
    ("compared revenue", "revenue"): {
        "bots and test users": """
            SELECT date, total_spent FROM judged_sessions WHERE is_valid AND session_id NOT IN (SELECT session_id FROM sessions)
        """,
    },
    ("net revenue", "order value"): {
        "cancellations": """
            SELECT o.date, -l.gross_amount FROM order_lines AS l JOIN orders AS o USING (order_id) WHERE l.is_cancelled
        """,
        "returns": "SELECT date, net_amount FROM return_lines",
        "discounts, tax and totals that are not what the events say": """
            SELECT o.date, l.net_amount - l.gross_amount FROM order_lines AS l JOIN orders AS o USING (order_id)
            WHERE NOT l.is_cancelled AND l.transaction_total IS NOT NULL
        """,
    },
}


@pytest.mark.parametrize(("shown", "other"), _CAUSES)
def test_what_differs_comes_of_the_listed_causes(rightly: duckdb.DuckDBPyConnection, shown: str, other: str) -> None:
    causes = _CAUSES[shown, other]
    explained = [f"SELECT * FROM ({query}) AS t (date, amount)" for query in causes.values()]
    shares = [f"SELECT date, amount FROM ({_of(shown)})", f"SELECT date, -amount FROM ({_of(other)})"]
    parts = [*shares, *(f"SELECT date, -amount FROM ({query})" for query in explained)]
    left = rightly.execute(
        f"SELECT date, sum(amount) FROM ({' UNION ALL '.join(parts)}) AS t (date, amount) GROUP BY date HAVING sum(amount) <> 0"
    )
    assert left.fetchall() == []
    for cause, query in zip(causes, explained, strict=True):
        assert rightly.execute(f"SELECT count(*) FROM ({query}) WHERE amount <> 0").fetchall() != [(0,)], cause


def _of(shown: str) -> str:
    table, column = _SHOWN[shown]
    return f"SELECT date, {column} AS amount FROM ({TABLES[table][1].format(**Options().placeholders)})"
