"""`python -m benchmarks.marts`: how many rows dbt reads when one date of 365 has changed, with and without a late order.

A deployed warehouse of its own in a temporary folder. The year is written straight into STAGING and the ledger, in the order of
time; dbt builds it once, then after a change of one date, and once more after a late order.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
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


def changed(warehouse: Warehouse, change_id: int, statements: Sequence[str], datasets: Sequence[str]) -> None:
    """Change STAGING and tell it in the ledger."""
    for statement in statements:
        warehouse.query(statement)
    for dataset in datasets:
        warehouse.query(
            f"INSERT INTO ops.date_changes (change_id, dataset, date, batch_id, changed_at) SELECT {change_id}, '{dataset}', "
            f"'{_DAY}'::DATE, 'change', CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ"
        )


def build(endpoint: ProfiledEndpoint, folder: Path) -> tuple[float, Counter[str]]:
    """Seconds of `dbt run`, and the rows that it touched, by table."""
    endpoint.forget()
    environment = {**os.environ, **profile_variables(endpoint)}
    project = str(REPO / "dbt_project")
    command = [str(Path(sys.executable).with_name("dbt")), "run", "--project-dir", project, "--profiles-dir", project]
    command += ["--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]
    started = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout[-3000:])
    rows: Counter[str] = Counter()
    for statement in endpoint.statements():
        for scan in statement["scans"]:
            rows[scan["table"]] += scan["touched"]
    return time.monotonic() - started, rows


def measure(events_per_day: int) -> dict[str, tuple[float, Counter[str]]]:
    """The builds by name: seconds, and rows touched by table."""
    late = f"'{_DAY} 12:00:00'::TIMESTAMP_NTZ"
    found: dict[str, tuple[float, Counter[str]]] = {}
    with deployed(lambda engine: fill(engine, events_per_day)) as (endpoint, warehouse):
        folder = endpoint.data_dir.parent
        found["all 365 dates"] = build(endpoint, folder)
        views = f"UPDATE staging.user_sessions_enhanced SET page_views = 9 WHERE session_start::DATE = '{_DAY}'"
        changed(warehouse, 2, [views], ("user_sessions", "user_events"))
        found["one date, no late order"] = build(endpoint, folder)
        order = (
            "INSERT INTO staging.events_cleaned (event_id, session_id, user_id, event_type, timestamp, product_id, "
            "transaction_id, properties_parsed, is_valid, is_bot_traffic, is_test_user) SELECT 'late', 'late', 'u1', "
            f"'purchase', {late}, 'p1', 'late', PARSE_JSON('{{\"amount\": 5}}'), TRUE, FALSE, FALSE"
        )
        changed(warehouse, 3, [order], ("user_events",))
        found["one date, a late order of one user"] = build(endpoint, folder)
    return found


def report(found: Mapping[str, tuple[float, Counter[str]]], events_per_day: int) -> None:
    """Print rows by table, and as a share of what the whole year took."""
    events = _DAYS * events_per_day
    table = Table("table", *found, title=f"rows read by `dbt run`, a year of {events:,} events")
    whole: Any = next(iter(found.values()))[1]
    for name, _ in whole.most_common():
        table.add_row(name, *(f"{rows[name]:,}" for _, rows in found.values()))
    table.add_row("in all", *(f"{rows.total():,}" for _, rows in found.values()))
    table.add_row("of the whole", *(f"{100 * rows.total() / whole.total():.2f} %" for _, rows in found.values()))
    table.add_row("seconds", *(f"{seconds:.1f}" for seconds, _ in found.values()))
    Console(width=140).print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.marts", description=__doc__)
    parser.add_argument("--events-per-day", type=int, default=27_000)
    options = parser.parse_args()
    report(measure(options.events_per_day), options.events_per_day)


if __name__ == "__main__":
    main()
