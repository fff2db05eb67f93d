"""How the pipeline is, in a few lines: what a dashboard shows, by the queries of the exporter and the lag of the job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from rich.console import Console
from rich.table import Table

from local_stack.client_environment import lake_variables
from local_stack.layout import Layout
from local_stack.warehouse_client import Warehouse
from monitoring.measures import MEASURES
from spark_ingest.batch.lag import Lag, lake_lag
from spark_ingest.config import load_config
from spark_ingest.errors import IngestError

_ASKED = (
    "pipeline_batches_waiting",
    "pipeline_dates_waiting",
    "dbt_model_failing",
    "lambda_reconciliation_discrepancy",
    "reconciliation_days",
    "quality_batch_invalid_share",
)
_NEWEST = 7  # verdicts that are shown
_COLOURS = {"agree": "green", "within_tolerance": "green", "disagree": "red"}
Row = Sequence[Any]


@dataclass(frozen=True)
class Overview:
    """lag: None without a lake. figures: rows of the exporter's measures by name; None where nothing is deployed.

    verdicts: of the newest days, newest first.
    """

    lag: Lag | None
    figures: Mapping[str, Sequence[Row]] | None
    verdicts: Sequence[tuple[date, str]] = ()


def read_overview(layout: Layout, warehouse: Warehouse) -> Overview:
    """Ask the lake and the landing, and the warehouse."""
    try:
        lag = lake_lag(load_config(lake_variables(layout)))
    except IngestError:
        lag = None
    if not warehouse.rows("SELECT 1 FROM information_schema.tables WHERE table_schema = 'RECON' LIMIT 1"):
        return Overview(lag, None)
    figures = {one.name: warehouse.rows(one.sql) for one in MEASURES if one.name in _ASKED}
    newest = f"SELECT date, verdict FROM recon.latest_runs ORDER BY date DESC LIMIT {_NEWEST}"
    return Overview(lag, figures, [(day, verdict) for day, verdict in warehouse.rows(newest)])


def show_overview(console: Console, found: Overview) -> None:
    """Print it: what waits, what fails, how far the layers differ, the newest verdicts."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, told in _lines(found):
        table.add_row(name, told)
    console.print(table)


def _lines(found: Overview) -> list[tuple[str, str]]:
    if found.lag is None:
        lines = [("Lake", "no tables yet")]
    else:
        behind = f", the oldest for {found.lag.seconds / 60:.0f} minutes" if found.lag.snapshots else ""
        lines = [
            ("Lake", f"{found.lag.snapshots} snapshots without a batch{behind}"),
            ("Batches", f"{found.lag.batches_unloaded} published and not loaded"),
        ]
    if found.figures is None:
        return [*lines, ("Warehouse", "nothing is deployed: schemachange deploy")]
    figures = found.figures
    waiting = {row[0]: row[1] for row in figures["pipeline_batches_waiting"]}
    (dates,) = figures["pipeline_dates_waiting"][0]
    failing = sorted(model for model, failed in figures["dbt_model_failing"] if failed)
    lines += [
        ("Warehouse", f"{waiting.get('flag_quality', 0)} batches not flagged, {dates} dates for dbt to build"),
        ("dbt", f"failing: {', '.join(failing)}" if failing else "nothing fails"),
    ]
    shares = {dataset: share for dataset, batch, share in figures["quality_batch_invalid_share"] if batch == "newest"}
    if shares:
        told = ", ".join(f"{dataset} {float(share):.1%}" for dataset, share in sorted(shares.items()))
        lines.append(("Not valid", f"{told} of the newest batch"))
    days = [f"{count} {state.replace('_', ' ')}" for state, count in figures["reconciliation_days"] if count]
    lines.append(("Days", ", ".join(days) or "none compared"))
    differences = sorted(
        ((float(value), metric, tier) for metric, tier, value in figures["lambda_reconciliation_discrepancy"]),
        reverse=True,
    )
    if differences:
        value, metric, tier = differences[0]
        lines.append(("Differs most", f"{metric} of {tier}, by {value:.1%}"))
    for day, verdict in found.verdicts:
        colour = _COLOURS.get(verdict, "yellow")
        lines.append((str(day), f"[{colour}]{verdict.replace('_', ' ')}[/]"))
    return lines
