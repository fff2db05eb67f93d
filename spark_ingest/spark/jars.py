"""Spark's jars: which they are, where they lie, and whether they are whole. The only place that holds Maven coordinates."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spark_ingest.config import IngestConfig, is_s3


@dataclass(frozen=True)
class Artifact:
    """One jar by its Maven coordinates, locked to what Maven Central serves: its size in bytes and its SHA-256."""

    group: str
    name: str
    version: str
    size: int
    sha256: str

    @property
    def coordinates(self) -> str:
        return f"{self.group}:{self.name}:{self.version}"

    @property
    def file_name(self) -> str:
        """The name under which Ivy keeps the jar."""
        return f"{self.group}_{self.name}-{self.version}.jar"

    def fits(self, path: Path) -> bool:
        """Tell by the SHA-256 whether a file is this jar."""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


ICEBERG = Artifact(
    "org.apache.iceberg",
    "iceberg-spark-runtime-3.5_2.12",
    "1.11.0",
    47_964_645,
    "94b8e36fc329f0293d44ba9e01b784a56e9501affec1842d898144c51f6e486a",
)
ICEBERG_AWS = Artifact(
    "org.apache.iceberg",
    "iceberg-aws-bundle",
    "1.11.0",
    63_613_165,
    "38f01da7e96850cdd05e6616d758b77b43314b712a8808e3f9a824d56976162f",
)
# Hadoop's own access to local files starts the program `chmod` for every file and folder that it makes.
LOCAL_FILES = Artifact(
    "com.globalmentor",
    "hadoop-bare-naked-local-fs",
    "0.1.0",
    9_106,
    "e0cc30fb0531eb0b59468dc0abf5b257533d2365b5e9f45e795edd707aa78c62",
)
LOCAL_FILE_SYSTEM = "com.globalmentor.apache.hadoop.fs.BareLocalFileSystem"
EVERY_JAR = (ICEBERG, ICEBERG_AWS, LOCAL_FILES)


def artifacts(config: IngestConfig) -> tuple[Artifact, ...]:
    """The jars that a configuration needs: Iceberg always, its AWS bundle where S3 or Glue is used, LOCAL_FILES for folders."""
    on_s3 = config.uses_s3 or is_s3(config.catalog_warehouse or "")
    return (ICEBERG, *((ICEBERG_AWS,) if on_s3 else ()), *(() if config.lake_on_s3 else (LOCAL_FILES,)))


def jar_path(folder: Path, artifact: Artifact) -> Path:
    """Where a jar is kept below the folder of the jars (`ivy_dir` of the configuration)."""
    return folder / "jars" / artifact.file_name


def present(folder: Path) -> list[Path]:
    """The files of all jars that are there in their full size, always in the same order."""
    lacking = missing(folder, EVERY_JAR)
    return [jar_path(folder, artifact) for artifact in EVERY_JAR if artifact not in lacking]


def missing(folder: Path, wanted: Sequence[Artifact]) -> list[Artifact]:
    """The jars that are not there, or not in their full size: the check that every start can afford."""
    return [artifact for artifact in wanted if _size(jar_path(folder, artifact)) != artifact.size]


def folders_in_place_of(folder: Path, wanted: Sequence[Artifact]) -> list[Path]:
    """The places of jars where a folder stands, which nobody but the user may remove."""
    return [path for artifact in wanted if (path := jar_path(folder, artifact)).is_dir()]


def remove_damaged(folder: Path, wanted: Sequence[Artifact]) -> list[Path]:
    """Delete the jars whose SHA-256 is not the locked one, and return where they were."""
    paths = {jar_path(folder, artifact): artifact for artifact in wanted}
    damaged = [path for path, artifact in paths.items() if path.exists() and not artifact.fits(path)]
    for path in damaged:
        path.unlink()
    return damaged


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None
