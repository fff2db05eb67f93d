"""What the commands print at their end."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from spark_ingest.batch.run import RunResult
from spark_ingest.importing.files import MALFORMED, ImportResult
from spark_ingest.maintenance import Care


def import_table(result: ImportResult, console: Console | None = None) -> None:
    """Print what an import read, added, found there already, and set aside by reason."""
    out = console or Console(highlight=False)
    read = Table("input", "files", "rows read", MALFORMED, title="Read", title_justify="left")
    for source in result.inputs:
        read.add_row(source.name, f"{source.files:,}", f"{source.rows:,}", f"{source.malformed:,}")
    out.print(read)
    for source in result.inputs:
        if source.shortened:
            out.print(
                f"{source.name}: nanoseconds of {', '.join(source.shortened)} are cut to microseconds", soft_wrap=True
            )
        if source.escaped:
            told = f"{source.escaped:,} of the rows set aside have quotes after backslashes"
            out.print(
                f'{source.name}: {told}; inputs.toml: [{source.name}] escape = "\\\\"', soft_wrap=True, markup=False
            )
    made = Table(
        "table", "rows mapped", "added", "already there", "repeated", "set aside", title="Lake", title_justify="left"
    )
    for table in result.tables:
        counts = (table.mapped, table.added, table.already_there, table.repeated, sum(table.rejected.values()))
        made.add_row(table.name, *(f"{count:,}" for count in counts))
    out.print(made)
    reasons = [(table.name, reason, count) for table in result.tables for reason, count in table.rejected.items()]
    if reasons:
        why = Table("table", "reason", "rows", title="Set aside", title_justify="left")
        for name, reason, count in reasons:
            why.add_row(name, reason, f"{count:,}")
        out.print(why)
    if result.rejects:
        out.print(f"Rows set aside, with reasons: {result.rejects}", soft_wrap=True)


def run_table(result: RunResult, console: Console | None = None) -> None:
    """Print the published batch: rows, files, bytes and handling by dataset, findings, seconds by stage."""
    out = console or Console(highlight=False)
    if result.manifest is None:
        out.print(result.why, soft_wrap=True)
        return
    dates = result.manifest["affected_dates"]
    span = f", {dates[0]} to {dates[-1]} ({len(dates)} dates)" if dates else ""
    out.print(f"Published batch {result.manifest['batch_id']} ({result.manifest['mode']}{span})", soft_wrap=True)
    shown = Table("dataset", "rows", "files", "bytes", "handling", "scope", "why")
    for name, data in result.manifest["datasets"].items():
        size = sum(file["bytes"] for file in data["files"])
        counts = (f"{data['rows']:,}", f"{len(data['files']):,}", f"{size:,}")
        shown.add_row(name, *counts, data["handling"], data["scope"], data["reason"])
    out.print(shown)
    for name, count in result.manifest["findings"].items():
        out.print(f"  found {count:,} {name.replace('_', ' ')}")
    summary = result.manifest["summary"]
    out.print(
        f"  read {summary['bytes_read']:,} bytes of data files, wrote {summary['bytes_written']:,}", soft_wrap=True
    )
    seconds = summary["seconds"]
    out.print("  " + ", ".join(f"{stage} {taken:.1f} s" for stage, taken in seconds.items()), soft_wrap=True)


def care_table(cares: list[Care], dry_run: bool, console: Console | None = None) -> None:
    """Print what `maintain` did, or would do: each table before and after."""
    out = console or Console(highlight=False)
    shown = Table("table", "", "snapshots", "manifests", "data files", "small", "delete files", "bytes")
    for care in cares:
        states = [("now", care.before)] if dry_run else [("before", care.before), ("after", care.after)]
        for moment, found in states:
            counts = (found.snapshots, found.manifests, found.data_files, found.small_files, found.delete_files)
            shown.add_row(care.table, moment, *(f"{count:,}" for count in counts), f"{found.bytes:,}")
    out.print(shown)
    would = "would be " if dry_run else ""
    for care in cares:
        out.print(
            f"{care.table}: {care.compacted:,} files {would}compacted, {care.expired:,} snapshots {would}expired,"
            f" {care.orphans:,} orphan files {would}removed; younger snapshots stay for {care.kept_for}",
            soft_wrap=True,
        )
