"""ops.set_rule and ops.set_threshold: what an operator may change of the quality rules without touching their tables.

A predicate is SQL that runs with the owner's rights, so only a deployment writes one.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from snowpark_procs.errors import ArgumentError
from snowpark_procs.ledger import StepRun, recorded_failure, transaction
from snowpark_procs.statements import run

if TYPE_CHECKING:
    from snowflake.snowpark import Session

_LARGEST = Decimal(10) ** 12


def set_rule(session: Session, dataset: str, code: str, enabled: bool) -> dict[str, Any]:
    """Switch a quality rule on or off. What is in STAGING keeps its flags until ops.reflag. Raises ArgumentError."""
    found = run(session, "rule_state", [dataset, code])
    if not found:
        raise ArgumentError(f"There is no rule '{dataset}.{code}' (ops.quality_rules)")
    if found[0][1] and enabled:
        raise ArgumentError(f"The rule '{dataset}.{code}' is withdrawn: a deployment that has it brings it back")
    step = StepRun("set_rule", f"{dataset}.{code}", detail={"before": found[0][0], "enabled": enabled})
    with recorded_failure(session, step), transaction(session, step, "flag"):
        run(session, "update_rule", [enabled, dataset, code])
    return {"rule": step.subject, **step.detail}


def set_threshold(session: Session, name: str, value: Any) -> dict[str, Any]:
    """Give a threshold of the quality rules another value. Raises ArgumentError."""
    before = {row[0]: row[1] for row in run(session, "quality_thresholds")}
    if name not in before:
        raise ArgumentError(f"There is no threshold '{name}': the thresholds are {', '.join(before)}")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ArgumentError(f"value: '{value}' is no number") from None
    if not number.is_finite() or abs(number) >= _LARGEST:
        raise ArgumentError(f"value: {value} is no threshold")
    step = StepRun("set_threshold", name, detail={"before": str(before[name]), "value": f"{number:f}"})
    with recorded_failure(session, step), transaction(session, step, "flag"):
        run(session, "update_threshold", [f"{number:f}", name])
    return {"threshold": name, **step.detail}
