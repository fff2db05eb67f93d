"""Whatever happens, in whatever portions: the marts built by affected date equal a full refresh, row for row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.dbt.staged_rows import Event, Session
from tests.dbt.warehouse import MARTS, Warehouse

pytestmark = pytest.mark.integration

MIDNIGHT = datetime(2024, 2, 29)
# Four days with the edge of each, and a day far away.
moments = st.one_of(
    st.integers(-120, 120).flatmap(
        lambda seconds: st.integers(0, 3).map(lambda day: MIDNIGHT + timedelta(days=day, seconds=seconds))
    ),
    st.just(MIDNIGHT + timedelta(days=200)),
)
cents = st.integers(0, 10**9).map(lambda value: Decimal(value).scaleb(-2))
counts = st.integers(0, 7)
users = st.sampled_from((None, "u1", "u2"))

sessions = st.builds(
    Session,
    session_id=st.sampled_from([f"s{n}" for n in range(6)]),
    session_start=moments,
    user_id=users,
    user_tier=st.sampled_from((None, "gold", "bronze")),
    session_duration_minutes=st.integers(0, 14_400_000).map(lambda value: Decimal(value).scaleb(-4)),
    page_views=counts,
    product_views=counts,
    searches=counts,
    add_to_cart_events=counts,
    purchases=counts,
    total_spent=cents,
    event_count=st.integers(1, 9),
    conversion_time_minutes=st.none() | st.integers(0, 10**6).map(lambda value: Decimal(value).scaleb(-4)),
    is_valid=st.booleans(),
)
events = st.builds(
    Event,
    event_id=st.sampled_from([f"e{n}" for n in range(9)]),
    session_id=st.sampled_from((None, "s1", "s2")),
    event_type=st.sampled_from(("page_view", "product_view", "add_to_cart", "purchase")),
    timestamp=moments,
    user_id=users,
    product_id=st.sampled_from((None, "p1", "p2")),
    amount=st.sampled_from((None, "0.015", "1e2", "12,50", "-3.5", "NaN")),
    is_valid=st.booleans(),
)


@dataclass(frozen=True)
class Batch:
    sessions: list[Session]
    events: list[Event]
    lost: set[str]
    build_after: bool


batches = st.builds(
    Batch,
    sessions=st.lists(sessions, max_size=6, unique_by=lambda s: s.session_id),
    events=st.lists(events, max_size=9, unique_by=lambda e: e.event_id),
    lost=st.sets(st.sampled_from([*(f"s{n}" for n in range(6)), *(f"e{n}" for n in range(9))]), max_size=4),
    build_after=st.booleans(),
)


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes here
)
@given(history=st.lists(batches, min_size=2, max_size=4))
def test_incremental_equals_full_refresh_equals_independent_computation(
    warehouse: Warehouse, history: list[Batch]
) -> None:
    warehouse.clear()
    for batch in history:
        brought = {*(s.session_id for s in batch.sessions), *(e.event_id for e in batch.events)}
        lost = sorted(batch.lost - brought)
        warehouse.flag(
            batch.sessions,
            batch.events,
            gone_sessions=[key for key in lost if key.startswith("s")],
            gone_events=[key for key in lost if key.startswith("e")],
        )
        if batch.build_after:
            warehouse.build()
    warehouse.build()
    incremental = {mart: warehouse.rows(mart) for mart in MARTS}
    warehouse.build("--full-refresh")
    for mart in MARTS:
        assert incremental[mart] == warehouse.rows(mart), mart
        assert incremental[mart] == warehouse.expected(mart), mart
