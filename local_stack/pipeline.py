"""The pipeline's stages as a person would run them: the real commands and CALLs, one after another.

Every stage can be run again: what is done is found done and left alone.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from local_stack.client_environment import process_environment
from local_stack.endpoint_process import Address
from local_stack.layout import REPO, Layout
from local_stack.progress import Progress
from local_stack.warehouse_client import connect

# Exit codes of `reconcile extract`: nothing answers there; no such table or column.
_NO_SPEED_LAYER = (3, 4)


@dataclass(frozen=True)
class Pipeline:
    """The stages over one state folder and a running endpoint."""

    layout: Layout
    address: Address
    progress: Progress

    def python(self, stage: str, *arguments: str) -> str:
        """Run one of our modules with the environment that a person would have sourced."""
        environment = process_environment(self.layout, self.address)
        return self.progress.command(stage, [sys.executable, "-m", *arguments], environment).text

    def tool(self, stage: str, *command: str) -> str:
        """Run a tool of the locked environment."""
        environment = process_environment(self.layout, self.address)
        path = Path(sys.executable).parent / command[0]
        return self.progress.command(stage, [str(path), *command[1:]], environment).text

    def deploy(self) -> None:
        with self.progress.stage("schemachange deploy: schemas, tables, procedures, tasks, roles") as note:
            output = self.tool("deploy", "schemachange", "deploy", "--config-folder", str(REPO))
            note.text = _last_line_with(output, "Successfully applied") or "up to date"

    def spark(self) -> None:
        with self.progress.stage("Spark: new snapshots → whole sessions → staged Parquet → manifest") as note:
            before = self._manifests()
            self.python("spark", "spark_ingest", "run")
            new = sorted(self._manifests() - before)
            note.text = "; ".join(_describe(path) for path in new) or "nothing new in the lake"

    def load(self) -> None:
        with self.progress.stage("CALL ops.load_pending(): COPY into RAW, checked against the manifest") as note:
            with connect(self.layout) as warehouse:
                warehouse.call("CALL ops.load_pending()")
                (batches, rows) = warehouse.rows(
                    "SELECT COUNT(DISTINCT batch_id), SUM(row_count) FROM ops.batch_datasets"
                )[0]
            note.text = f"{batches} batches, {rows or 0} rows in the ledger"

    def flag(self) -> None:
        with self.progress.stage("CALL ops.flag_quality(): rules, one current row per key, into STAGING") as note:
            with connect(self.layout) as warehouse:
                warehouse.call("CALL ops.flag_quality()")
                counts = warehouse.rows(
                    "SELECT COUNT(*), COUNT_IF(NOT is_valid) FROM staging.events_cleaned"
                    " UNION ALL SELECT COUNT(*), COUNT_IF(NOT is_valid) FROM staging.user_sessions_enhanced"
                )
                reasons = warehouse.rows(
                    "SELECT code, SUM(found) FROM ops.quality_summary WHERE severity = 'error' AND found > 0"
                    " AND dataset IN ('events', 'sessions') GROUP BY code ORDER BY 2 DESC, 1 LIMIT 3"
                )
            (events, bad_events), (sessions, bad_sessions) = counts
            note.text = f"{events} events ({bad_events} not valid), {sessions} sessions ({bad_sessions} not valid)"
            if reasons:
                note.text += ": " + ", ".join(f"{code} {found}" for code, found in reasons)

    def dbt(self) -> None:
        with self.progress.stage("dbt build: staging views, intermediate, marts, tests") as note:
            output = self.tool("dbt", "dbt", "build", "--no-use-colors")
            note.text = _last_line_with(output, "Done.").partition("Done. ")[2]

    def extract(self, clickhouse_url: str | None = None) -> None:
        """Snapshot the speed layer: the given ClickHouse, which must answer, or else the embedded one, if it has the table."""
        environment = process_environment(self.layout, self.address)
        if clickhouse_url:
            environment["RECONCILE_CLICKHOUSE_URL"] = clickhouse_url
        allowed = (0,) if clickhouse_url else (0, *_NO_SPEED_LAYER)
        with self.progress.stage("reconcile extract: a snapshot of the speed layer, per day, to the landing") as note:
            command = [sys.executable, "-m", "reconcile", "extract"]
            ended = self.progress.command("extract", command, environment, allowed=allowed)
            note.text = "no speed layer at hand" if ended.code else _last_line_with(ended.text, "")

    def reconcile(self) -> None:
        with self.progress.stage("CALL recon.reconcile_range(): fast numbers against true numbers") as note:
            with connect(self.layout) as warehouse:
                warehouse.call("CALL recon.reconcile_range(NULL, NULL)")
                found = warehouse.rows(
                    "SELECT verdict, COUNT(*) FROM recon.latest_runs GROUP BY verdict ORDER BY verdict"
                )
            note.text = ", ".join(f"{count} days {verdict}" for verdict, count in found) or "no day to compare"

    def report(self) -> Path:
        path = self.layout.reports / "reconciliation.html"
        with self.progress.stage("reconcile report: one HTML file"):
            self.python("report", "reconcile", "report", "--connection", "local", "--out", str(path))
        return path

    def warehouse_side(self) -> None:
        """Everything after the landing, in order, without the speed layer."""
        self.load()
        self.flag()
        self.dbt()

    def _manifests(self) -> set[Path]:
        return set((self.layout.landing / "_manifests").glob("*.json"))


def _describe(manifest: Path) -> str:
    batch = json.loads(manifest.read_text(encoding="utf-8"))
    rows = {name: dataset["rows"] for name, dataset in batch["datasets"].items()}
    dates = batch["affected_dates"]
    span = f"{dates[0]} to {dates[-1]}" if dates else "no dates"
    return f"batch {batch['batch_id'][:8]}: {rows['user_sessions']} sessions from {rows['user_events']} events, {span}"


def _last_line_with(output: str, text: str) -> str:
    lines = [line.strip() for line in output.splitlines() if text in line and line.strip()]
    return lines[-1] if lines else ""
