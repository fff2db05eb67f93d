"""`run`: plan the next batch, make it, publish it; or say that there is nothing to do."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from spark_ingest.batch.exact_days import with_exact_days
from spark_ingest.batch.making import Batch
from spark_ingest.batch.plan import Plan, make_plan, refuse_altered_tables
from spark_ingest.batch.source import Source
from spark_ingest.config import IngestConfig
from spark_ingest.errors import RunConflict
from spark_ingest.landing.batches import Landing
from spark_ingest.landing.history import History, Published
from spark_ingest.landing.locks import Check
from spark_ingest.landing.manifest import iso_moment
from spark_ingest.landing.storage import open_storage
from spark_ingest.progress import Progress
from spark_ingest.spark.session import spark_session


@dataclass(frozen=True)
class RunResult:
    """What a run did. manifest: the published one; None: there was nothing to do, and `why` says so."""

    plan: Plan
    manifest: dict[str, Any] | None
    why: str = ""


def run(
    config: IngestConfig,
    progress: Progress,
    first: date | None = None,
    last: date | None = None,
    debug: bool = False,
    spark: SparkSession | None = None,
    again: str | None = None,
) -> RunResult:
    """Make and publish the next batch, alone on the landing. spark: a session to use; else one is started if needed.

    again: as `make_plan` has it.

    Raises RunConflict when another run works on the landing, LakeError and LandingError.
    """
    landing = Landing(open_storage(config.landing, config))
    with landing.held() as check_held:
        with progress.stage("plan") as stage:
            history = landing.history()
            removed = landing.remove_unpublished(history)
            if removed:
                stage.counts["half_written_files_removed"] = removed
            plan = make_plan(config, history, first, last, again)
            if plan.has_work:
                progress.concerns(plan.batch_id)
            stage.counts |= {
                "dates": len(plan.affected_days),
                "files": sum(len(c.files) for c in plan.changes.values()),
            }
        if not plan.has_work:
            return RunResult(plan, None, "Nothing new in the lake: no batch was published.")
        if plan.batch_id in history.ids:
            told = (
                f"Batch {plan.batch_id} is published already: nothing to do. (--again REASON publishes it once more.)"
            )
            return RunResult(plan, None, told)
        with _spark(config, progress, plan, spark, debug) as session:
            try:
                with progress.stage("dates"):
                    plan = with_exact_days(plan, Source(session, config, plan))
                source = Source(session, config, plan)
                batch = Batch(config, plan, source, progress)
                document = batch.make()
            finally:
                _forget(session)
        with progress.stage("publish"):
            document |= {"summary": _summary(document, source, progress)}
            if plan.again is not None:
                document["again"] = {"ordinal": plan.again.ordinal, "reason": plan.again.reason}
            if batch.endless:
                document["summary"]["endless_sessions"] = batch.endless
            refuse_altered_tables(config, plan)
            _publish(landing, plan, document, check_held)
    return RunResult(plan, document)


def _forget(session: SparkSession) -> None:
    """Let the JVM free the intermediate results of a batch: its session may make several.

    What Python refers to stays there, with tables that were broadcast, of tens of megabytes each. Objects of py4j and their
    methods refer to one another, so only the garbage collector lets them go, and that runs seldom.
    """
    session.catalog.clearCache()
    gc.collect()


@contextmanager
def _spark(
    config: IngestConfig, progress: Progress, plan: Plan, running: SparkSession | None, debug: bool
) -> Iterator[SparkSession]:
    size = plan.bytes_to_read(config.max_session_days)
    with ExitStack() as stack:
        with nullcontext() if running is not None else progress.stage("start Spark"):
            session = stack.enter_context(spark_session(config, debug, size, running))
        yield session


def _publish(landing: Landing, plan: Plan, document: dict[str, Any], check_held: Check) -> None:
    history = landing.history()
    newest = history.newest
    if newest != plan.history.newest:
        raise RunConflict(f"another run published batch {newest.batch_id if newest else ''} in the meantime")
    now = datetime.now(UTC)
    if newest is not None:
        # Batches are loaded in the order of their publication, so a clock that was set back must not disturb it.
        now = max(now, datetime.fromisoformat(newest.published_at) + timedelta(microseconds=1))
    document |= {"published_at": iso_moment(now), "previous": newest.batch_id if newest else None}
    landing.publish(document, check_held)
    landing.keep_history(History.of([*history.batches, Published.of(document)], history.removed))


def _summary(document: dict[str, Any], source: Source, progress: Progress) -> dict[str, Any]:
    staged = [data for data in document["datasets"].values() if data["stage"] == "landing"]
    return {
        "seconds": dict(progress.seconds),
        "rows": {name: data["rows"] for name, data in document["datasets"].items()},
        "bytes_read": sum(source.files_read.values()),
        "bytes_written": sum(file["bytes"] for data in staged for file in data["files"]),
        "snapshots": {name: len(change.snapshots) for name, change in source.plan.changes.items()},
    }


def new_progress(config: IngestConfig, command: str) -> Progress:
    """The progress display of a command, with its log."""
    return Progress(command, Path(config.log))
