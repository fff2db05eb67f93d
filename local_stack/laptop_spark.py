"""One Spark for all stages of a command, started beside other work."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from pyspark.sql import SparkSession
from rich.console import Console

from local_stack.errors import StageError
from local_stack.layout import REPO
from local_stack.programs import Programs
from spark_ingest.batch.run import run
from spark_ingest.config import IngestConfig, load_config
from spark_ingest.errors import IngestError
from spark_ingest.lake.rows import append_files, create_tables
from spark_ingest.lake.tables import TRANSACTIONS, USER_EVENTS
from spark_ingest.progress import Progress
from spark_ingest.spark.failures import SPARK_ERRORS, sentence
from spark_ingest.spark.session import end_spark, start_spark

_Result = TypeVar("_Result")
_CANCEL_SECONDS = 0.2


class LaptopSpark:
    """The job's own functions on one session, in a thread of their own; leaving it ends what still runs.

    All of it stays in the thread that made the session: Spark's settings hold there, and in no other.
    """

    def __init__(self, environment: Mapping[str, str], programs: Programs) -> None:
        self._environment, self._programs = dict(environment), programs
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="spark")
        self._session: Future[SparkSession] | None = None
        self._working: Future[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._session is not None and not self._session.cancelled() and self._session.exception() is None:
            _end(self._session.result(), self._working)
        self._pool.shutdown()

    def start(self) -> Future[SparkSession]:
        """Begin to start Spark, if that was not done before; return at once."""
        if self._session is None:
            self._session = self._pool.submit(self._start)
        return self._session

    def append(self, append_id: str, events: Path, transactions: Path) -> dict[str, int | None]:
        """Append files with the lake's own columns; return rows by table, None where they were appended before.

        Raises StageError.
        """
        return self._do(f"append {append_id}", lambda: self._append(append_id, events, transactions))

    def run(self) -> dict[str, Any] | None:
        """Publish a batch of what is new; return its manifest, None when nothing was. Raises StageError."""
        return self._do("spark", self._run)

    def _config(self) -> IngestConfig:
        return load_config({**os.environ, **self._environment}, REPO)

    def _start(self) -> SparkSession:
        return start_spark(self._config())

    def _append(self, append_id: str, events: Path, transactions: Path) -> dict[str, int | None]:
        create_tables(self.start().result(), self._config())
        files = {USER_EVENTS: [events], TRANSACTIONS: [transactions]}
        return append_files(self.start().result(), self._config(), files, append_id)

    def _run(self) -> dict[str, Any] | None:
        config = self._config()
        with self._programs.log_file("spark").open("w", encoding="utf-8") as stream:
            progress = Progress("run", Path(config.log), Console(file=stream, highlight=False))
            return run(config, progress, spark=self.start().result()).manifest

    def _do(self, stage: str, action: Callable[[], _Result]) -> _Result:
        """Run an action and wait for it; what a user can cause or cure becomes a StageError of one sentence."""
        self.start()
        try:
            working = self._pool.submit(action)
            self._working = working
            return working.result()
        except IngestError as error:
            raise StageError(stage, str(error)) from error
        except SPARK_ERRORS as error:
            raise StageError(stage, sentence(error)) from error


def _end(session: SparkSession, working: Future[Any] | None) -> None:
    """Cancel what still works, stop the session and wait until its JVM is gone.

    A session that is stopped under a job makes the JVM print stack traces, so the job's end is waited for.
    """
    with suppress(*SPARK_ERRORS, OSError):  # a signal to all processes has ended the JVM, too
        while working is not None and not working.done():
            session.sparkContext.cancelAllJobs()
            wait([working], timeout=_CANCEL_SECONDS)
        end_spark(session)
