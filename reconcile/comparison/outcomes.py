"""What a cell of a comparison and a run can come out as. Production's rules are SQL (reconcile.comparison.status_sql).

A cell is one metric of one group, a group one UTC date and one user tier (NULL is a tier like any other).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from reconcile.errors import ComparisonError

_ZERO = Decimal(0)


def exact(value: object, what: str) -> Decimal:
    """Return a Decimal or an int as Decimal.

    Raises ComparisonError for all else: a float's rounding would pass for a discrepancy.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite():
        raise ComparisonError(f"{what} must be a finite Decimal or an int, not {value!r}")
    return value


class Metric(StrEnum):
    """What is compared. sessions: distinct session ids; the others: sums over the group's sessions; revenue in money."""

    SESSIONS = "sessions"
    PAGE_VIEWS = "page_views"
    PURCHASES = "purchases"
    REVENUE = "revenue"


class Status(StrEnum):
    """How one cell came out, from best to worst."""

    MATCH = "match"
    WITHIN_TOLERANCE = "within_tolerance"
    OUT_OF_TOLERANCE = "out_of_tolerance"
    MISSING_IN_BATCH = "missing_in_batch"
    MISSING_IN_SPEED = "missing_in_speed"


class Verdict(StrEnum):
    """How one run came out."""

    AGREE = "agree"
    WITHIN_TOLERANCE = "within_tolerance"
    DISAGREE = "disagree"
    NOTHING_TO_COMPARE = "nothing_to_compare"


@dataclass(frozen=True)
class Tolerance:
    """Within either limit is within tolerance. absolute: in the metric's unit; relative: 0.05 is five percent of batch."""

    absolute: Decimal = _ZERO
    relative: Decimal = Decimal("0.05")

    def __post_init__(self) -> None:
        for name in ("absolute", "relative"):
            value = exact(getattr(self, name), f"{name} tolerance")
            if value < 0:
                raise ComparisonError(f"the {name} tolerance {value} is negative")


DEFAULT_TOLERANCES: Mapping[Metric, Tolerance] = {metric: Tolerance() for metric in Metric}


@dataclass(frozen=True)
class Result:
    """One compared cell. None: that side has no such group.

    difference: speed - batch, a missing side counting as zero. relative_difference: |difference| / |batch|, nine places,
    half up; None when the batch value is zero or missing.
    """

    date: date
    user_tier: str | None
    metric: Metric
    speed_value: Decimal | None
    batch_value: Decimal | None
    difference: Decimal
    relative_difference: Decimal | None
    status: Status
