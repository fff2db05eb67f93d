"""The dates of a batch where metadata cannot tell them: files whose rows may lie on any day between their first and last.

Partitions by arrival, or none at all, make such files; in those by UTC or local date each file has rows of each of its days.
"""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_ingest.batch.plan import Plan
from spark_ingest.batch.source import Source, on_days
from spark_ingest.lake.changes import Kind, TableChange
from spark_ingest.lake.days import Days
from spark_ingest.lake.table_files import days_of
from spark_ingest.lake.tables import TABLES, Table


def with_exact_days(plan: Plan, source: Source) -> Plan:
    """The plan with the dates that its rows have, asked of the rows where metadata tells only that they may be."""
    changes = {table.name: _exact(plan.changes[table.name], table, source) for table in TABLES}
    return replace(plan, changes=changes)


def _exact(change: TableChange, table: Table, source: Source) -> TableChange:
    if change.are_days_exact:
        return change
    if change.kind != Kind.CHANGED:
        every = change.kind == Kind.EVERYTHING
        rows = source.at(table, change.to_snapshot_id) if every else source.appended(table)
        return replace(change, days=_days(rows, table), are_days_exact=True)
    wide = [file for file in change.changed if not file.is_exact]
    near = days_of(wide) & change.days
    files = None if set(change.changed) >= set(change.live) else wide
    rows = on_days(source.at(table, change.to_snapshot_id, files), near, table)
    if change.before_readable:
        rows = rows.union(on_days(source.at(table, change.from_snapshot_id, files), near, table))
    known = days_of(file for file in change.changed if file.is_exact) | _days(rows, table)
    return change.covering(change.days & (known if change.before_readable else known | change.published))


def _days(rows: DataFrame, table: Table) -> Days:
    number = F.unix_date(F.to_date(table.time)).alias("number")
    found = rows.filter(F.col(table.time).isNotNull()).select(number).distinct().collect()
    return Days.joined((int(row.number), int(row.number)) for row in found)
