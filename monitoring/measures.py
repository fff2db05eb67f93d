"""What is measured from the warehouse's ledger: names, labels and units. The query of each is in `sql/<name>.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

Row = Sequence[Any]
_SQL = Path(__file__).with_name("sql")


@dataclass(frozen=True)
class Measure:
    """One metric. Its query's columns are the labels, then the value; rows without a value are left out.

    In place of the value, a histogram's query has the number of observations, their sum, and the number up to each bound.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: str = "gauge"
    buckets: tuple[str, ...] = ()

    @property
    def sql(self) -> str:
        """The query, one statement."""
        return (_SQL / f"{self.name}.sql").read_text(encoding="utf-8")

    def family(self, rows: Sequence[Row]) -> Any:
        """Make prometheus_client's metric family of the query's rows."""
        if self.kind == "histogram":
            return self._histogram(rows)
        make = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family = make(self.name, self.help, labels=self.labels)
        for *labels, value in rows:
            if value is not None:
                family.add_metric([str(label) for label in labels], float(value))
        return family

    def _histogram(self, rows: Sequence[Row]) -> Any:
        family = HistogramMetricFamily(self.name, self.help, labels=self.labels)
        size = len(self.labels)
        for row in rows:
            count, total, *reached = (float(value) for value in row[size:])
            bounds = [*zip(self.buckets, reached, strict=True), ("+Inf", count)]
            family.add_metric([str(label) for label in row[:size]], bounds, total)
        return family


MEASURES = (
    Measure(
        "snowflake_load_success_rate",
        "Share of the newest 20 attempts to load a table that succeeded; a step's tables are loaded together or not at all",
        ("schema", "table"),
    ),
    Measure(
        "dbt_model_execution_time",
        "Seconds that a model took, over all runs of dbt",
        ("model_name", "materialization"),
        "histogram",
        ("1.0", "5.0", "15.0", "60.0", "300.0", "900.0"),
    ),
    Measure("dbt_model_failures", "Failed runs of a model or test of dbt", ("model_name",), "counter"),
    Measure("dbt_model_failing", "1 where the newest run of a model or test of dbt failed", ("model_name",)),
    Measure(
        "lambda_reconciliation_discrepancy",
        "Greatest relative difference of the layers in the seven newest days that were compared; 1 where one lacks it",
        ("metric", "user_tier"),
    ),
    Measure("reconciliation_days", "Days by the state of their newest comparison", ("state",)),
    Measure("reconciliation_overdue_days", "Days that wait for their data for longer than is allowed"),
    Measure(
        "reconciliation_hours_to_convergence",
        "Hours from the first bad comparison of a day and tier to the good one, of those that converged",
        ("statistic",),
    ),
    Measure("pipeline_rows_loaded", "Rows that COPY brought into RAW", ("table",), "counter"),
    Measure("pipeline_batches_waiting", "Batches that wait for a step", ("step",)),
    Measure("pipeline_dates_waiting", "Dates that changed in STAGING after the marts were built"),
    Measure(
        "pipeline_newest_batch_timestamp_seconds", "When the newest loaded batch was published and loaded", ("event",)
    ),
    Measure(
        "pipeline_step_last_success_timestamp_seconds",
        "When a step last succeeded; steps without work count not",
        ("step",),
    ),
    Measure(
        "pipeline_step_last_run_success", "1 where the newest run of a step succeeded, 0 where it failed", ("step",)
    ),
    Measure("quality_invalid_share", "Share of the rows in STAGING that a rule finds not valid", ("dataset", "rule")),
    Measure(
        "quality_batch_invalid_share",
        "Share of rows not valid in the newest batch that brought any, and in the 30 before it",
        ("dataset", "batch"),
    ),
)
