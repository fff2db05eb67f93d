"""One frozen configuration, from `[spark_ingest]` of pipeline.toml overlaid by the environment (SPARK_INGEST_<KEY>).

The file is `SPARK_INGEST_CONFIG`, else `pipeline.toml` in the working directory, else none. Paths in the file are
relative to the file's folder; paths in the environment to the working directory. Unknown keys are refused by name.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from spark_ingest.errors import ConfigError

ENVIRONMENT_PREFIX = "SPARK_INGEST_"
CATALOG_TYPES = ("hadoop", "glue", "rest")
_SECTION = "spark_ingest"
_PATHS = frozenset({"warehouse", "landing", "ivy_dir", "rejects", "scratch", "log"})


@dataclass(frozen=True)
class IngestConfig:
    """Where the lake and the landing are, and how the job runs.

    warehouse: root of the lake (a folder or s3:// URL); the warehouse's lake stage points at it.
    landing: root of the landing (a folder or s3:// URL).
    catalog_type: hadoop (on a file system) | glue | rest.
    catalog_uri: the REST catalog's URL (rest), or another Glue endpoint (glue).
    catalog_warehouse: the warehouse name that a REST catalog expects, where it is not the root's URL.
    namespace: the database that holds user_events and transactions.
    s3_endpoint, s3_region: for S3 stores other than AWS's own; credentials come from the standard AWS environment.
    max_session_hours: a session keeps its events up to this long after its first one.
    target_file_mb: size that staged files, and compaction of the lake, aim for.
    snapshot_keep_hours: `maintain` expires snapshots older than this. orphan_keep_hours: it removes files that no table
    refers to when they are older than this (24 at least: younger ones may belong to a write under way). landing_keep_hours:
    and batches of the landing that are loaded and were published before that.
    metrics: where a run tells Prometheus how it went: the URL of a pushgateway, or a folder for files; None: nowhere.
    ivy_dir: where Spark's jars are kept. scratch: a local folder for intermediate files. log: JSON lines, one a stage.
    spark_master, driver_memory, java_options: used where Python starts Spark itself; under spark-submit its own stand.
    shuffle_partitions: upper bound of partitions in a shuffle (adaptive execution joins the small ones; what reads
    16 MB or less has a partition for each 4 MB).
    """

    warehouse: str
    landing: str
    catalog_type: str = "hadoop"
    catalog_uri: str | None = None
    catalog_warehouse: str | None = None
    namespace: str = "ecommerce"
    s3_endpoint: str | None = None
    s3_region: str | None = None
    max_session_hours: Decimal = Decimal(24)
    target_file_mb: int = 128
    snapshot_keep_hours: int = 120
    orphan_keep_hours: int = 72
    landing_keep_hours: int = 720
    ivy_dir: str = ".cache/ivy"
    rejects: str = ".local/rejects"
    scratch: str = ".local/scratch"
    log: str = ".local/logs/spark_ingest.jsonl"
    spark_master: str = "local[*]"
    driver_memory: str = "3g"
    java_options: str = ""
    shuffle_partitions: int = 200
    metrics: str | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError for values that cannot work."""
        if self.catalog_type not in CATALOG_TYPES:
            raise ConfigError(f"catalog_type is '{self.catalog_type}'; it must be one of {', '.join(CATALOG_TYPES)}")
        if self.catalog_type == "rest" and not self.catalog_uri:
            raise ConfigError("catalog_type 'rest' needs catalog_uri, the URL of the REST catalog")
        if self.catalog_type == "hadoop" and is_s3(self.warehouse):
            raise ConfigError(
                "catalog_type 'hadoop' cannot keep tables on S3: it commits by renaming a file, which S3 does not do"
                " atomically; use 'glue' or 'rest'"
            )
        if not self.namespace.replace("_", "").isalnum():
            raise ConfigError(f"namespace '{self.namespace}' may hold letters, digits and underscores only")
        for name in ("max_session_hours", "target_file_mb", "shuffle_partitions"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} must be above zero, not {getattr(self, name)}")
        for name in ("snapshot_keep_hours", "landing_keep_hours"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must not be below zero, but is {getattr(self, name)}")
        if self.orphan_keep_hours < 24:
            raise ConfigError(f"orphan_keep_hours must be 24 or more, not {self.orphan_keep_hours}")

    @property
    def uses_s3(self) -> bool:
        """Whether any part of the job talks to S3 or Glue."""
        return self.lake_on_s3 or is_s3(self.landing)

    @property
    def lake_on_s3(self) -> bool:
        """Whether the tables' files lie on S3."""
        return self.catalog_type == "glue" or is_s3(self.warehouse)

    @property
    def max_session_micros(self) -> int:
        """The maximum session length in microseconds."""
        return int(self.max_session_hours * 3_600_000_000)

    @property
    def max_session_days(self) -> int:
        """The maximum session length in days, rounded up."""
        return math.ceil(self.max_session_hours / 24)


def is_s3(location: str) -> bool:
    """Whether a location is an S3 URL."""
    return location.startswith(("s3://", "s3a://", "s3n://"))


def load_config(environment: Mapping[str, str] | None = None, directory: Path | None = None) -> IngestConfig:
    """Read the configuration once, at the edge.

    Raises ConfigError for a missing or unreadable file, an unknown key, a value of the wrong type.
    """
    env = os.environ if environment is None else environment
    here = Path.cwd() if directory is None else directory
    values = _from_file(env, here)
    values.update(_from_environment(env, here))
    for key in ("warehouse", "landing"):
        if key not in values:
            raise ConfigError(
                f"{key} is not configured: set {ENVIRONMENT_PREFIX}{key.upper()}, or [{_SECTION}] {key} in pipeline.toml"
            )
    for key in _PATHS - values.keys():
        values[key] = _absolute(str(_defaults()[key]), here)
    return IngestConfig(**values)


def _from_file(env: Mapping[str, str], here: Path) -> dict[str, Any]:
    named = env.get(ENVIRONMENT_PREFIX + "CONFIG")
    path = here / (named or "pipeline.toml")
    if not path.exists():
        if named:
            raise ConfigError(f"{ENVIRONMENT_PREFIX}CONFIG names {path}, which does not exist")
        return {}
    try:
        section = tomllib.loads(path.read_text(encoding="utf-8")).get(_SECTION, {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    base = path.resolve().parent
    read = {key: _typed(key, value, f"{path} [{_SECTION}]", base) for key, value in section.items()}
    # Folders that the file leaves out lie beside it, wherever the command is started.
    return {key: _absolute(str(_defaults()[key]), base) for key in _PATHS & _defaults().keys()} | read


def _from_environment(env: Mapping[str, str], here: Path) -> dict[str, Any]:
    read = {}
    for name, value in env.items():
        if name.startswith(ENVIRONMENT_PREFIX) and name != ENVIRONMENT_PREFIX + "CONFIG" and value != "":
            read_key = name.removeprefix(ENVIRONMENT_PREFIX).lower()
            read[read_key] = _typed(read_key, value, f"the environment variable {name}", here)
    return read


def _typed(key: str, value: object, source: str, base: Path) -> Any:
    kinds = {field.name: field.type for field in fields(IngestConfig)}
    if key not in kinds:
        raise ConfigError(f"unknown key '{key}' in {source}; known: {', '.join(sorted(kinds))}")
    try:
        if kinds[key] == "int":
            if isinstance(value, bool | float):
                raise ValueError
            return int(str(value))
        if kinds[key] == "Decimal":
            number = Decimal(str(value))
            if not number.is_finite():
                raise ValueError
            return number
    except (ValueError, InvalidOperation):
        raise ConfigError(f"{key} in {source} must be a number, not {value!r}") from None
    if not isinstance(value, str):
        raise ConfigError(f"{key} in {source} must be text, not {value!r}")
    if key == "metrics":
        return value if "://" in value else _absolute(value, base)
    return _absolute(value, base) if key in _PATHS else value


def _absolute(location: str, base: Path) -> str:
    """A folder as an absolute path, an S3 URL with the scheme s3 and no slash at its end."""
    if is_s3(location):
        return "s3://" + location.split("://", 1)[1].rstrip("/")
    return str((base / location.removeprefix("file://")).resolve())


def _defaults() -> dict[str, Any]:
    return {field.name: field.default for field in fields(IngestConfig) if isinstance(field.default, str)}
