"""The command line: setup, create, append, import, run, maintain. Exit codes are those of `errors.py`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import date
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from spark_ingest.config import IngestConfig, load_config
from spark_ingest.errors import IngestError, InputError, LakeError

if TYPE_CHECKING:
    from pyspark import SparkContext

_SECONDS_BETWEEN_JOBS = 0.5
_SECONDS_TO_LEAVE = 0.05  # a destructor or a callback
_GZIP_SIZE = 4  # bytes at the end of a gzip file that hold the size of its content


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a user's mistake becomes one sentence on standard error."""
    options = _parser().parse_args(arguments)
    asked_to_end = threading.Event()
    try:
        with _terminable(asked_to_end):
            options.command(load_config(), options)
    except BaseException as error:
        for kind, told, code in _ENDINGS:
            if _caused_by(error, kind) or (kind is _Terminated and asked_to_end.is_set()):
                return _failed(error, f"{told}; the next run completes what is missing", code, options)
        if isinstance(error, IngestError):
            return _failed(error, str(error), error.exit_code, options)
        if not isinstance(error, Exception):
            raise
        # Importing Spark takes a second, which a mistake in the configuration need not wait for.
        from spark_ingest.spark.failures import SPARK_ERRORS, sentence

        known = isinstance(error, SPARK_ERRORS)
        told = sentence(error) if known else f"unexpected {type(error).__name__}: {sentence(error)}"
        return _failed(error, told, LakeError.exit_code if known else 1, options)
    return 0


class _Terminated(BaseException):
    """The process was asked to end: what it holds is given back on the way out."""


@contextmanager
def _terminable(asked: threading.Event) -> Iterator[None]:
    """Let SIGTERM end a command as an interrupt does: Spark's jobs are cancelled, the landing is free for the next run.

    asked: is set when the signal comes.
    Kubernetes sends it, and kills half a minute later: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
    """

    left, told_before = threading.Event(), sys.unraisablehook

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # one is enough
        asked.set()
        pyspark = sys.modules.get("pyspark")
        context = pyspark.SparkContext._active_spark_context if pyspark else None
        if context is not None:
            # In a thread of its own: this one may be in the midst of a call to the JVM.
            threading.Thread(target=_cancel_jobs, args=(context, left), daemon=True).start()
        raise _Terminated

    def lost(ignored: sys.UnraisableHookArgs) -> None:
        """Ask again: Python goes on after what is raised in a destructor or in a callback of the garbage collector.

        See: https://docs.python.org/3/library/sys.html#sys.unraisablehook
        """
        if not isinstance(ignored.exc_value, _Terminated):
            told_before(ignored)
            return
        signal.signal(signal.SIGTERM, end)
        threading.Timer(_SECONDS_TO_LEAVE, again).start()

    def again() -> None:
        if not left.is_set():
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread takes signals
        return
    before = signal.signal(signal.SIGTERM, end)
    sys.unraisablehook = lost
    try:
        yield
    finally:
        left.set()
        sys.unraisablehook = told_before
        signal.signal(signal.SIGTERM, before)


def _cancel_jobs(context: SparkContext, left: threading.Event) -> None:
    """Cancel Spark's jobs until the command has ended: a call that is under way may start another one after the first.

    A context that the command's end stops meanwhile refuses: it has no job left.
    """
    with suppress(Exception):
        context.cancelAllJobs()
        while not left.wait(_SECONDS_BETWEEN_JOBS):
            context.cancelAllJobs()


_ENDINGS = ((_Terminated, "terminated", 143), (KeyboardInterrupt, "interrupted", 130))


def _caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    """Whether an error is of a kind, or came up while one was on its way: Spark that is stopped amid a job complains."""
    while error is not None and not isinstance(error, kind):
        error = error.__context__
    return error is not None


def _failed(error: BaseException, told: str, exit_code: int, options: argparse.Namespace) -> int:
    if options.debug:
        traceback.print_exception(error)
    print(f"spark_ingest: {told}" + ("" if options.debug else " (--debug shows more)"), file=sys.stderr)
    return exit_code


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the stack trace of an error")
    parser = argparse.ArgumentParser(prog="spark_ingest", description="The lake and the Spark job.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    setup = commands.add_parser("setup", parents=[common], help="check Spark's jars, fetch what is missing")
    setup.add_argument(
        "--archive-classes",
        action="store_true",
        help="keep Spark's classes as a JVM has them, so that the next ones start faster",
    )
    setup.set_defaults(command=_setup)

    create = commands.add_parser("create", parents=[common], help="create the lake's two tables where missing")
    create.set_defaults(command=_create)

    append = commands.add_parser(
        "append", parents=[common], help="append files with the lake's own columns, as they are"
    )
    append.add_argument(
        "--events", type=Path, action="append", default=[], metavar="FILE", help="Parquet or JSON lines"
    )
    append.add_argument("--transactions", type=Path, action="append", default=[], metavar="FILE")
    append.add_argument("--id", help="an append with the same id is done once (while its snapshot lives)")
    append.set_defaults(command=_append)

    imported = commands.add_parser("import", parents=[common], help="bring CSV, JSON or Parquet files into the lake")
    imported.add_argument(
        "--input", action="append", required=True, metavar="NAME=PATH", help="a view's name, its files"
    )
    imported.add_argument(
        "--mapping", type=Path, required=True, metavar="DIR", help="user_events.sql, transactions.sql"
    )
    imported.set_defaults(command=_import)

    run = commands.add_parser("run", parents=[common], help="publish a batch of what is new in the lake")
    run.add_argument(
        "--from", dest="first", type=date.fromisoformat, metavar="DATE", help="backfill from this date (UTC)"
    )
    run.add_argument("--to", dest="last", type=date.fromisoformat, metavar="DATE", help="backfill up to this date")
    run.add_argument(
        "--again", metavar="REASON", help="publish a backfill although it was before; the manifest keeps the reason"
    )
    run.add_argument("--dry-run", action="store_true", help="print the plan and write nothing")
    run.set_defaults(command=_run)

    care = commands.add_parser(
        "maintain", parents=[common], help="compact the tables, expire snapshots, remove orphan files"
    )
    care.add_argument("--dry-run", action="store_true", help="print what would be done and change nothing")
    care.set_defaults(command=_maintain)
    return parser


def _setup(config: IngestConfig, options: argparse.Namespace) -> None:
    from spark_ingest.spark.jar_fetch import setup_jars
    from spark_ingest.spark.jars import EVERY_JAR

    print(setup_jars(Path(config.ivy_dir), EVERY_JAR))
    if options.archive_classes:
        from spark_ingest.batch.rehearsal import archive_classes

        print(archive_classes(config))


def _create(config: IngestConfig, options: argparse.Namespace) -> None:
    from spark_ingest.lake.rows import create_tables, identifier
    from spark_ingest.lake.tables import TABLES
    from spark_ingest.spark.session import spark_session

    with spark_session(config, options.debug) as spark:
        create_tables(spark, config)
    print("Tables are there: " + ", ".join(identifier(config, table) for table in TABLES))


def _append(config: IngestConfig, options: argparse.Namespace) -> None:
    from spark_ingest.lake.rows import append_files, create_tables
    from spark_ingest.lake.tables import TRANSACTIONS, USER_EVENTS
    from spark_ingest.spark.session import spark_session

    files = {
        table: paths for table, paths in ((USER_EVENTS, options.events), (TRANSACTIONS, options.transactions)) if paths
    }
    if not files:
        raise InputError("name a file: --events or --transactions")
    for path in (path for paths in files.values() for path in paths):
        if not path.exists():
            raise InputError(f"{path} does not exist")
    size = _bytes(path for paths in files.values() for path in paths)
    with spark_session(config, options.debug, size) as spark:
        create_tables(spark, config)
        added = append_files(spark, config, files, options.id)
    for name, rows in added.items():
        print(
            f"{name}: " + ("appended before under this id, nothing added" if rows is None else f"{rows} rows appended")
        )


def _run(config: IngestConfig, options: argparse.Namespace) -> None:
    if options.dry_run:
        from spark_ingest.batch.preview import preview

        preview(config, options.first, options.last, again=options.again)
        return
    from spark_ingest.batch.run import new_progress, run
    from spark_ingest.report import run_table
    from spark_ingest.run_metrics import measured
    from spark_ingest.tracing import traced

    progress = new_progress(config, "run")
    with measured(config, "batch-ingest"), traced(progress):
        result = run(config, progress, options.first, options.last, options.debug, again=options.again)
    run_table(result)


def _maintain(config: IngestConfig, options: argparse.Namespace) -> None:
    from spark_ingest.batch.run import new_progress
    from spark_ingest.maintenance import maintain
    from spark_ingest.report import care_table
    from spark_ingest.run_metrics import measured
    from spark_ingest.tracing import traced

    progress = new_progress(config, "maintain")
    with nullcontext() if options.dry_run else measured(config, "table-care"), traced(progress):
        result = maintain(config, progress, options.dry_run, options.debug)
    care_table(result, options.dry_run)


def _import(config: IngestConfig, options: argparse.Namespace) -> None:
    from spark_ingest.importing.files import checked_inputs, import_files
    from spark_ingest.report import import_table
    from spark_ingest.spark.session import spark_session

    size = _bytes(path for source in checked_inputs(options.input, options.mapping) for path in source.files)
    with spark_session(config, options.debug, size) as spark:
        result = import_files(spark, config, options.input, options.mapping)
    import_table(result)


def _bytes(paths: Iterable[Path]) -> int:
    """The size of what files and folders hold, unpacked."""
    return sum(_unpacked(file) for path in paths for file in (path, *path.rglob("*")) if file.is_file())


def _unpacked(file: Path) -> int:
    """The size of a file, of one that is gzip what its last four bytes tell (https://www.rfc-editor.org/rfc/rfc1952#page-5)."""
    size = file.stat().st_size
    if file.suffix.lower() != ".gz" or size < _GZIP_SIZE:
        return size
    with file.open("rb") as stream:
        stream.seek(-_GZIP_SIZE, os.SEEK_END)
        return max(size, int.from_bytes(stream.read(), "little"))
