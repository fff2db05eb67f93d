"""The exporter over a deployed warehouse, with the role MONITOR and nothing more."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from local_stack.layout import Layout
from local_stack.overview import read_overview, show_overview
from local_stack.warehouse_client import Warehouse as Client
from monitoring.exporter import next_refresh
from monitoring.measures import MEASURES
from tests.conftest import REPOSITORY
from tests.monitoring import pipeline
from tests.monitoring.pipeline import value
from tests.snowpark_procs.conftest import Warehouse


@pytest.mark.integration
def test_the_ledger_as_prometheus_reads_it(warehouse: Warehouse, tmp_path: Path) -> None:
    with pipeline.exporting(warehouse) as exporter:
        empty = pipeline.scrape(exporter.url)
        assert value(empty, "monitoring_refresh_success") == 1
        assert value(empty, "pipeline_batches_waiting", step="flag_quality") == 0
        assert value(empty, "reconciliation_days", state="stuck") == 0
        assert not [name for name, _ in empty if name.startswith(("snowflake_load", "dbt_model"))]

        pipeline.healthy(warehouse)
        samples = exporter.refreshed()
        told = {name for name, _ in samples}
        for measure in MEASURES:
            suffix = {"counter": "_total", "histogram": "_count"}.get(measure.kind, "")
            assert measure.name + suffix in told, measure.name
        assert value(samples, "snowflake_load_success_rate", schema="RAW", table="user_events") == 1
        assert value(samples, "pipeline_rows_loaded_total", table="user_events") == 10
        assert value(samples, "quality_invalid_share", dataset="events", rule="missing_event_id") == pytest.approx(0.1)
        assert value(samples, "quality_batch_invalid_share", dataset="user_events", batch="newest") == pytest.approx(
            0.1
        )
        assert value(samples, "lambda_reconciliation_discrepancy", metric="page_views", user_tier="gold") == 0
        assert value(samples, "reconciliation_days", state="converged") == 1
        labels = {"model_name": "mart_daily_metrics", "materialization": "incremental"}
        assert value(samples, "dbt_model_execution_time_sum", **labels) == 2
        assert [
            value(samples, "dbt_model_execution_time_bucket", **labels, le=bound) for bound in ("1.0", "5.0", "+Inf")
        ] == [0, 1, 1]
        assert value(samples, "dbt_model_failing", model_name="mart_daily_metrics") == 0

        deployed = value(samples, "pipeline_step_last_success_timestamp_seconds", step="schemachange-deploy")
        assert deployed == warehouse.one(
            "SELECT DATE_PART('epoch_second', MAX(installed_on)) FROM schemachange.change_history"
        )
        assert value(samples, "pipeline_step_last_run_success", step="schemachange-deploy") == 1

        warehouse.query(
            "INSERT INTO schemachange.change_history (version, script, script_type, status, installed_on)"
            " SELECT '2.0.0', 'V2.0.0__next.sql', 'V', 'Failed', DATEADD(minute, 1, CURRENT_TIMESTAMP())"
        )
        pipeline.compare(warehouse, page_views=2)
        pipeline.dbt_run(warehouse, "second", "error")
        warehouse.publish(events=[])
        (warehouse.landing / "_manifests" / "torn.json").write_text("{")
        warehouse.call("ops.load_pending()")
        samples = exporter.refreshed()
        assert value(samples, "lambda_reconciliation_discrepancy", metric="page_views", user_tier="gold") == 1
        assert value(samples, "reconciliation_days", state="converged") == 0
        assert value(samples, "pipeline_step_last_run_success", step="schemachange-deploy") == 0
        assert value(samples, "pipeline_step_last_success_timestamp_seconds", step="schemachange-deploy") == deployed
        assert value(samples, "dbt_model_failing", model_name="mart_daily_metrics") == 1
        assert value(samples, "dbt_model_failures_total", model_name="mart_daily_metrics") == 1
        assert value(samples, "pipeline_batches_waiting", step="flag_quality") == 1
        assert _overview(warehouse, tmp_path) == [
            "Lake no tables yet",
            "Warehouse 1 batches not flagged, 1 dates for dbt to build",
            "dbt failing: mart_daily_metrics",
            "Not valid user_events 10.0%, user_sessions 0.0% of the newest batch",
            "Days 1 regressed",
            "Differs most page_views of gold, by 100.0%",
            f"{pipeline.DAY} disagree",
        ]

        # What was read stays when reading fails, and the metrics say so.
        read_at = value(samples, "monitoring_refresh_timestamp_seconds")
        warehouse.query("ALTER TABLE ops.batches RENAME TO ops.batches_gone")
        try:
            failed = exporter.failed()
        finally:
            warehouse.query("ALTER TABLE ops.batches_gone RENAME TO ops.batches")
        assert value(failed, "monitoring_refresh_timestamp_seconds") == read_at
        assert value(failed, "pipeline_rows_loaded_total", table="user_events") == 10
    assert exporter.process.returncode == 0


def _overview(warehouse: Warehouse, state: Path) -> list[str]:
    """What `python -m local_stack status` and the end of the demo say, by the same queries."""
    printed = io.StringIO()
    show_overview(Console(file=printed, width=120), read_overview(Layout(state), Client(warehouse.connection)))
    return [" ".join(line.split()) for line in printed.getvalue().splitlines()]


def test_what_is_wrong_is_one_sentence() -> None:
    command = [sys.executable, "-m", "monitoring", "print"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, env={"PATH": ""})
    assert done.returncode == 2
    assert done.stderr == "monitoring: name a connection of connections.toml: --connection, or MONITORING_CONNECTION\n"


def test_the_ledger_is_read_at_a_minute_of_the_hour() -> None:
    def at(hour: int, minute: int) -> datetime:
        return datetime(2024, 1, 15, hour, minute, tzinfo=UTC)

    assert next_refresh(at(10, 54), 55) == at(10, 55)
    assert next_refresh(at(10, 55), 55) == at(11, 55)
    assert next_refresh(at(23, 56), 55) == datetime(2024, 1, 16, 0, 55, tzinfo=UTC)
