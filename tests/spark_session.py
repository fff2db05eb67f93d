"""One Spark session for all tests of a worker; tests/conftest.py makes it known to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from spark_ingest.config import IngestConfig

_REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def base_config(tmp_path_factory: pytest.TempPathFactory) -> IngestConfig:
    """Where the session's lake is; a test replaces the namespace and the landing by its own."""
    from spark_ingest.config import IngestConfig

    root = tmp_path_factory.mktemp("spark")
    return IngestConfig(
        warehouse=str(root / "lake"),
        landing=str(root / "landing"),
        ivy_dir=str(_REPOSITORY / ".cache" / "ivy"),
        rejects=str(root / "rejects"),
        scratch=str(root / "scratch"),
        log=str(root / "log.jsonl"),
        spark_master="local[2]",
        driver_memory="2g",
        java_options="-XX:TieredStopAtLevel=1",
        shuffle_partitions=2,
    )


@pytest.fixture(scope="session")
def spark(base_config: IngestConfig) -> Iterator[SparkSession]:
    """The session. Importing pyspark waits until a test asks for it."""
    from spark_ingest.spark.session import start_spark

    # Jars for S3 and Glue come along, so that the tests of those need no second JVM.
    session = start_spark(replace(base_config, landing="s3://with-the-aws-bundle"), "tests")
    # Spark describes every plan for its UI, which nobody opens here; the default describes at length.
    session.conf.set("spark.sql.ui.explainMode", "simple")
    yield session
    session.stop()
