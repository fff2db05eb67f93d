"""What a Python worker does beside its task."""

from __future__ import annotations

import sys
import zipfile
import zipimport
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from spark_ingest.spark.python_tasks import Task, without_jars


def _jars() -> Task:
    def jars(batches: Iterable[Any]) -> Iterable[Any]:
        import sys

        import pyarrow as pa

        for _ in batches:
            known = {*sys.path, *sys.path_importer_cache}
            yield pa.RecordBatch.from_pydict({"path": [path for path in known if path.endswith(".jar")]})

    return jars


def test_the_jar_that_spark_puts_on_a_workers_path_is_gone(spark: SparkSession) -> None:
    assert not spark.range(0, 1, 1, 1).mapInArrow(without_jars(_jars()), "path string").collect()


def test_only_jars_are_taken_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    jar = str(tmp_path / "spark-core.jar")
    before = list(sys.path)
    monkeypatch.setattr(sys, "path", [jar, *before])
    monkeypatch.setitem(sys.path_importer_cache, jar, zipimport.zipimporter(_archive(tmp_path)))
    assert list(without_jars(lambda batches: batches)([1, 2])) == [1, 2]
    assert sys.path == before
    assert jar not in sys.path_importer_cache


def _archive(folder: Path) -> str:
    with zipfile.ZipFile(folder / "spark-core.jar", "w") as archive:
        archive.writestr("README", "")
    return str(folder / "spark-core.jar")
