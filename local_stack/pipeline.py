"""The pipeline's stages: the real commands, the job's and dbt's own functions, and CALLs.

Every stage can be run again: what is done is found done and left alone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_stack.laptop_dbt import LaptopDbt
from local_stack.laptop_spark import LaptopSpark
from local_stack.layout import REPO, Layout
from local_stack.programs import Programs
from local_stack.progress import DBT, SET_UP, SPARK, SPEED_LAYER, WAREHOUSE, Progress
from local_stack.warehouse_client import connect
from reconcile.report.history import Reconciliation
from reconcile.report.html import write_html
from reconcile.report.warehouse_source import read_from


@dataclass(frozen=True)
class LakeSide:
    """The stages that Spark does."""

    layout: Layout
    spark: LaptopSpark
    progress: Progress

    def deliver(self, name: str, events: Path, transactions: Path) -> None:
        """Append a delivery's files to the lake, once, and publish the batch."""
        with self.progress.stage(f"append the {name} delivery to Iceberg (Spark)", SPARK) as note:
            added = self.spark.append(f"demo-{name}", events, transactions)
            note.text = ", ".join(
                f"{table}: {'appended before' if rows is None else f'{rows} rows'}" for table, rows in added.items()
            )
        self.publish()

    def publish(self) -> None:
        """Publish a batch of what is new in the lake."""
        with self.progress.stage("Spark: new snapshots → whole sessions → staged Parquet → manifest", SPARK) as note:
            manifest = self.spark.run()
            note.text = _describe(manifest) if manifest else "nothing new in the lake"


@dataclass(frozen=True)
class Pipeline:
    """The stages over a running endpoint. environment: what a person would have sourced."""

    layout: Layout
    environment: Mapping[str, str]
    programs: Programs
    dbt: LaptopDbt
    progress: Progress

    def deploy(self) -> None:
        """Deploy every schema, table, procedure, task and role with schemachange."""
        with self.progress.stage("schemachange deploy: schemas, tables, procedures, tasks, roles", SET_UP) as note:
            tool = str(Path(sys.executable).parent / "schemachange")
            output = self.programs.run("deploy", [tool, "deploy", "--config-folder", str(REPO)], self.environment)
            applied = re.search(r"scripts_applied=(\d+)", output)
            note.text = f"{applied[1]} scripts applied" if applied and applied[1] != "0" else "up to date"

    def load(self) -> None:
        """Load every published batch that is not loaded yet."""
        with self.progress.stage(
            "CALL ops.load_pending(): COPY into RAW, checked against the manifest", WAREHOUSE
        ) as note:
            with connect(self.layout) as warehouse:
                warehouse.call("CALL ops.load_pending()")
                (batches, rows) = warehouse.rows(
                    "SELECT COUNT(DISTINCT batch_id), SUM(row_count) FROM ops.batch_datasets"
                )[0]
            note.text = f"{batches} batches, {rows or 0} rows in the ledger"

    def flag(self) -> None:
        """Flag the quality of what is loaded and not flagged yet."""
        with self.progress.stage(
            "CALL ops.flag_quality(): rules, one current row per key, into STAGING", WAREHOUSE
        ) as note:
            with connect(self.layout) as warehouse:
                warehouse.call("CALL ops.flag_quality()")
                counts = warehouse.rows(
                    "SELECT COUNT(*), COUNT_IF(NOT is_valid) FROM staging.events_cleaned"
                    " UNION ALL SELECT COUNT(*), COUNT_IF(NOT is_valid) FROM staging.user_sessions_enhanced"
                )
                (events, bad_events), (sessions, bad_sessions) = counts
                reasons = []
                if bad_events or bad_sessions:  # it takes a look at every row
                    reasons = warehouse.rows(
                        "SELECT code, SUM(found) FROM ops.quality_summary WHERE severity = 'error' AND found > 0"
                        " AND dataset IN ('events', 'sessions') GROUP BY code ORDER BY 2 DESC, 1 LIMIT 3"
                    )
            note.text = f"{events} events ({bad_events} not valid), {sessions} sessions ({bad_sessions} not valid)"
            if reasons:
                note.text += ": " + ", ".join(f"{code} {found}" for code, found in reasons)

    def build(self) -> None:
        """Build and test the marts with dbt."""
        with self.progress.stage("dbt build: staging views, intermediate, marts, tests", DBT) as note:
            note.text = self.dbt.build()

    def freshness(self) -> None:
        """Tell which sources of dbt are too old."""
        with self.progress.stage("dbt source freshness: how old STAGING and the ledger are", DBT) as note:
            note.text = ", ".join(self.dbt.stale_sources()) or "all fresh"

    def extract(self, clickhouse_url: str | None = None) -> None:
        """Snapshot the speed layer: the given ClickHouse, or else the embedded one, where its folder is. Raises StageError."""
        environment = dict(self.environment)
        if clickhouse_url:
            environment["RECONCILE_CLICKHOUSE_URL"] = clickhouse_url
        what = "reconcile extract: a snapshot of the speed layer, per day, to the landing"
        with self.progress.stage(what, SPEED_LAYER) as note:
            if not clickhouse_url and not self.layout.clickhouse.exists():
                note.text = "no speed layer at hand"
                return
            command = [sys.executable, "-m", "reconcile", "extract"]
            note.text = _last_line_with(self.programs.run("extract", command, environment), "")

    def reconcile(self) -> None:
        """Compare every day that has something new to compare."""
        with self.progress.stage("CALL recon.reconcile_range(): fast numbers against true numbers", WAREHOUSE) as note:
            with connect(self.layout) as warehouse:
                warehouse.call("CALL recon.reconcile_range(NULL, NULL)")
                found = warehouse.rows(
                    "SELECT verdict, COUNT(*) FROM recon.latest_runs GROUP BY verdict ORDER BY verdict"
                )
            note.text = ", ".join(f"{count} days {verdict}" for verdict, count in found) or "no day to compare"

    def explain(self) -> None:
        """Find the sessions behind the differences of every day that has some."""
        with self.progress.stage("CALL recon.explain(): which sessions differ, and why", WAREHOUSE) as note:
            with connect(self.layout) as warehouse:
                days = warehouse.rows(
                    "SELECT DISTINCT date FROM recon.latest_results WHERE difference <> 0 ORDER BY date"
                )
                for (day,) in days:
                    warehouse.call(f"CALL recon.explain('{day}')")
                causes = warehouse.rows(
                    "SELECT cause, COUNT(DISTINCT date, session_id) FROM recon.explanations"
                    " WHERE run_id IN (SELECT run_id FROM recon.latest_runs) GROUP BY cause ORDER BY 2 DESC, 1"
                )
            note.text = ", ".join(f"{count} {cause}" for cause, count in causes) or "no difference"

    def reconciliation(self) -> Reconciliation:
        """Read every comparison that was made."""
        with connect(self.layout) as warehouse:
            return read_from(warehouse.connection, "the local endpoint")

    def report(self, reconciliation: Reconciliation) -> Path:
        """Write the report; return its path."""
        path = self.layout.reports / "reconciliation.html"
        with self.progress.stage("reconcile report: one HTML file", WAREHOUSE):
            write_html(reconciliation, path)
        return path


def _describe(manifest: Mapping[str, Any]) -> str:
    rows = {name: dataset["rows"] for name, dataset in manifest["datasets"].items()}
    dates = manifest["affected_dates"]
    span = f"{dates[0]} to {dates[-1]}" if dates else "no dates"
    return (
        f"batch {manifest['batch_id'][:8]}: {rows['user_sessions']} sessions from {rows['user_events']} events, {span}"
    )


def _last_line_with(output: str, text: str) -> str:
    lines = [line.strip() for line in output.splitlines() if text in line and line.strip()]
    return lines[-1] if lines else ""
