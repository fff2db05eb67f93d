"""`python -m benchmarks.marts`: how many rows dbt reads when one date of 365 has changed, with and without a late order.

A deployed warehouse of its own in a temporary folder. The year is written straight into STAGING and the ledger, in the order of
time; dbt builds it once, then after new orders, after a change of one date without any, and after a late order.

A scan is counted with all rows of the row groups that it touches (benchmarks/scans.py). The year is small, and its row groups
are small accordingly: 1.1 million events in groups of 2,048 are cut as finely as 66 million in the usual ones of 122,880.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.scans import ProfiledEndpoint, deployed, insert_rows
from local_stack.endpoint.engine.engine import Engine
from local_stack.layout import REPO
from tests.dbt_environment import profile_variables
from tests.snowpark_procs.conftest import DATABASE, Warehouse

_DAYS = 365
_PER_SESSION = 12
_PER_USER = 100
_PURCHASE_EVERY = 40
_DAY = "2023-07-02"
_LAST_DAY = "2023-12-31"


def fill(engine: Engine, events_per_day: int) -> None:
    """Write a year: sessions of twelve events, a purchase among forty, a hundred events a user."""
    events = _DAYS * events_per_day
    step = 86_400_000_000 // events_per_day
    users = max(events // _PER_USER, 1)
    user = f"'u' || (hash(i // {_PER_SESSION}) % {users})"
    at = f"TIMESTAMP '2023-01-01' + to_microseconds(i * {step})"
    bought = f"i % {_PURCHASE_EVERY} = {_PURCHASE_EVERY - 1}"
    session = f"(i * {_PER_SESSION})"
    rows = {
        "EVENTS_CLEANED": (
            events,
            {
                "event_id": "md5(i::VARCHAR)",
                "session_id": f"md5('s' || i // {_PER_SESSION})",
                "user_id": user,
                "timestamp": at,
                "event_type": f"CASE WHEN {bought} THEN 'purchase' WHEN i % 4 = 1 THEN 'product_view' ELSE 'page_view' END",
                "product_id": f"CASE WHEN {bought} OR i % 4 = 1 THEN 'p' || i % 500 END",
                "transaction_id": f"CASE WHEN {bought} THEN md5('t' || i // {2 * _PURCHASE_EVERY}) END",
                "properties_parsed": f"CASE WHEN {bought} THEN '{{\"amount\": 9.99}}' END",
            },
        ),
        "USER_SESSIONS_ENHANCED": (
            events // _PER_SESSION,
            {
                "session_id": "md5('s' || i)",
                "user_id": f"'u' || (hash(i) % {users})",
                "session_start": at.replace("i * ", f"{session} * "),
                "session_end": at.replace("i * ", f"({session} + {_PER_SESSION - 1}) * "),
                "event_count": str(_PER_SESSION),
                "page_views": "8",
                "product_views": "3",
                "searches": "0",
                "add_to_cart_events": "0",
                "purchases": "0",
                "total_spent": "0",
            },
        ),
        "TRANSACTIONS_VALIDATED": (
            events // _PURCHASE_EVERY,
            {
                "transaction_id": "md5('t' || i // 2)",
                "product_id": f"'p' || (i * {_PURCHASE_EVERY} + {_PURCHASE_EVERY - 1}) % 500",
                "created_at": at.replace("i * ", f"(i * {_PURCHASE_EVERY} + {_PURCHASE_EVERY - 1}) * "),
                "quantity": "1",
                "total_amount": "9.99",
            },
        ),
    }
    common = {"user_tier": "'gold'", "is_valid": "TRUE", "is_bot_traffic": "FALSE", "is_test_user": "FALSE"}
    for table, (count, columns) in rows.items():
        insert_rows(engine, table, count, common | columns)
    engine.duck_conn.execute(
        f"INSERT INTO {DATABASE}.OPS.DATE_CHANGES (change_id, dataset, date, batch_id, changed_at)"
        " SELECT 1, d.dataset, DATE '2023-01-01' + i::INT, 'year', now()::TIMESTAMP"
        f" FROM range({_DAYS}) AS r (i), (VALUES ('user_events'), ('user_sessions'), ('transactions')) AS d (dataset)"
    )


def changed(
    warehouse: Warehouse, change_id: int, statements: Sequence[str], datasets: Sequence[str], date: str
) -> None:
    """Change STAGING and tell it in the ledger."""
    for statement in statements:
        warehouse.query(statement)
    for dataset in datasets:
        warehouse.query(
            f"INSERT INTO ops.date_changes (change_id, dataset, date, batch_id, changed_at) SELECT {change_id}, '{dataset}', "
            f"'{date}'::DATE, 'change', CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ"
        )


def _purchases(name: str, date: str, users: int) -> str:
    """A statement that inserts an order of each of so many users at noon of a date."""
    return (
        "INSERT INTO staging.events_cleaned (event_id, session_id, user_id, event_type, timestamp, product_id, "
        "transaction_id, properties_parsed, is_valid, is_bot_traffic, is_test_user) "
        f"SELECT '{name}' || n, '{name}' || n, 'u' || n, 'purchase', '{date} 12:00:00'::TIMESTAMP_NTZ, 'p1', '{name}' || n, "
        "PARSE_JSON('{\"amount\": 5}'), TRUE, FALSE, FALSE "
        f"FROM (SELECT SEQ8() + 1 AS n FROM TABLE(GENERATOR(ROWCOUNT => {users})))"
    )


@dataclass(frozen=True)
class Build:
    """A `dbt run`: how long it took, and its statements with their scans."""

    seconds: float
    statements: list[dict[str, Any]]

    @property
    def touched(self) -> Counter[str]:
        return self._rows("touched")

    @property
    def taken(self) -> Counter[str]:
        return self._rows("taken")

    def _rows(self, counted: str) -> Counter[str]:
        rows: Counter[str] = Counter()
        for statement in self.statements:
            for scan in statement["scans"]:
                rows[scan["table"]] += scan[counted]
        return rows


def build(endpoint: ProfiledEndpoint, folder: Path) -> Build:
    """Run dbt in a process of its own."""
    endpoint.forget()
    environment = {**os.environ, **profile_variables(endpoint)}
    project = str(REPO / "dbt_project")
    command = [str(Path(sys.executable).with_name("dbt")), "run", "--project-dir", project, "--profiles-dir", project]
    command += ["--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]
    started = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout[-3000:])
    return Build(time.monotonic() - started, endpoint.statements())


def measure(events_per_day: int, row_group: int) -> dict[str, Build]:
    """The builds by name."""
    found: dict[str, Build] = {}
    with deployed(lambda engine: fill(engine, events_per_day), row_group) as (endpoint, warehouse):
        folder = endpoint.data_dir.parent
        found["all 365 dates"] = build(endpoint, folder)
        changed(warehouse, 2, [_purchases("new", _LAST_DAY, 50)], ("user_events",), _LAST_DAY)
        found["the newest date, orders of 50 users"] = build(endpoint, folder)
        views = f"UPDATE staging.user_sessions_enhanced SET page_views = 9 WHERE session_start::DATE = '{_DAY}'"
        changed(warehouse, 3, [views], ("user_sessions", "user_events"), _DAY)
        found["one date, no order"] = build(endpoint, folder)
        changed(warehouse, 4, [_purchases("late", _DAY, 1)], ("user_events",), _DAY)
        found["one date, a late order of one user"] = build(endpoint, folder)
    return found


def report(found: Mapping[str, Build], events_per_day: int, row_group: int) -> None:
    """Print rows by table, and as a share of what the whole year took."""
    title = f"rows read by `dbt run`, a year of {_DAYS * events_per_day:,} events, row groups of {row_group:,}"
    table = Table("table", *found, title=title)
    whole, *_ = found.values()
    for name, _ in whole.touched.most_common():
        table.add_row(name, *(f"{each.touched[name]:,}" for each in found.values()))
    for label, counted in (("in all", "touched"), ("those taken", "taken")):
        rows = [getattr(each, counted).total() for each in found.values()]
        table.add_row(label, *(f"{count:,}" for count in rows))
        table.add_row("  of the whole", *(f"{100 * count / rows[0]:.2f} %" for count in rows))
    table.add_row("seconds", *(f"{each.seconds:.1f}" for each in found.values()))
    Console(width=140).print(table)


def report_statements(name: str, build: Build) -> None:
    """Print the scans of a build's statements."""
    table = Table("statement", "table", "rows touched", "rows taken", title=name)
    for statement in build.statements:
        for scan in statement["scans"]:
            words = " ".join(re.sub(r"/\*.*?\*/", "", statement["statement"]).split())[:70]
            table.add_row(words, scan["table"], f"{scan['touched']:,}", f"{scan['taken']:,}")
    Console(width=160).print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.marts", description=__doc__)
    parser.add_argument("--events-per-day", type=int, default=3_000)
    parser.add_argument("--row-group", type=int, default=2_048, help="rows of a row group")
    parser.add_argument("--statements", action="store_true", help="print the scans of each statement too")
    options = parser.parse_args()
    found = measure(options.events_per_day, options.row_group)
    if options.statements:
        for name, each in found.items():
            report_statements(name, each)
    report(found, options.events_per_day, options.row_group)


if __name__ == "__main__":
    main()
