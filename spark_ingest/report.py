"""What the commands print at their end."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from spark_ingest.importing import MALFORMED, ImportResult


def import_table(result: ImportResult, console: Console | None = None) -> None:
    """Print what an import read, added, found there already, and set aside by reason."""
    out = console or Console(highlight=False)
    read = Table("input", "files", "rows read", MALFORMED, title="Read", title_justify="left")
    for source in result.inputs:
        read.add_row(source.name, f"{source.files:,}", f"{source.rows:,}", f"{source.malformed:,}")
    out.print(read)
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
