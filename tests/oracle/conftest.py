"""One road for a module: the tests' Spark, a deployed warehouse over its lake, and dbt; and the histories in the oracle."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from dbt.adapters.factory import cleanup_connections
from pyspark.sql import SparkSession

from spark_ingest.config import IngestConfig
from spark_ingest.lake.rows import create_tables
from tests.oracle.compute import Delivery, database
from tests.oracle.histories import DELIVERIES, histories
from tests.oracle.road import Road
from tests.snowpark_procs.conftest import deployed as deployed
from tests.snowpark_procs.conftest import start_copy
from tests.spark_ingest.conftest import Lake


@pytest.fixture(scope="module")
def road(
    spark: SparkSession, base_config: IngestConfig, deployed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Road]:
    folder = tmp_path_factory.mktemp("road")
    (folder / "s3").mkdir()
    Path(base_config.warehouse).mkdir(parents=True, exist_ok=True)
    (folder / "s3" / "data-s3-bucket").symlink_to(base_config.warehouse)
    warehouse = start_copy(deployed, folder)
    config = replace(base_config, namespace="oracle", landing=str(warehouse.landing))
    create_tables(spark, config)
    yield Road(Lake(spark, config), warehouse, folder / "dbt")
    cleanup_connections()  # type: ignore[no-untyped-call]  # dbt keeps its connections until the process ends
    warehouse.connection.close()
    warehouse.endpoint.stop(signal.SIGKILL)  # nothing of it is kept


@pytest.fixture(scope="session")
def deliveries() -> list[Delivery]:
    shop = histories(30)
    return [
        Delivery.of_rows(
            [row for history in shop for row in history.events[part]],
            [row for history in shop for row in history.transactions[part]],
        )
        for part in range(DELIVERIES)
    ]


@pytest.fixture(scope="session")
def rightly(deliveries: list[Delivery]) -> Iterator[duckdb.DuckDBPyConnection]:
    with database(deliveries) as connection:
        yield connection
