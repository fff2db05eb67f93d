"""Flaws planted in the speed layer's copy of the week, and the differences that they must cause, cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from local_stack.demo.week import FIRST_DAY, SpeedRow

Cell = tuple[date, str | None, str]


@dataclass(frozen=True)
class Flaw:
    """What was done to the rows of one day and tier, in words, and the change of each cell that follows (speed - truth).

    cause: what recon.explain calls it.
    """

    kind: str
    cause: str
    date: date
    user_tier: str
    differences: Mapping[Cell, Decimal]


def cells(rows: Iterable[SpeedRow]) -> dict[Cell, Decimal]:
    """The reconciled metrics by (UTC date of session_start, tier, metric): sessions and users are distinct, the rest are sums."""
    groups: dict[tuple[date, str | None], list[SpeedRow]] = {}
    for row in rows:
        groups.setdefault((row.session_start.date(), row.user_tier), []).append(row)
    return {(*group, metric): value for group, members in groups.items() for metric, value in _values(members).items()}


def _values(rows: Sequence[SpeedRow]) -> dict[str, Decimal]:
    summed = ("page_views", "product_views", "searches", "add_to_cart_events", "purchases")
    return {
        "sessions": Decimal(len({row.session_id for row in rows})),
        "unique_users": Decimal(len({row.user_id for row in rows} - {None})),
        "converting_sessions": Decimal(len({row.session_id for row in rows if row.purchases})),
        "revenue": sum((row.total_spent for row in rows), Decimal(0)),
        **{metric: Decimal(sum(getattr(row, metric) for row in rows)) for metric in summed},
    }


def differences(speed: Mapping[Cell, Decimal], truth: Mapping[Cell, Decimal]) -> dict[Cell, Decimal]:
    """speed - truth for every cell that either has and in which they differ or one is missing."""
    found = {}
    for cell in speed.keys() | truth.keys():
        difference = speed.get(cell, Decimal(0)) - truth.get(cell, Decimal(0))
        if difference or (cell in speed) != (cell in truth):
            found[cell] = difference
    return found


def plant(rows: Iterable[SpeedRow]) -> tuple[list[SpeedRow], list[Flaw]]:
    """Return the flawed rows and the flaws, at most one to a day."""
    current, flaws = list(rows), []
    for kind, cause, day, tier, damage in _PLAN:
        when = FIRST_DAY + timedelta(days=day)
        hit = [row for row in current if row.session_start.date() == when and row.user_tier == tier]
        rest = [row for row in current if not (row.session_start.date() == when and row.user_tier == tier)]
        damaged = damage(hit)
        flaws.append(Flaw(kind, cause, when, tier, differences(cells(damaged), cells(hit))))
        current = rest + damaged
    return current, flaws


def _lose_one_browsing(rows: list[SpeedRow]) -> list[SpeedRow]:
    victim = next((row for row in rows if row.purchases == 0 and row.page_views == 1), None)
    return [row for row in rows if row is not victim]


def _lose_every_fourth(rows: list[SpeedRow]) -> list[SpeedRow]:
    return [row for number, row in enumerate(rows) if number % 4]


def _lose_all(_: list[SpeedRow]) -> list[SpeedRow]:
    return []


def _repeat_every_fifth(rows: list[SpeedRow]) -> list[SpeedRow]:
    return rows + rows[::5]


def _cents_as_units(rows: list[SpeedRow]) -> list[SpeedRow]:
    victim = next((row for row in rows if row.total_spent > 0), None)
    return [replace(row, total_spent=row.total_spent * 100) if row is victim else row for row in rows]


def _forget_tier(rows: list[SpeedRow]) -> list[SpeedRow]:
    return [replace(row, user_tier=None) if number % 6 == 0 else row for number, row in enumerate(rows)]


_PLAN: tuple[tuple[str, str, int, str, Callable[[list[SpeedRow]], list[SpeedRow]]], ...] = (
    ("one browsing session lost", "lost_in_speed", 0, "bronze", _lose_one_browsing),
    ("every fourth session lost", "lost_in_speed", 1, "gold", _lose_every_fourth),
    ("the whole tier lost", "lost_in_speed", 2, "silver", _lose_all),
    ("every fifth session counted twice", "duplicated_in_speed", 3, "bronze", _repeat_every_fifth),
    ("an amount in cents taken for whole units", "value_differs", 4, "silver", _cents_as_units),
    ("the tier of every sixth session lost", "tier_differs", 5, "bronze", _forget_tier),
)
