"""The comparison rules in Python, an oracle for the SQL that production runs: from the definitions in docs/reconciliation.md.

All values are Decimal; a float is refused, because its rounding would pass for a discrepancy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal

from reconcile.comparison.outcomes import Metric, Result, Status, Tolerance, Verdict, exact
from reconcile.errors import ComparisonError

# Decimal's own operators round to 28 digits. Sums have up to 38; products and quotients of two of them need twice as
# many to be exact or nearly so.
_EXACT = Context(prec=120)
_RELATIVE_PLACES = Decimal("1e-9")  # recon.results.relative_difference is NUMBER(38, 9)
_ZERO = Decimal(0)

METRICS = (
    *(Metric("sessions", "sessions"), Metric("page_views", "events"), Metric("product_views", "events")),
    *(Metric("searches", "events"), Metric("add_to_cart_events", "events"), Metric("purchases", "events")),
    *(Metric("revenue", "money"), Metric("unique_users", "users"), Metric("converting_sessions", "sessions")),
)
NAMES = tuple(metric.name for metric in METRICS)
FIVE_PERCENT = dict.fromkeys(NAMES, Tolerance())


@dataclass(frozen=True)
class GroupValues:
    """The metrics of one date and tier on one side, by name."""

    date: date
    user_tier: str | None
    values: Mapping[str, Decimal]


@dataclass(frozen=True)
class SpeedSession:
    """One row of the speed layer, as it has it: a session may occur more than once. NULL counts are None."""

    session_id: str | None
    date: date
    user_tier: str | None
    page_views: int | None
    purchases: int | None
    total_spent: Decimal | None
    user_id: str | None = None
    product_views: int | None = None
    searches: int | None = None
    add_to_cart_events: int | None = None


def compare(
    speed: Iterable[GroupValues],
    batch: Iterable[GroupValues],
    tolerances: Mapping[str, Tolerance] = FIVE_PERCENT,
) -> list[Result]:
    """Compare every cell that either side has, ordered by date, tier (NULL last) and metric.

    Raises ComparisonError for a group that occurs twice on a side, a missing metric, a value that is no finite Decimal or
    int, or a metric without tolerance.
    """
    speed_groups, batch_groups = _keyed(speed, "speed"), _keyed(batch, "batch")
    results = []
    for key in sorted(speed_groups.keys() | batch_groups.keys(), key=_group_order):
        for metric in METRICS:
            if metric.name not in tolerances:
                raise ComparisonError(f"there is no tolerance for {metric.name}")
            speed_value = _cell(speed_groups.get(key), metric.name, "speed")
            batch_value = _cell(batch_groups.get(key), metric.name, "batch")
            results.append(
                Result(
                    date=key[0],
                    user_tier=key[1],
                    metric=metric,
                    speed_value=speed_value,
                    batch_value=batch_value,
                    difference=_difference(speed_value, batch_value),
                    relative_difference=relative_difference(speed_value, batch_value),
                    status=status_of(speed_value, batch_value, tolerances[metric.name]),
                    tolerance=tolerances[metric.name],
                )
            )
    return results


def status_of(speed_value: Decimal | None, batch_value: Decimal | None, tolerance: Tolerance) -> Status:
    """The status of one cell; None is a side that lacks the group. Raises ComparisonError when both sides lack it."""
    if speed_value is None and batch_value is None:
        raise ComparisonError("a cell that neither side has cannot be compared")
    if batch_value is None:
        return Status.MISSING_IN_BATCH
    if speed_value is None:
        return Status.MISSING_IN_SPEED
    difference = _difference(speed_value, batch_value).copy_abs()
    if difference == 0:
        return Status.MATCH
    # Multiplied, not divided: exact, and a zero batch value allows no relative difference at all.
    if difference <= tolerance.absolute or difference <= _EXACT.multiply(tolerance.relative, batch_value.copy_abs()):
        return Status.WITHIN_TOLERANCE
    return Status.OUT_OF_TOLERANCE


def relative_difference(speed_value: Decimal | None, batch_value: Decimal | None) -> Decimal | None:
    """|speed - batch| / |batch|, nine places, half up; None when the batch value is zero or missing."""
    if batch_value is None or batch_value == 0:
        return None
    quotient = _EXACT.divide(_difference(speed_value, batch_value).copy_abs(), batch_value.copy_abs())
    return quotient.quantize(_RELATIVE_PLACES, rounding=ROUND_HALF_UP, context=_EXACT)


def verdict_of(statuses: Iterable[Status], has_snapshot: bool = True, waits_for: str | None = None) -> Verdict:
    """The verdict over a run's cells.

    A day that waits for data (a snapshot, for one) is not ready, whatever its cells say. One without snapshot or without cells
    had nothing to compare, which is no agreement.
    """
    seen = set(statuses)
    if waits_for is not None:
        return Verdict.NOT_READY
    if not has_snapshot or not seen:
        return Verdict.NOTHING_TO_COMPARE
    if seen == {Status.MATCH}:
        return Verdict.AGREE
    if seen <= {Status.MATCH, Status.WITHIN_TOLERANCE}:
        return Verdict.WITHIN_TOLERANCE
    return Verdict.DISAGREE


def group_sessions(sessions: Iterable[SpeedSession]) -> list[GroupValues]:
    """The speed side's groups: distinct sessions and users, and sums over all rows, repeated ones too.

    An identifier is compared without the blanks around it and in lower case. NULL and nothing are no identifier, and no tier.
    """
    members: dict[tuple[date, str | None], list[SpeedSession]] = {}
    for row in sessions:
        members.setdefault((row.date, row.user_tier or None), []).append(row)
    return [GroupValues(*key, _values(members[key])) for key in sorted(members, key=_group_order)]


def _values(rows: Iterable[SpeedSession]) -> dict[str, Decimal]:
    sums = dict.fromkeys(
        ("page_views", "product_views", "searches", "add_to_cart_events", "purchases", "revenue"), _ZERO
    )
    distinct: dict[str, set[str]] = {"sessions": set(), "unique_users": set(), "converting_sessions": set()}
    for row in rows:
        for name in sums:
            brought = row.total_spent if name == "revenue" else getattr(row, name)
            sums[name] = _EXACT.add(sums[name], exact(brought or 0, name))
        session_id, user_id = _identity(row.session_id), _identity(row.user_id)
        distinct["sessions"] |= session_id
        distinct["unique_users"] |= user_id
        if (row.purchases or 0) > 0:
            distinct["converting_sessions"] |= session_id
    return {**sums, **{name: Decimal(len(ids)) for name, ids in distinct.items()}}


def _identity(identifier: str | None) -> set[str]:
    text = (identifier or "").strip(" \t\r\n").lower()
    return {text} if text else set()


def _group_order(key: tuple[date, str | None]) -> tuple[date, bool, str]:
    return key[0], key[1] is None, key[1] or ""


def _keyed(groups: Iterable[GroupValues], side: str) -> dict[tuple[date, str | None], GroupValues]:
    keyed: dict[tuple[date, str | None], GroupValues] = {}
    for group in groups:
        key = (group.date, group.user_tier)
        if key in keyed:
            raise ComparisonError(f"the {side} side has the group {group.date}, tier {group.user_tier!r} twice")
        keyed[key] = group
    return keyed


def _cell(group: GroupValues | None, metric: str, side: str) -> Decimal | None:
    if group is None:
        return None
    if metric not in group.values:
        raise ComparisonError(f"the {side} side lacks {metric} for {group.date}, tier {group.user_tier!r}")
    return exact(group.values[metric], f"{metric} of the {side} side for {group.date}, tier {group.user_tier!r}")


def _difference(speed_value: Decimal | None, batch_value: Decimal | None) -> Decimal:
    return _EXACT.subtract(
        speed_value if speed_value is not None else _ZERO, batch_value if batch_value is not None else _ZERO
    )
