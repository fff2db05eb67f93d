"""What a run tells Prometheus: how it went, and how far the batches are behind the lake."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from spark_ingest.config import IngestConfig, load_config
from spark_ingest.errors import LakeError, RunConflict
from spark_ingest.run_metrics import measured
from tests.spark_ingest.conftest import Lake
from tests.spark_ingest.rows import event

LAST_SUCCESS = "pipeline_step_last_success_timestamp_seconds"


def told(config: IngestConfig) -> dict[str, float]:
    """The samples of the file by name; of the histogram's buckets the last."""
    path = Path(config.metrics or "") / "batch-ingest.prom"
    families = text_string_to_metric_families(path.read_text(encoding="utf-8"))
    samples = [sample for family in families for sample in family.samples]
    assert all(sample.labels["job_name"] == "batch-ingest" for sample in samples if sample.name.startswith("spark_"))
    return {sample.name: sample.value for sample in samples}


def test_a_run_tells_how_it_went_and_what_the_lake_has_ahead(lake: Lake, tmp_path: Path) -> None:
    config = replace(lake.config, metrics=str(tmp_path / "metrics"))
    lake.append([event("1", "session", "2024-01-15 10:00:00")])
    with pytest.raises(LakeError), measured(config, "batch-ingest"):
        raise LakeError("a file is gone")
    failed = told(config)
    assert failed["pipeline_step_last_run_success"] == 0
    assert failed["pipeline_lake_lag_snapshots"] == 1
    assert failed["pipeline_lake_lag_seconds"] > 0
    assert LAST_SUCCESS not in failed

    with measured(config, "batch-ingest"):
        lake.run()
    succeeded = told(config)
    assert succeeded["pipeline_step_last_run_success"] == 1
    assert (succeeded["pipeline_lake_lag_snapshots"], succeeded["pipeline_lake_lag_seconds"]) == (0, 0)
    assert succeeded["pipeline_batches_waiting"] == 0  # it was published a moment ago
    assert succeeded["spark_batch_job_duration_count"] == 1
    assert succeeded["spark_batch_job_duration_sum"] > 0

    with pytest.raises(RunConflict), measured(config, "batch-ingest"):
        raise RunConflict("another run is at work")
    assert told(config) == succeeded
    with pytest.raises(KeyboardInterrupt), measured(config, "batch-ingest"):
        raise KeyboardInterrupt
    failed = told(config)
    assert failed["pipeline_step_last_run_success"] == 0
    assert failed[LAST_SUCCESS] == succeeded[LAST_SUCCESS]


def test_a_gateway_that_is_not_there_fails_no_run(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    url = "http://127.0.0.1:9"
    with measured(replace(lake.config, metrics=url), "batch-ingest"):
        pass
    assert f"spark_ingest: the run's metrics cannot be sent to {url}: " in capsys.readouterr().err


def test_metrics_go_to_a_folder_beside_the_file_or_to_a_url(tmp_path: Path) -> None:
    given = {"SPARK_INGEST_WAREHOUSE": "lake", "SPARK_INGEST_LANDING": "landing"}
    for metrics, expected in (("figures", str(tmp_path / "figures")), ("http://gateway:9091", "http://gateway:9091")):
        assert load_config(given | {"SPARK_INGEST_METRICS": metrics}, tmp_path).metrics == expected
    assert load_config(given, tmp_path).metrics is None
