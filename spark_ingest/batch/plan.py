"""Plans a batch from metadata alone: which snapshots are new, which files and dates they touch, how it is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from pyiceberg.table import Table as IcebergTable

from spark_ingest.config import IngestConfig
from spark_ingest.errors import ConfigError, LakeError
from spark_ingest.lake.catalog import open_table
from spark_ingest.lake.changes import Kind, TableChange, table_change, table_dates
from spark_ingest.lake.columns import Columns, resolve_columns, time_id
from spark_ingest.lake.days import Days
from spark_ingest.lake.tables import TABLES
from spark_ingest.landing.history import INCREMENTAL, History
from spark_ingest.landing.manifest import TableRange, batch_id


@dataclass(frozen=True)
class Again:
    """A backfill that is published once more. ordinal: how often it was before."""

    ordinal: int
    reason: str


@dataclass(frozen=True)
class Plan:
    """A batch before it is made. changes, ranges, columns: by table name. history: what was published before it.

    again: how often this backfill was published before, and why it is once more; None where nobody asked for that.
    """

    mode: str
    batch_id: str
    changes: Mapping[str, TableChange]
    ranges: Mapping[str, TableRange]
    columns: Mapping[str, Columns]
    history: History
    again: Again | None = None

    @property
    def affected_days(self) -> Days:
        return Days.joined(span for change in self.changes.values() for span in change.days.ranges)

    @property
    def has_work(self) -> bool:
        if self.mode == "backfill":
            return bool(self.affected_days)
        return any(change.kind != Kind.NOTHING for change in self.changes.values())

    def bytes_to_read(self, reach: int) -> int:
        """The bytes of the new files, and of those within `reach` days of the affected dates, where their sessions go on."""
        days = self.affected_days.padded(reach)
        return sum(change.bytes_to_read(days) for change in self.changes.values())


def make_plan(
    config: IngestConfig,
    history: History,
    first: date | None = None,
    last: date | None = None,
    again: str | None = None,
) -> Plan:
    """Plan the next batch: since the newest manifest, or of a range of dates (backfill).

    again: why a backfill is to be published although it was before. Raises LakeError for a missing table or column, ConfigError
    for an empty range, or nothing to repeat.
    """
    if again is not None and not (first or last):
        raise ConfigError("--again repeats a backfill: name its dates, --from and --to")
    if first and last and first > last:
        raise ConfigError(f"--from {first} is after --to {last}")
    mode = "backfill" if first or last else INCREMENTAL
    since = history.published_up_to()
    opened = {table.name: open_table(config, table) for table in TABLES}
    changes, columns = {}, {}
    for table in TABLES:
        name, found = table.name, opened[table.name]
        with _named(name):
            # Before the files are looked at: their bounds are read as the type that the column must have.
            columns[name] = resolve_columns(found, table, None)
            time, dates = time_id(found, table), history.days(name)
            changes[name] = (
                table_change(found, time, since.get(name), dates)
                if mode == INCREMENTAL
                else table_dates(found, time, Days.between(first, last), dates)
            )
            if changes[name].schema_ids is not None:
                columns[name] = resolve_columns(found, table, changes[name].schema_ids)
    ranges = {name: _range(config, name, opened[name], change) for name, change in changes.items()}
    days = Days.joined(span for change in changes.values() for span in change.days.ranges)
    name = batch_id(mode, ranges, days, config.max_session_hours)
    if mode == INCREMENTAL and history.newest is not None and name in history.ids:
        # The table was rolled back, that was published, and now it is where it was: the same range, but another batch.
        name = batch_id(mode, ranges, days, config.max_session_hours, after=history.newest.batch_id)
    ordinal = 0
    while again is not None and name in history.ids:
        ordinal += 1
        name = batch_id(mode, ranges, days, config.max_session_hours, again=ordinal)
    return Plan(mode, name, changes, ranges, columns, history, None if again is None else Again(ordinal, again))


def refuse_altered_tables(config: IngestConfig, plan: Plan) -> None:
    """Raise LakeError where a table's schema is not that of the plan any more: a column may have been taken for another one."""
    for table in TABLES:
        if open_table(config, table).schema().schema_id != plan.columns[table.name].schema_id:
            raise schema_changed(table.name, "has another schema")


def schema_changed(table: str, how: str) -> LakeError:
    """The error of a table that was altered between the plan and the reading."""
    return LakeError(f"table {table} {how}: it was altered while the batch was made; run again")


@contextmanager
def _named(table: str) -> Iterator[None]:
    """Whatever pyiceberg meets in damaged metadata, told in one sentence. Raises LakeError."""
    try:
        yield
    except LakeError:
        raise
    except Exception as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise LakeError(f"table {table}: its metadata cannot be read: {told}") from error


def _range(config: IngestConfig, name: str, opened: IcebergTable, change: TableChange) -> TableRange:
    return TableRange(
        identifier=f"{config.namespace}.{name}",
        location=opened.location(),
        from_snapshot_id=change.from_snapshot_id,
        to_snapshot_id=change.to_snapshot_id,
    )
