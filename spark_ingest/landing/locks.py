"""Who works on a landing: one run at a time, and a killed one stands in nobody's way.

On a folder: a lock of the operating system, which goes with the process. On S3: a lease, an object that its holder writes
anew every LEASE_SECONDS / 4; one that was not written for LEASE_SECONDS (by the store's own clock) is taken over. Creation,
renewal and take-over are conditional writes, so of two runs one wins: who has lost the lease is told so by its next renewal, and
there is one right before a manifest is written.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from spark_ingest.errors import LandingError, RunConflict
from spark_ingest.landing.s3_errors import REFUSED, error_code, own_etag, s3_errors

LEASE_SECONDS = 120.0
Check = Callable[[], None]


@contextmanager
def folder_lock(path: Path, root: str) -> Iterator[Check]:
    """Hold a lock file; yields a check that the lock is still held. Raises RunConflict when another process holds it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise LandingError(f"{path} cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 100, 0).decode(errors="replace").strip()
            raise RunConflict(f"another run ({holder or 'just starting'}) holds {root}") from None
        os.truncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}\n".encode(), 0)
        yield lambda: None
    finally:
        os.close(handle)


@dataclass(frozen=True)
class Moment:
    """A moment by two clocks: a steady one, which stands still while the machine is suspended, and one that may be set."""

    steady: float
    wall: float

    @classmethod
    def now(cls) -> Moment:
        return cls(time.monotonic(), time.time())

    def seconds_ago(self) -> float:
        """How long ago this was, by the clock that says longer."""
        now = Moment.now()
        return max(now.steady - self.steady, now.wall - self.wall)


class S3Lease:
    """A lease on an object. client: boto3's S3 client. seconds: how long a lease lasts without being renewed."""

    def __init__(self, client: Any, bucket: str, key: str, seconds: float = LEASE_SECONDS) -> None:
        self._client, self._bucket, self._key, self._seconds = client, bucket, key, seconds
        self._token = uuid.uuid4().hex
        self._etag = ""
        self._renewed = Moment.now()
        self._lost = False
        self._stop = threading.Event()
        self._writing = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[Check]:
        """Hold the lease; yields a check that renews it, and raises RunConflict once it is lost."""
        renewal = threading.Thread(target=self._renew, name="lease", daemon=True)
        try:
            self._take()
            renewal.start()
            yield self.check
        finally:  # also of one who was ended while he took it: the store may have written it all the same
            self._stop.set()
            if renewal.ident is not None:
                renewal.join()
            self._give_back()

    def check(self) -> None:
        """Renew the lease. Raise RunConflict when another run has taken it over, or could have by now."""
        if self._lost or self._renewed.seconds_ago() > self._seconds or not self._renew_once():
            raise RunConflict(f"another run has taken s3://{self._bucket}/{self._key} over; this one was too slow")

    def _take(self) -> None:
        if self._put(IfNoneMatch="*"):
            return
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=self._key)
            holder = found["Body"].read().decode(errors="replace")
        except s3_errors() as error:
            if error_code(error) in ("NoSuchKey", "404") and self._put(IfNoneMatch="*"):
                return  # given back in this very moment
            raise LandingError(f"s3://{self._bucket}/{self._key} cannot be read: {error}") from error
        now = parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])
        age = (now - found["LastModified"]).total_seconds()
        if age < self._seconds or not self._put(IfMatch=found["ETag"]):
            raise RunConflict(f"another run ({_holder(holder)}) holds s3://{self._bucket}/{self._key}")

    def _put(self, **condition: str) -> bool:
        body = json.dumps({"process": os.getpid(), "token": self._token, "renewal": uuid.uuid4().hex}).encode()
        start = Moment.now()
        try:
            etag = self._client.put_object(Bucket=self._bucket, Key=self._key, Body=body, **condition)["ETag"]
        except s3_errors() as error:
            if error_code(error) not in REFUSED:
                raise LandingError(f"s3://{self._bucket}/{self._key} cannot be written: {error}") from error
            etag = own_etag(self._client, self._bucket, self._key, body)
        if etag is None:
            return False
        self._etag, self._renewed = etag, start
        return True

    def _renew_once(self) -> bool:
        with self._writing:  # by the thread that renews, or by a check
            self._lost = self._lost or not self._put(IfMatch=self._etag)
            return not self._lost

    def _renew(self) -> None:
        while not self._stop.wait(self._seconds / 4):
            try:
                if not self._renew_once():
                    return
            except LandingError:
                continue  # the store is away for a moment; `check` knows how long the lease was not renewed

    def _give_back(self) -> None:
        if self._lost:
            return
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=self._key)["Body"].read().decode(errors="replace")
            if self._token in body:
                self._client.delete_object(Bucket=self._bucket, Key=self._key)
        except s3_errors():
            return  # it runs out by itself


def _holder(body: str) -> str:
    try:
        return f"process {json.loads(body)['process']}"
    except (ValueError, KeyError, TypeError):
        return "unknown"
