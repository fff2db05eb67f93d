"""The metrics in force, read from recon.metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconcile.comparison.metrics_sql import MetricDefinition
from reconcile.errors import ComparisonError
from snowpark_procs.errors import MetricError
from snowpark_procs.statements import run

if TYPE_CHECKING:
    from snowflake.snowpark import Session


def read_metrics(session: Session) -> list[MetricDefinition]:
    """The metrics in their order.

    Raises MetricError for a row that cannot be used, and for one that the batch side has no column of.
    """
    metrics = []
    for metric, aggregate, expression, has_column, has_invalid in run(session, "metrics"):
        try:
            metrics.append(MetricDefinition(metric, aggregate, expression, bool(has_invalid)))
        except ComparisonError as error:
            raise MetricError(f"{error}; nothing was compared") from None
        if not has_column:
            raise MetricError(
                f"recon.metrics has '{metric}', and marts.daily_speed_comparable has no column of that name: "
                "add it to the model, or delete the row; nothing was compared"
            )
    return metrics
