"""The landing, as far as the speed layer's snapshots need it: a folder or an S3 prefix, files that appear whole or not at all."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from reconcile.config import ReconcileConfig, redact
from reconcile.errors import LandingError
from reconcile.speed.batch_buckets import UnloadedBuckets, read_buckets
from reconcile.speed.names import MANIFESTS, Published, buckets_path, read_names

_BATCHES = "_manifests"  # where Spark publishes a batch, <id>.json, and the warehouse acknowledges it, <id>.loaded
_ACKNOWLEDGED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.loaded.*")
_PARTIAL = ".partial"
_ABANDONED_AFTER_SECONDS = 3600
_DAYS_LISTED_APART = 31
_KEYS = {"contract_version", "extraction_id", "date", "extracted_at", "rows", "set_aside", "control", "file"}


class Landing:
    """Paths are relative to the landing's root, with forward slashes."""

    def __init__(self, config: ReconcileConfig) -> None:
        self.url = redact(config.landing)
        self._is_s3 = config.landing.startswith("s3://")
        if self._is_s3:
            parts = urlsplit(config.landing)
            self._root = (parts.netloc + parts.path).rstrip("/")
            self._files = _s3(config)
        elif "://" in config.landing:
            raise LandingError(f"landing {redact(config.landing)!r} must be a folder or an s3:// URL")
        else:
            self._root = str(Path(config.landing).absolute())
            self._files = fs.LocalFileSystem()

    def published(self, days: Collection[date] | None = None) -> dict[date, list[Published]]:
        """The published manifests of the given days (None: of all) as their names tell, by day, oldest first."""
        folders = (
            [MANIFESTS] if days is None or len(days) > _DAYS_LISTED_APART else [f"{MANIFESTS}/{day}" for day in days]
        )
        with self._errors(f"read {MANIFESTS}"):
            selectors = [fs.FileSelector(self._full(f), allow_not_found=True, recursive=True) for f in folders]
            names = [info.path for one in selectors for info in self._files.get_file_info(one)]
        return {day: found for day, found in read_names(names).items() if days is None or day in days}

    def newest_loaded_batch(self) -> str | None:
        """Id of the batch whose load the warehouse acknowledged last; None where it acknowledged none."""
        with self._errors(f"read {_BATCHES}"):
            found = self._files.get_file_info(fs.FileSelector(self._full(_BATCHES), allow_not_found=True))
        loaded = [info for info in found if _ACKNOWLEDGED.fullmatch(info.base_name)]
        return max(loaded, key=lambda info: info.mtime_ns).base_name[:36] if loaded else None

    def document(self, path: str) -> dict[str, Any] | None:
        """A manifest; None where the file is torn, or of another kind."""
        with self._errors(f"read {path}"):
            text = self._read(self._full(path))
        return _document(text)

    def buckets(self, day: date) -> UnloadedBuckets | None:
        """What the warehouse has unloaded of the day, if anything."""
        path = buckets_path(day)
        with self._errors(f"read {path}"):
            try:
                content = self._read(self._full(path))
            except FileNotFoundError:
                return None
        return read_buckets(content)

    def size(self, path: str) -> int | None:
        """Bytes of a file, or None when there is none."""
        with self._errors(f"look at {path}"):
            info = self._files.get_file_info(self._full(path))
        return int(info.size) if info.type == fs.FileType.File else None

    def put_file(self, source: Path, path: str) -> int:
        """Copy a local file to `path`, atomically. Returns its size in bytes."""
        with self._errors(f"write {path}"), self._whole(path) as stream, source.open("rb") as content:
            while block := content.read(1 << 20):
                stream.write(block)
        return source.stat().st_size

    def put_document(self, document: dict[str, Any], path: str) -> None:
        """Write a JSON document to `path`, atomically, replacing what is there."""
        with self._errors(f"write {path}"), self._whole(path) as stream:
            stream.write(json.dumps(document, indent=2, sort_keys=True).encode() + b"\n")

    def remove(self, paths: Collection[str]) -> None:
        """Remove files; one that is not there is none to remove."""
        for path in paths:
            with self._errors(f"remove {path}"), suppress(FileNotFoundError):
                self._files.delete_file(self._full(path))

    def remove_abandoned(self, day: date) -> int:
        """Remove partial files that a killed extraction of this day left behind over an hour ago. Returns how many."""
        if self._is_s3:
            return 0  # an upload that was not completed never becomes an object
        removed = 0
        for folder in (f"speed_sessions/date={day.isoformat()}", f"_speed_set_aside/{day}", f"{MANIFESTS}/{day}"):
            for partial in Path(self._full(folder)).glob(f".*{_PARTIAL}"):
                if time.time() - partial.stat().st_mtime > _ABANDONED_AFTER_SECONDS:
                    partial.unlink(missing_ok=True)
                    removed += 1
        return removed

    @contextmanager
    def _whole(self, path: str) -> Iterator[Any]:
        """A stream whose content appears at `path` when it is complete. S3 objects do so anyway."""
        full = PurePosixPath(self._full(path))
        if self._is_s3:
            with self._files.open_output_stream(str(full)) as stream:
                yield stream
            return
        self._files.create_dir(str(full.parent), recursive=True)
        partial = full.with_name(f".{full.name}.{os.getpid()}{_PARTIAL}")
        try:
            with Path(partial).open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            Path(partial).replace(full)
        finally:
            Path(partial).unlink(missing_ok=True)

    def _read(self, full: str) -> bytes:
        with self._files.open_input_stream(full) as stream:
            return bytes(stream.read())

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}"

    @contextmanager
    def _errors(self, action: str) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise LandingError(f"cannot {action} in the landing {self.url}: {reason}") from error


def _s3(config: ReconcileConfig) -> Any:
    """Credentials come from the environment, a profile or the pod's role, as AWS's own clients find them."""
    options: dict[str, Any] = {"connect_timeout": config.connect_timeout_seconds, "allow_bucket_creation": False}
    if config.s3_region:
        options["region"] = config.s3_region
    if config.s3_endpoint:
        parts = urlsplit(config.s3_endpoint)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise LandingError(f"s3_endpoint {redact(config.s3_endpoint)!r} must be http(s)://host:port")
        options |= {"endpoint_override": parts.netloc, "scheme": parts.scheme}
        options.setdefault("region", "us-east-1")
    return fs.S3FileSystem(**options)


def _document(text: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) and document.keys() >= _KEYS else None
