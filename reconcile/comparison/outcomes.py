"""What a cell of a comparison and a run can come out as. Production's rules are SQL (reconcile.comparison.status_sql).

A cell is one metric of one group, a group one UTC date and one user tier (NULL is a tier like any other).
"""

from __future__ import annotations

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


@dataclass(frozen=True)
class Metric:
    """What is compared: a row of recon.metrics. unit: a word for people; amounts of 'money' have two decimal places."""

    name: str
    unit: str
    description: str = ""


class Status(StrEnum):
    """How one cell came out, from best to worst."""

    MATCH = "match"
    WITHIN_TOLERANCE = "within_tolerance"
    OUT_OF_TOLERANCE = "out_of_tolerance"
    MISSING_IN_BATCH = "missing_in_batch"
    MISSING_IN_SPEED = "missing_in_speed"


class Verdict(StrEnum):
    """How one run came out. not_ready: the day's data is not all here yet, so it is judged later."""

    AGREE = "agree"
    WITHIN_TOLERANCE = "within_tolerance"
    DISAGREE = "disagree"
    NOTHING_TO_COMPARE = "nothing_to_compare"
    NOT_READY = "not_ready"


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


@dataclass(frozen=True)
class Result:
    """One compared cell. None: that side has no such group.

    difference: speed - batch, a missing side counting as zero. relative_difference: |difference| / |batch|, nine places,
    half up; None when the batch value is zero or missing. tolerance: the limits that the status was judged by; None where a
    run of an earlier version did not record them. invalid_value: the metric over the batch side's sessions that are not valid,
    which batch_value leaves out; None where it is not known.
    """

    date: date
    user_tier: str | None
    metric: Metric
    speed_value: Decimal | None
    batch_value: Decimal | None
    difference: Decimal
    relative_difference: Decimal | None
    status: Status
    tolerance: Tolerance | None = None
    invalid_value: Decimal | None = None

    @property
    def is_fine(self) -> bool:
        """Whether both sides match or differ within tolerance."""
        return self.status in (Status.MATCH, Status.WITHIN_TOLERANCE)
