"""One evaluation of a comparison, into recon.comparison. Runs and results are written from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reconcile.comparison.metrics_sql import MetricDefinition, definitions_digest, fragments
from reconcile.comparison.status_sql import difference_expression, relative_difference_expression, status_case
from snowpark_procs.identifiers import compared_columns
from snowpark_procs.published_batches import dates_not_loaded
from snowpark_procs.statements import run

if TYPE_CHECKING:
    from snowflake.snowpark import Session

_SPEED, _BATCH = "limited.speed_value", "limited.batch_value"


def evaluate(
    session: Session,
    metrics: Sequence[MetricDefinition],
    days: list[str],
    compared_at: str,
    limits: Sequence[dict[str, Any]] = (),
) -> int:
    """Fill recon.comparison with the cells of those days (ISO dates) whose inputs are not those of their newest run.

    compared_at: UTC, with microseconds. limits: those of this CALL, if any. To be called in a transaction, which empties the
    table again. Returns the number of rows.
    """
    clear(session)
    inserted = run(
        session,
        "insert_comparison",
        [
            json.dumps(days),
            compared_at,
            bool(limits),
            json.dumps(dates_not_loaded(session, days)),
            json.dumps(limits),
            definitions_digest(metrics),
        ],
        **fragments(metrics),
        compared_columns=compared_columns("s"),
        difference=difference_expression(_SPEED, _BATCH),
        relative_difference=relative_difference_expression(_SPEED, _BATCH),
        status=status_case(_SPEED, _BATCH, "limited.absolute", "limited.relative"),
    )
    return int(inserted[0][0])


def clear(session: Session) -> None:
    """Empty recon.comparison."""
    run(session, "empty_comparison")
