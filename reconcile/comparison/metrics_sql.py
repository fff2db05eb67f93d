"""The metrics of the comparison, which are rows of recon.metrics, as SQL text. Pure text, no database. Snowflake's dialect.

A metric is a number of each date and user tier. The speed side computes it from its sessions by `aggregate` and `expression`; the
batch side has it as a column of marts.daily_speed_comparable, beside the same over its invalid sessions.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from reconcile.errors import ComparisonError

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_COLUMN = re.compile(r"\s*[a-z_]+\s*", re.IGNORECASE)
# Wide enough for sums of counts of 64 bits, and for six decimal places.
NUMBER = "NUMBER(32, 6)"
AGGREGATES = ("sum", "count_distinct")


@dataclass(frozen=True)
class MetricDefinition:
    """One row of recon.metrics.

    aggregate: sum or count_distinct. expression: what one session brings, over its columns. has_invalid: whether the batch side
    also has the metric over its invalid sessions. Raises ComparisonError for a name or an aggregate that cannot be used.
    """

    metric: str
    aggregate: str
    expression: str
    has_invalid: bool = True

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.metric):
            raise ComparisonError(
                f"recon.metrics: '{self.metric}' is no name of a metric (lower-case letters, digits, _)"
            )
        if self.aggregate not in AGGREGATES:
            raise ComparisonError(
                f"recon.metrics, {self.metric}: aggregate '{self.aggregate}' is none of {', '.join(AGGREGATES)}"
            )
        if not self.expression.strip():
            raise ComparisonError(f"recon.metrics, {self.metric}: the expression is empty")

    @property
    def _inner(self) -> str:
        # On lines of its own: a comment at the expression's end must not swallow what follows.
        return f"(\n{self.expression}\n)"

    @property
    def speed_column(self) -> str:
        """The metric over the sessions of a group."""
        is_count = self.aggregate == "count_distinct"
        total = f"COUNT(DISTINCT {self._inner})" if is_count else f"COALESCE(SUM{self._inner}, 0)"
        return f"{total}::{NUMBER} AS value_{self.metric}"

    @property
    def session_column(self) -> str:
        """What one session brings: a number to add up, or a key to count once."""
        is_count = self.aggregate == "count_distinct"
        mark = f"{self._inner}::STRING" if is_count else f"COALESCE({self._inner}, 0)::{NUMBER}"
        return f"{mark} AS mark_{self.metric}"

    @property
    def batch_columns(self) -> tuple[str, str]:
        """The metric over a group of mart rows, and the same over invalid sessions."""
        invalid = f"COALESCE(SUM(m.invalid_{self.metric}), 0)" if self.has_invalid else "NULL"
        return (
            f"COALESCE(SUM(m.{self.metric}), 0)::{NUMBER} AS value_{self.metric}",
            f"{invalid}::{NUMBER} AS invalid_{self.metric}",
        )


def fragments(metrics: Sequence[MetricDefinition]) -> dict[str, str]:
    """The parts of the comparison's statement that depend on the metrics, by name.

    Raises ComparisonError for no metric, and for one that occurs twice.
    """
    names = [each.metric for each in metrics]
    if not names:
        raise ComparisonError("recon.metrics is empty: there is nothing to compare by")
    for name in names:
        if names.count(name) > 1:
            raise ComparisonError(f"recon.metrics has {name} twice")
    return {
        "batch_columns": ",\n        ".join(column for each in metrics for column in each.batch_columns),
        "batch_text": " || ".join(
            f"'|' || value_{each.metric}" + (f" || '|' || invalid_{each.metric}" if each.has_invalid else "")
            for each in metrics
        ),
        "speed_columns": ",\n        ".join(each.speed_column for each in metrics),
        "metric_names": ", ".join(f"('{name}')" for name in names),
        "values": ", ".join(f"'{name}', g.value_{name}" for name in names),
        "invalid_values": ", ".join(f"'{name}', g.invalid_{name}" for name in names),
    }


def session_fragments(metrics: Sequence[MetricDefinition]) -> dict[str, str]:
    """The parts of the explanation's statement that depend on the metrics, by name: session by session instead of group by group.

    At least one metric of each aggregate is expected; recon.metrics as shipped has them.
    """
    names = [each.metric for each in metrics]
    sums = [each.metric for each in metrics if each.aggregate == "sum"]
    # A session that is cut in two keeps its counts and amounts, but not what is made of them (its duration, say).
    kept = [each.metric for each in metrics if each.aggregate == "sum" and _COLUMN.fullmatch(each.expression)]
    keys = [each.metric for each in metrics if each.aggregate == "count_distinct"]
    return {
        "marks": ",\n        ".join(each.session_column for each in metrics),
        "any_marks": ", ".join(f"mark_{name}" for name in names),
        "alike": " AND ".join(
            f"EQUAL_NULL(s.{column}, b.{column})" for column in ("user_tier", *(f"mark_{name}" for name in names))
        ),
        "equal_marks": " + ".join(f"IFF(EQUAL_NULL(s.mark_{name}, b.mark_{name}), 1, 0)" for name in names),
        "differing": ", ".join(f"IFF(EQUAL_NULL(s.mark_{name}, b.mark_{name}), NULL, '{name}')" for name in names),
        "conserved": " AND ".join(f"SUM(COALESCE(speed_{name}, 0)) = SUM(COALESCE(batch_{name}, 0))" for name in kept)
        or "FALSE",
        "both_marks": ",\n        ".join(
            f"s.mark_{name} AS speed_{name}, b.mark_{name} AS batch_{name}" for name in names
        ),
        "sum_names": ", ".join(f"('{name}')" for name in sums),
        "key_names": ", ".join(f"('{name}')" for name in keys),
        "speed_sums": ", ".join(f"'{name}', speed_{name}" for name in sums),
        "batch_sums": ", ".join(f"'{name}', batch_{name}" for name in sums),
        "speed_keys": ", ".join(f"'{name}', speed_{name}" for name in keys),
        "batch_keys": ", ".join(f"'{name}', batch_{name}" for name in keys),
        "same_keys": ", ".join(f"'{name}', same.mark_{name}" for name in keys),
    }


def definitions_digest(metrics: Sequence[MetricDefinition]) -> str:
    """MD5 of the definitions in order: other definitions are other inputs of a comparison."""
    text = "\n".join(f"{each.metric}|{each.aggregate}|{each.expression}" for each in metrics)
    return hashlib.md5(text.encode("utf-8"), usedforsecurity=False).hexdigest()
