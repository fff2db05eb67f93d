"""What the next batch would be, told from metadata alone: nothing is written, Spark is not started."""

from __future__ import annotations

from datetime import date

from rich.console import Console
from rich.table import Table

from spark_ingest.batch.plan import Plan, make_plan
from spark_ingest.config import IngestConfig
from spark_ingest.lake.days import Days
from spark_ingest.lake.tables import USER_EVENTS
from spark_ingest.landing.batches import Landing
from spark_ingest.landing.history import History
from spark_ingest.landing.storage import open_storage


def preview(
    config: IngestConfig,
    first: date | None = None,
    last: date | None = None,
    console: Console | None = None,
    again: str | None = None,
) -> None:
    """Print the plan of the next batch (or of a backfill). Raises what `make_plan` raises."""
    out = console or Console(highlight=False)
    history = Landing(open_storage(config.landing, config)).history()
    plan = make_plan(config, history, first, last, again)
    if not plan.has_work:
        out.print("Nothing new in the lake: no batch would be published.")
        return
    published = plan.batch_id in history.ids
    out.print(
        f"Batch {plan.batch_id} ({plan.mode}) is published already." if published else _title(plan), soft_wrap=True
    )
    shown = Table("table", "change", "snapshots", "dates", "files", "rows", "bytes")
    for name, change in plan.changes.items():
        operations = ", ".join(f"{identity} {operation}" for identity, operation in change.snapshots)
        counts = (len(change.days), len(change.files), change.rows, change.bytes)
        shown.add_row(name, str(change.kind), operations or "none", *(f"{count:,}" for count in counts))
    out.print(shown)
    exact = all(change.are_days_exact for change in plan.changes.values())
    out.print(f"Dates: {_dates(plan.affected_days, exact)}", soft_wrap=True)
    out.print(_estimate(plan.changes[USER_EVENTS.name].rows, history), soft_wrap=True)


def _dates(days: Days, are_exact: bool) -> str:
    """Dates one by one; as ranges where metadata tells only that there may be rows on them."""
    if are_exact:
        return ", ".join(day.isoformat() for day in days) or "none"
    ends = [(min(Days((span,))), max(Days((span,)))) for span in days.ranges]
    spans = [str(first) if first == last else f"{first} to {last}" for first, last in ends]
    return f"some of {', '.join(spans)}"


def _title(plan: Plan) -> str:
    return f"Batch {plan.batch_id} ({plan.mode}) would be published."


def _estimate(rows: int, history: History) -> str:
    """Sessions expected of so many events, by the published batches' ratio of sessions to events."""
    events = sum(each.rows["user_events"] for each in history.batches)
    sessions = sum(each.rows["user_sessions"] for each in history.batches)
    if not events:
        return f"Sessions: at most {rows:,}; no published batch tells how many events a session has"
    return f"Sessions: about {round(rows * sessions / events):,}, by the ratio of the batches published so far"
