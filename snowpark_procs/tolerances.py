"""recon.set_tolerance, and the limits that one CALL of a comparison brings along."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from snowpark_procs.errors import ArgumentError, ToleranceError
from snowpark_procs.identifiers import calendar_date
from snowpark_procs.ledger import StepRun, recorded_failure, transaction
from snowpark_procs.statements import run

if TYPE_CHECKING:
    from snowflake.snowpark import Session

EVERY_TIER = "*"
_FIRST_DATE = datetime.date.min
_LARGEST = {"absolute": Decimal(10) ** 32, "relative": Decimal(10) ** 9}  # what the columns of recon.tolerances hold


def set_tolerance(
    session: Session,
    metric: str,
    absolute: Any,
    relative: Any,
    user_tier: str | None = EVERY_TIER,
    valid_from: datetime.date | str | None = None,
    valid_to: datetime.date | str | None = None,
) -> dict[str, Any]:
    """Set the limits of one metric for the UTC dates from valid_from to valid_to, both included.

    user_tier: '*' for every tier without limits of its own; NULL for sessions without a tier. A bound left out is no bound.
    What was set for these dates before is replaced; other dates keep theirs. Raises ArgumentError, and changes nothing then, for
    a metric or a tier that there is not, and for what is no limit or no range of dates.
    """
    known = [row[0] for row in run(session, "metric_names")]
    if metric not in known:
        said = "NULL" if metric is None else f"'{metric}'"
        raise ArgumentError(f"There is no metric {said}: the metrics are {', '.join(known)}")
    first = _FIRST_DATE if valid_from is None else calendar_date(valid_from, "valid_from")
    last = None if valid_to is None else calendar_date(valid_to, "valid_to")
    if last is not None and last < first:
        raise ArgumentError(f"valid_to {last} is before valid_from {first}")
    limits = [_limit("absolute", "absolute", absolute), _limit("relative", "relative", relative)]
    tier = user_tier or None
    _refuse_unknown_tier(session, tier)
    step = StepRun("set_tolerance", metric)
    with recorded_failure(session, step), transaction(session, step, "reconcile"):
        dates = [first.isoformat(), None if last is None else last.isoformat()]
        run(session, "split_tolerances", [metric, tier, *dates])
        run(session, "delete_tolerances", [metric, tier, *dates])
        run(session, "insert_tolerance", [metric, tier, *dates, *(f"{limit:f}" for limit in limits)])
        step.detail = {
            "user_tier": tier,
            "valid_from": dates[0],
            "valid_to": dates[1],
            "absolute": str(limits[0]),
            "relative": str(limits[1]),
        }
    return {"metric": metric, **step.detail}


def limits_of_call(tolerances: Any, metrics: Sequence[str]) -> list[dict[str, Any]]:
    """The limits from {metric: {"absolute": …, "relative": …}}, a limit left out being zero; '*' means every metric not named.

    Raises ArgumentError naming the metric and what is allowed.
    """
    if tolerances is None:
        return []
    given = tolerances
    if isinstance(tolerances, str):
        with suppress(json.JSONDecodeError):  # a text that is no JSON is no object either
            given = json.loads(tolerances)
    if not isinstance(given, Mapping):
        raise ArgumentError('tolerances: an object is expected, as {"revenue": {"absolute": 1, "relative": 0.01}}')
    for name, limits in given.items():
        if name != "*" and name not in metrics:
            raise ArgumentError(f"tolerances: there is no metric '{name}': the metrics are {', '.join(metrics)}")
        if not isinstance(limits, Mapping) or not limits or not limits.keys() <= {"absolute", "relative"}:
            raise ArgumentError(f"tolerances of {name}: an object with absolute, relative or both is expected")
    return [
        {
            "metric": metric,
            **{
                kind: f"{_limit(kind, f'{kind} tolerance of {metric}', limits.get(kind, 0)):f}"
                for kind in ("absolute", "relative")
            },
        }
        for metric in metrics
        if (limits := given.get(metric, given.get("*"))) is not None
    ]


def refuse_two_limits(session: Session, dates: Sequence[str]) -> None:
    """Raise ToleranceError where two rows give limits for one metric, tier and date."""
    for date, metric, tier, limits in run(session, "overlapping_tolerances", [json.dumps(dates)]):
        named = "no tier" if tier is None else "every tier" if tier == EVERY_TIER else f"tier {tier}"
        raise ToleranceError(
            f"recon.tolerances has two limits of {metric} ({named}) for {date}: {limits}. "
            "Call recon.set_tolerance, which replaces them; nothing was compared"
        )


def _refuse_unknown_tier(session: Session, tier: str | None) -> None:
    """Raise ArgumentError for a tier that no day has: limits of it would never be used."""
    known = [row[0] for row in run(session, "known_tiers") if row[0] not in (None, EVERY_TIER)]
    if tier not in (None, EVERY_TIER, *known):
        named = "".join(f"'{each}', " for each in known)
        raise ArgumentError(
            f"There is no tier '{tier}': the tiers are {named}NULL (no tier), and '{EVERY_TIER}' for all"
        )


def _limit(kind: str, name: str, value: Any) -> Decimal:
    if value is None:
        raise ArgumentError(f"{name}: NULL is no limit: a number from zero on is expected, zero for no difference")
    try:
        limit = Decimal(str(value))
    except InvalidOperation:
        raise ArgumentError(f"{name}: '{value}' is no number") from None
    if not limit.is_finite() or not 0 <= limit < _LARGEST[kind]:
        raise ArgumentError(
            f"{name}: {value} is no limit: a number from zero on and below {_LARGEST[kind]:,f} is expected"
        )
    return limit
