"""The rules of the comparison as SQL text, for set-based comparison inside an engine.

The arguments are SQL expressions chosen by the caller's code (column names of its own query), never user input.
NULL of a value means that the side lacks the group: values themselves must be made non-NULL first. Snowflake's dialect.
"""

from __future__ import annotations

from reconcile.comparison.outcomes import Status, Verdict


def status_case(speed: str, batch: str, absolute: str, relative: str) -> str:
    """CASE expression of a cell's Status."""
    return f"""CASE
    WHEN {batch} IS NULL THEN '{Status.MISSING_IN_BATCH.value}'
    WHEN {speed} IS NULL THEN '{Status.MISSING_IN_SPEED.value}'
    WHEN {speed} = {batch} THEN '{Status.MATCH.value}'
    WHEN ABS({speed} - {batch}) <= {absolute} OR ABS({speed} - {batch}) <= {relative} * ABS({batch})
        THEN '{Status.WITHIN_TOLERANCE.value}'
    ELSE '{Status.OUT_OF_TOLERANCE.value}'
END"""


def difference_expression(speed: str, batch: str) -> str:
    """speed - batch; a missing side counts as zero."""
    return f"COALESCE({speed}, 0) - COALESCE({batch}, 0)"


def relative_difference_expression(speed: str, batch: str) -> str:
    """|speed - batch| / |batch| as NUMBER(38, 9); NULL when the batch value is zero or missing."""
    return f"CAST(ABS({difference_expression(speed, batch)}) / NULLIF(ABS({batch}), 0) AS NUMBER(38, 9))"


def verdict_case(status: str, extraction_id: str, waits_for: str) -> str:
    """Aggregate CASE expression of a run's Verdict over its cells.

    extraction_id: NULL where there is no snapshot of the day. waits_for: NULL where the day is ready. Both are the same for all
    cells.
    """
    fine = f"'{Status.MATCH.value}', '{Status.WITHIN_TOLERANCE.value}'"
    return f"""CASE
    WHEN MAX({waits_for}) IS NOT NULL THEN '{Verdict.NOT_READY.value}'
    WHEN MAX({extraction_id}) IS NULL THEN '{Verdict.NOTHING_TO_COMPARE.value}'
    WHEN COUNT({status}) = 0 THEN '{Verdict.NOTHING_TO_COMPARE.value}'
    WHEN COUNT_IF({status} NOT IN ({fine})) > 0 THEN '{Verdict.DISAGREE.value}'
    WHEN COUNT_IF({status} = '{Status.WITHIN_TOLERANCE.value}') > 0 THEN '{Verdict.WITHIN_TOLERANCE.value}'
    ELSE '{Verdict.AGREE.value}'
END"""
