"""Sessions, the faults planted among them on the speed layer's side, and what recon.explain finds of a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.snowpark_procs.batches import BatchOptions, Row, at, session
from tests.snowpark_procs.conftest import Warehouse

DAY = date(2024, 1, 15)
Part = tuple[str | None, str]  # a cell: tier, metric
Planted = dict[str, dict[Part, Decimal]]  # cause -> cell -> its part of the difference
SUMS = {
    "page_views": "page_views",
    "product_views": "product_views",
    "searches": "searches",
    "add_to_cart_events": "add_to_cart_events",
    "purchases": "purchases",
    "revenue": "total_spent",
}
# What the marts hold of the staged sessions, written from docs/metrics.md.
MART = """
INSERT INTO marts.daily_speed_comparable (
    date, user_tier, sessions, page_views, product_views, searches, add_to_cart_events, purchases, revenue, unique_users,
    converting_sessions, change_id
)
SELECT
    TO_DATE(session_start), NULLIF(user_tier, ''), COUNT(*), SUM(page_views), SUM(product_views), SUM(searches),
    SUM(add_to_cart_events), SUM(purchases), SUM(total_spent), COUNT(DISTINCT NULLIF(user_id, '')), COUNT_IF(purchases > 0), 1
FROM staging.user_sessions_enhanced
WHERE is_valid
GROUP BY 1, 2
"""
BUILT = (
    "UPDATE ops.model_builds SET watermarks = OBJECT_CONSTRUCT('user_sessions', (SELECT MAX(change_id) "
    "FROM ops.date_changes)) WHERE model = 'mart_daily_speed_comparable'"
)


def visit(number: int, day: date = DAY, **columns: Any) -> Row:
    """A session of a user of its own, with numbers that tell it from others."""
    start = f"{day} {number % 20:02d}:{number % 60:02d}:00"
    row = {
        "user_id": f"user-{number}",
        "user_tier": ("gold", "silver", None)[number % 3],
        "session_end": at(f"{day} {number % 20 + 1:02d}:{number % 60:02d}:00"),
        "page_views": number + 2,
        "product_views": number % 4,
        "searches": number % 3,
        "add_to_cart_events": number % 2,
        "purchases": number % 2,
        "total_spent": Decimal(number % 2) * (Decimal("10.01") + number),
        **columns,
    }
    return session(f"session-{number}", start, **row)


def of_day(row: Row, mark: str) -> Row:
    """The same of another session and user."""
    return {**row, **{name: f"{row[name]}-{mark}" for name in ("session_id", "user_id")}}


def build(warehouse: Warehouse) -> None:
    warehouse.query("DELETE FROM marts.daily_speed_comparable")
    warehouse.query(MART)
    warehouse.query(BUILT)


def stage(
    warehouse: Warehouse, sessions: Sequence[Row], name: str = "all", published_at: str = "2024-02-01T00:00:00Z"
) -> str:
    days = sorted({str(row["session_start"].date()) for row in sessions})
    options = BatchOptions(published_at=published_at, affected_dates=days)
    batch_id = warehouse.publish(sessions=sessions, name=name, options=options)
    warehouse.call("ops.load_pending()")
    warehouse.call("ops.flag_quality()")
    build(warehouse)
    return batch_id


def brings(row: Row, sign: int = 1) -> dict[Part, Decimal]:
    """What one session of a user of its own brings to the cells of its tier."""
    tier = row["user_tier"] or None
    counts = {metric: Decimal(row[column]) for metric, column in SUMS.items()}
    counts |= {"sessions": Decimal(1), "unique_users": Decimal(bool(row["user_id"]))}
    counts["converting_sessions"] = Decimal(row["purchases"] > 0)
    return {(tier, metric): sign * value for metric, value in counts.items() if value}


def joined(*parts: dict[Part, Decimal]) -> dict[Part, Decimal]:
    total: dict[Part, Decimal] = defaultdict(Decimal)
    for part in parts:
        for cell, value in part.items():
            total[cell] += value
    return {cell: value for cell, value in total.items() if value}


def explained(
    warehouse: Warehouse, day: date = DAY, *, reconcile: bool = True
) -> tuple[Planted, dict[Part, Decimal], dict[Part, Decimal]]:
    """Reconcile and explain the day: the parts by cause, the recorded differences, and what is left unexplained."""
    if reconcile:
        warehouse.call(f"recon.reconcile_day('{day}')")
    answer = warehouse.call(f"recon.explain('{day}')")
    found: Planted = defaultdict(dict)
    differences, rest = {}, {}
    for cell in answer["cells"]:
        key = (cell["user_tier"], cell["metric"])
        differences[key] = Decimal(str(cell["difference"]))
        if cell["unexplained"]:
            rest[key] = Decimal(str(cell["unexplained"]))
        total = sum((Decimal(str(cause["difference"])) for cause in cell["causes"]), Decimal(0))
        assert total == Decimal(str(cell["explained"]))
        assert total + rest.get(key, Decimal(0)) == differences[key]
        for cause in cell["causes"]:
            found[cause["cause"]][key] = Decimal(str(cause["difference"]))
    return {cause: joined(parts) for cause, parts in found.items()}, differences, rest


# Each flaw: from the staged session, the speed layer's rows in its place, the cause, and its parts.
Flaw = tuple[list[Row], str, dict[Part, Decimal]]


def lost(row: Row) -> Flaw:
    return [], "lost_in_speed", brings(row, -1)


@contextmanager
def allowed_until(warehouse: Warehouse, end: str) -> Iterator[None]:
    """Let what ended before that moment have had its time, and what ended later not."""
    setting = "UPDATE recon.settings SET value = %s WHERE name = 'allowed_lateness_hours'"
    before = warehouse.one("SELECT value FROM recon.settings WHERE name = 'allowed_lateness_hours'")
    warehouse.query(setting, f"{(datetime.now(UTC) - at(end)) / timedelta(hours=1):f}")
    yield
    warehouse.query(setting, before)


def duplicated(row: Row) -> Flaw:
    return (
        [row, dict(row)],
        "duplicated_in_speed",
        {cell: value for cell, value in brings(row).items() if cell[1] in SUMS},
    )


def duplicated_in_another_form(row: Row) -> Flaw:
    twin = {**row, "session_id": row["session_id"].upper()}
    return [row, twin], "identifier_form", {cell: value for cell, value in brings(row).items() if cell[1] in SUMS}


def value_differs(row: Row) -> Flaw:
    more = {**row, "page_views": row["page_views"] + 3, "total_spent": row["total_spent"] - Decimal("0.99")}
    tier = row["user_tier"]
    return [more], "value_differs", {(tier, "page_views"): Decimal(3), (tier, "revenue"): Decimal("-0.99")}


def tier_differs(row: Row) -> Flaw:
    moved = {**row, "user_tier": "platinum"}
    return [moved], "tier_differs", joined(brings(moved), brings(row, -1))


def split(row: Row) -> Flaw:
    first = {**row, "page_views": 1, "product_views": 0, "purchases": 0, "total_spent": Decimal("0.00")}
    columns = {column: row[column] - first[column] for column in SUMS.values()}
    second = {**row, **columns, "session_id": f"{row['session_id']}-second"}
    tier = row["user_tier"]
    return [first, second], "session_split_or_merged", {(tier, "sessions"): Decimal(1)}


FLAWS: list[Callable[[Row], Flaw]] = [
    lost, duplicated, duplicated_in_another_form, value_differs, tier_differs, split,
]  # fmt: skip


def planted(rows: Iterable[Row], flaws: dict[str, Callable[[Row], Flaw]]) -> tuple[list[Row], Planted]:
    """The speed layer's rows, and the parts of the difference by cause."""
    speed: list[Row] = []
    parts: Planted = defaultdict(dict)
    for row in rows:
        flaw = flaws.get(row["session_id"])
        if flaw is None:
            speed.append(row)
            continue
        instead, cause, part = flaw(row)
        speed += instead
        parts[cause] = joined(parts[cause], part)
    return speed, {cause: part for cause, part in parts.items() if part}
