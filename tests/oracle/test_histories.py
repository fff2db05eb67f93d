"""Random histories over the whole road: after each delivery, and after a full refresh, every mart is the oracle's."""

from __future__ import annotations

import os

import pytest

from tests.oracle.compare import contents, differences
from tests.oracle.compute import Delivery, Options, compute
from tests.oracle.definitions import TABLES
from tests.oracle.histories import DELIVERIES, histories
from tests.oracle.road import Road

pytestmark = [pytest.mark.spark, pytest.mark.integration]

# Thirty belong to every run of the tests; a night takes HISTORIES=300.
COUNT = max(30, int(os.environ.get("HISTORIES", "30")))


def test_incremental_builds_and_a_full_refresh_equal_the_oracle(road: Road) -> None:
    shop = histories(COUNT)
    delivered: list[Delivery] = []
    for part in range(DELIVERIES):
        events = [row for history in shop for row in history.events[part]]
        transactions = [row for history in shop for row in history.transactions[part]]
        road.deliver(events, transactions)
        delivered.append(Delivery.of_rows(events, transactions))
        road.build()
        assert differences(road.warehouse.connection, compute(delivered)) == [], f"after delivery {part + 1}"
    earlier = compute(delivered[:1])
    # The comparison sees a difference where there is one: the warehouse has more than the first delivery by now.
    assert all(differences(road.warehouse.connection, earlier, [table]) for table in TABLES)
    incremental = {table: contents(road.warehouse.connection, table) for table in TABLES}
    # A variable changes what every date means: all of them are rebuilt, by an ordinary run.
    road.build("--vars", "{include_bots: true, include_test_users: true, view_idle_minutes: 1}")
    everybody = compute(delivered, Options(include_bots=True, include_test_users=True, view_idle_minutes=1))
    assert differences(road.warehouse.connection, everybody) == []
    road.build("--full-refresh")
    for table in TABLES:
        assert contents(road.warehouse.connection, table) == incremental[table], table
