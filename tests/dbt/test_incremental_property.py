"""Whatever happens, in whatever portions: the marts built by affected date equal a full refresh, row for row."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from tests.dbt.staged_rows import Event, Session, Transaction
from tests.dbt.warehouse import MARTS, Warehouse

pytestmark = pytest.mark.integration

HISTORIES = int(os.environ.get("HISTORIES", "30"))
ROUNDS = 4
# What builds continue from.
KEPT = {
    "int_order_lines": "SELECT * EXCLUDE created_at FROM staging.int_order_lines ORDER BY order_id, product_id, line_kind",
    "int_user_days": "SELECT * EXCLUDE created_at FROM staging.int_user_days ORDER BY user_id, date",
    "user_totals": "SELECT * FROM ops.user_totals ORDER BY user_id",
}
_TIERS = (None, "", "gold", "bronze")


@dataclass
class Batch:
    sessions: list[Session] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    gone_sessions: set[str] = field(default_factory=set)
    gone_events: set[str] = field(default_factory=set)


def add_history(batch: Batch, number: int, source: random.Random) -> None:
    """Add what happens to one shop in one round. Shops share neither ids nor dates, so that one build serves all."""
    name = f"h{number}-"
    midnight = datetime(2024, 2, 29) + timedelta(days=400 * number)

    def moment() -> datetime:
        """Near midnight of one of four days, or far away."""
        if source.random() < 0.1:
            return midnight + timedelta(days=200)
        return midnight + timedelta(days=source.randrange(4), seconds=source.randint(-120, 120))

    def one_of(*values: str | None) -> str | None:
        chosen = source.choice(values)
        return name + chosen if chosen else chosen

    def cents() -> Decimal:
        return Decimal(source.choice((0, 1, 1999, source.randrange(10**9)))).scaleb(-2)

    users = (None, "", "u1", "u2", "u3")
    products = (None, "", "p1", "p2")
    orders = (None, "", "t1", "t2", "t3")
    sessions = [f"{name}s{n}" for n in source.sample(range(6), source.randrange(5))]
    events = [f"{name}e{n}" for n in source.sample(range(12), source.randrange(8))]
    for session_id in sessions:
        start = moment()
        batch.sessions.append(
            Session(
                session_id=session_id,
                session_start=start,
                user_id=one_of(*users),
                user_tier=source.choice(_TIERS),
                lasts=timedelta(microseconds=source.choice((0, 1, source.randrange(86_400_000_000)))),
                page_views=source.randrange(8),
                product_views=source.randrange(8),
                searches=source.randrange(8),
                add_to_cart_events=source.randrange(8),
                purchases=source.randrange(3),
                total_spent=cents(),
                event_count=source.randrange(1, 4),
                first_purchase_at=source.choice((None, start + timedelta(microseconds=source.randrange(10**9)))),
                is_valid=source.random() < 0.8,
                is_bot=source.random() < 0.15,
                is_test_user=source.random() < 0.15,
            )
        )
    for event_id in events:
        batch.events.append(
            Event(
                event_id=event_id,
                session_id=one_of(None, "", "s1", "s2"),
                event_type=source.choice(("page_view", "product_view", "add_to_cart", "purchase", "purchase")),
                timestamp=moment(),
                user_id=one_of(*users),
                product_id=one_of(*products),
                amount=source.choice((None, "0.015", "1e2", "12,50", "-3.5", "NaN", "19.99")),
                user_tier=source.choice(_TIERS),
                transaction_id=one_of(*orders),
                quantity=source.choice((None, "2", "0", "1.5")),
                is_valid=source.random() < 0.8,
                is_bot=source.random() < 0.1,
                is_test_user=source.random() < 0.1,
            )
        )
    for key in {(one_of(*orders[2:], "t4"), one_of(None, "p1", "p2")) for _ in range(source.randrange(4))}:
        assert key[0] is not None
        batch.transactions.append(
            Transaction(
                transaction_id=key[0],
                product_id=key[1],
                created_at=moment(),
                quantity=source.choice((None, 0, 2, -3)),
                total_amount=cents(),
                tax_amount=source.choice((None, cents())),
                status=source.choice((None, "completed", "Cancelled", "adjustment")),
                user_id=one_of(*users),
                user_tier=source.choice(_TIERS),
                is_valid=source.random() < 0.8,
                is_test_user=source.random() < 0.1,
            )
        )
    batch.gone_sessions |= {f"{name}s{n}" for n in range(6) if source.random() < 0.1} - set(sessions)
    batch.gone_events |= {f"{name}e{n}" for n in range(12) if source.random() < 0.1} - set(events)


def test_incremental_equals_full_refresh_equals_independent_computation(warehouse: Warehouse) -> None:
    source = random.Random(int(os.environ.get("SEED", "20240229")))
    for _ in range(ROUNDS):
        batch = Batch()
        for number in range(HISTORIES):
            if source.random() < 0.8:
                add_history(batch, number, source)
        warehouse.flag(
            batch.sessions,
            batch.events,
            gone_sessions=sorted(batch.gone_sessions),
            gone_events=sorted(batch.gone_events),
            transactions=batch.transactions,
        )
        warehouse.build()
    incremental = {mart: warehouse.rows(mart) for mart in MARTS}
    kept = {table: warehouse.execute(query) for table, query in KEPT.items()}
    assert all(kept.values())
    for mart in MARTS:
        expected = warehouse.expected(mart)
        differing = {
            key for key in incremental[mart].keys() | expected.keys() if incremental[mart].get(key) != expected.get(key)
        }
        for key in sorted(differing, key=str)[:3]:
            assert incremental[mart].get(key) == expected.get(key), (mart, key, len(differing))
    warehouse.build("--full-refresh")
    for mart in MARTS:
        assert incremental[mart] == warehouse.rows(mart), mart
    for table, query in KEPT.items():
        assert kept[table] == warehouse.execute(query), table
