"""Files of the landing, in a folder or on S3, behind one small interface."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from spark_ingest.config import IngestConfig, is_s3
from spark_ingest.errors import LandingError
from spark_ingest.landing.locks import Check, S3Lease, folder_lock
from spark_ingest.landing.s3_errors import REFUSED, error_code, own_etag, s3_errors

# All attempts together end well before a lease runs out: a manifest must not be written after that.
_PATIENCE: dict[str, Any] = {
    "connect_timeout": 5,
    "read_timeout": 20,
    "retries": {"mode": "standard", "total_max_attempts": 3},
}


@dataclass(frozen=True)
class StoredFile:
    """One file, by its path relative to the root."""

    path: str
    bytes: int


class Storage(Protocol):
    """What the job needs of a store. Paths are relative to its root, with forward slashes."""

    root: str

    def files(self, prefix: str) -> list[StoredFile]:
        """Files below a folder, sorted by path; none when it does not exist."""

    def read(self, path: str) -> bytes:
        """A file's content. Raises LandingError."""

    def create(self, path: str, content: bytes) -> bool:
        """Create a file whole or not at all; False when it exists already."""

    def write(self, path: str, content: bytes) -> None:
        """Write a file whole, in place of one that is there. Raises LandingError."""

    def delete(self, paths: list[str]) -> None:
        """Delete files; missing ones do not matter."""

    def abort_uploads(self, prefix: str) -> int:
        """Give up what is half uploaded below a folder and cannot be seen as files; how many uploads that were."""

    def held(self, path: str) -> AbstractContextManager[Check]:
        """Hold the store for one run; yields a check that it is still held. Raises RunConflict."""


class FolderStorage:
    """A folder of the local file system."""

    def __init__(self, root: str) -> None:
        self.root = root

    def files(self, prefix: str) -> list[StoredFile]:
        folder = Path(self.root) / prefix
        found = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
        return sorted(
            (StoredFile(path.relative_to(self.root).as_posix(), path.stat().st_size) for path in found),
            key=lambda file: file.path,
        )

    def read(self, path: str) -> bytes:
        try:
            return (Path(self.root) / path).read_bytes()
        except OSError as error:
            raise LandingError(f"{Path(self.root) / path} cannot be read: {error.strerror}") from error

    def create(self, path: str, content: bytes) -> bool:
        try:
            self._place(path, content, os.link)  # a hard link publishes the whole file or fails
        except FileExistsError:
            return False
        except OSError as error:
            raise LandingError(f"{Path(self.root) / path} cannot be written: {error.strerror}") from error
        return True

    def write(self, path: str, content: bytes) -> None:
        try:
            self._place(path, content, os.replace)
        except OSError as error:
            raise LandingError(f"{Path(self.root) / path} cannot be written: {error.strerror}") from error

    def _place(self, path: str, content: bytes, appear: Callable[[Path, Path], None]) -> None:
        target = Path(self.root) / path
        # A name that no reader of the folder looks at.
        partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            appear(partial, target)
        finally:
            partial.unlink(missing_ok=True)

    def delete(self, paths: list[str]) -> None:
        folders = set()
        for path in paths:
            target = Path(self.root) / path
            target.unlink(missing_ok=True)
            folders.add(target.parent)
        for folder in folders:
            if folder.is_dir() and folder != Path(self.root) and not any(folder.iterdir()):
                folder.rmdir()

    def abort_uploads(self, prefix: str) -> int:
        return 0

    def held(self, path: str) -> AbstractContextManager[Check]:
        return folder_lock(Path(self.root) / path, self.root)


class S3Storage:
    """A prefix of a bucket."""

    def __init__(self, root: str, config: IngestConfig) -> None:
        import boto3
        from botocore.config import Config

        self.root = root
        bucket, _, prefix = root.removeprefix("s3://").partition("/")
        self._bucket, self._prefix = bucket, f"{prefix}/" if prefix else ""
        self._client: Any = boto3.client(
            "s3", endpoint_url=config.s3_endpoint, region_name=config.s3_region, config=Config(**_PATIENCE)
        )

    def files(self, prefix: str) -> list[StoredFile]:
        pages = self._client.get_paginator("list_objects_v2")
        start = self._prefix + prefix.rstrip("/") + "/"
        try:
            found = [
                StoredFile(item["Key"].removeprefix(self._prefix), item["Size"])
                for page in pages.paginate(Bucket=self._bucket, Prefix=start)
                for item in page.get("Contents", [])
            ]
        except s3_errors() as error:
            raise LandingError(f"{self.root}/{prefix} cannot be listed: {error}") from error
        return sorted(found, key=lambda file: file.path)

    def read(self, path: str) -> bytes:
        try:
            content: bytes = self._client.get_object(Bucket=self._bucket, Key=self._prefix + path)["Body"].read()
        except s3_errors() as error:
            raise LandingError(f"{self.root}/{path} cannot be read: {error}") from error
        return content

    def create(self, path: str, content: bytes) -> bool:
        try:
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + path, Body=content, IfNoneMatch="*")
        except s3_errors() as error:
            if error_code(error) in REFUSED:
                return own_etag(self._client, self._bucket, self._prefix + path, content) is not None
            raise LandingError(f"{self.root}/{path} cannot be written: {error}") from error
        return True

    def write(self, path: str, content: bytes) -> None:
        try:
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + path, Body=content)
        except s3_errors() as error:
            raise LandingError(f"{self.root}/{path} cannot be written: {error}") from error

    def delete(self, paths: list[str]) -> None:
        for start in range(0, len(paths), 1000):
            keys = [{"Key": self._prefix + path} for path in paths[start : start + 1000]]
            done = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})
            for failed in done.get("Errors", []):
                raise LandingError(f"s3://{self._bucket}/{failed['Key']} cannot be deleted: {failed['Message']}")

    def abort_uploads(self, prefix: str) -> int:
        start = self._prefix + prefix.rstrip("/") + "/"
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=start)
        try:
            uploads = [upload for page in pages for upload in page.get("Uploads", [])]
            for upload in uploads:
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        except s3_errors() as error:
            raise LandingError(f"{self.root}/{prefix} cannot be cleaned of unfinished uploads: {error}") from error
        return len(uploads)

    def held(self, path: str) -> AbstractContextManager[Check]:
        return S3Lease(self._client, self._bucket, self._prefix + path).held()


def open_storage(root: str, config: IngestConfig) -> Storage:
    """The store that a root names."""
    return S3Storage(root, config) if is_s3(root) else FolderStorage(root)
