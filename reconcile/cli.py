"""The command line: `python -m reconcile extract | run | report`. Exit codes are in docs/reconciliation.md and in --help."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from reconcile.comparison.outcomes import Verdict
from reconcile.config import load_config
from reconcile.errors import ConfigError, ReconcileError

if TYPE_CHECKING:
    from reconcile.report.history import Reconciliation
    from reconcile.speed.extraction import Extraction

EXIT_CODES = """exit codes:
  0  done (also when everything was unchanged)
  1  unexpected error
  2  wrong argument or configuration
  3  the speed layer cannot be reached, denies access or has no such database
  4  the speed layer lacks the table or a column, or a column has an unusable type
  5  the landing cannot be read or written
  6  the warehouse cannot be reached or lacks the RECON tables
 10  report --exit-code: a day disagrees
 11  report --exit-code: no day disagrees, and one has nothing to compare (or there is no day)
"""
FORMATS = ("text", "json", "junit", "html")
_DATE = re.compile(r"\A\d{4}-\d{2}-\d{2}\Z", re.ASCII)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. A user's mistake is one sentence on stderr; --debug adds the trace."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ReconcileError as error:
        if options.debug:
            traceback.print_exc()
        print(f"reconcile: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("reconcile: interrupted; what was published stays valid", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reconcile",
        description="Compares the speed layer with the warehouse.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, help="configuration file (default: pipeline.toml, where there is one)")
    parser.add_argument("--debug", action="store_true", help="show the stack trace of an error")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    extract = commands.add_parser("extract", help="snapshot days of the speed layer into the landing")
    _add_dates(extract, "days to extract (UTC); without any: every day that the speed layer has")
    extract.add_argument("--json", action="store_true", help="one JSON document per day instead of a line of text")
    extract.set_defaults(run=_extract)

    run = commands.add_parser("run", help="have the warehouse compare days (CALL recon.reconcile_…)")
    _add_dates(run, "days to compare (UTC); without any: every day with something new to compare")
    run.add_argument("--connection", metavar="NAME", required=True, help="a connection of connections.toml")
    run.set_defaults(run=_run)

    report = commands.add_parser("report", help="the verdict of every day, as a table and as one HTML file")
    _add_dates(report, "days to report (UTC); without any: every day that was ever reconciled")
    report.add_argument("--connection", metavar="NAME", required=True, help="a connection of connections.toml")
    report.add_argument("--format", choices=FORMATS, help="what to write: to --out, or to the terminal (default: text)")
    report.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="write to a file; without --format that is HTML, beside the text on the terminal",
    )
    report.add_argument("--quiet", action="store_true", help="print no text")
    report.add_argument("--exit-code", action="store_true", help="end with 10 or 11 where the days do not agree")
    report.set_defaults(run=_report)
    return parser


def _add_dates(parser: argparse.ArgumentParser, explanation: str) -> None:
    group = parser.add_argument_group("dates", explanation)
    group.add_argument("--date", dest="dates", metavar="YYYY-MM-DD", type=_date, action="append", default=[])
    group.add_argument("--from", dest="from_date", metavar="YYYY-MM-DD", type=_date, help="first day of a range")
    group.add_argument("--to", dest="to_date", metavar="YYYY-MM-DD", type=_date, help="last day of the range, included")


def _date(text: str) -> date:
    try:
        # fromisoformat alone would also take week dates and dates without hyphens
        if _DATE.match(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a date (YYYY-MM-DD)")


def _chosen_days(options: argparse.Namespace) -> list[date] | None:
    """The days named on the command line, each once, in order; None when none was named."""
    days: set[date] = set(options.dates)
    if (options.from_date is None) != (options.to_date is None):
        raise ConfigError("--from and --to go together")
    if options.from_date is not None:
        if options.from_date > options.to_date:
            raise ConfigError(f"--from {options.from_date} is after --to {options.to_date}")
        length = (options.to_date - options.from_date).days + 1
        days |= {options.from_date + timedelta(days=offset) for offset in range(length)}
    return sorted(days) or None


def _extract(options: argparse.Namespace) -> int:
    # Imported here so that --help needs neither ClickHouse's client nor Arrow.
    from reconcile.speed.extraction import extract_days
    from reconcile.speed.landing import Landing
    from reconcile.speed.source import SpeedLayer

    days = _chosen_days(options)
    config = load_config(os.environ, options.config)
    landing = Landing(config)

    done: list[Extraction] = []
    with SpeedLayer(config) as speed_layer:
        if days is None:
            days = speed_layer.days()
            homeless = speed_layer.rows_without_start()
            if homeless:
                print(f"{homeless:,} rows without session_start belong to no day", file=sys.stderr)
        for extraction in extract_days(speed_layer, landing, days):
            done.append(extraction)
            print(json.dumps(asdict(extraction), default=str) if options.json else _line(extraction), flush=True)
    if not done:
        print(f"the speed layer's table {config.speed_table} is empty: nothing to extract", file=sys.stderr)
    elif not options.json:
        outcomes = Counter(extraction.outcome for extraction in done)
        counted = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
        print(f"{len(done)} days, {sum(one.rows for one in done):,} rows: {counted}")
    return 0


def _run(options: argparse.Namespace) -> int:
    from reconcile.report.warehouse_source import call_reconciliation

    _chosen_days(options)  # refuses an impossible range before anything is called
    span = None if options.from_date is None else (options.from_date, options.to_date)
    for summary in call_reconciliation(options.connection, sorted(set(options.dates)), span):
        print(json.dumps(summary, sort_keys=True), flush=True)
    return 0


def _report(options: argparse.Namespace) -> int:
    from reconcile.report.warehouse_source import read_reconciliation

    reconciliation = read_reconciliation(options.connection, _chosen_days(options) or ())
    _show(reconciliation, options.format, options.out, options.quiet)
    return _verdict_code(reconciliation) if options.exit_code else 0


def _show(reconciliation: Reconciliation, form: str | None, out: Path | None, quiet: bool) -> None:
    from reconcile.report.documents import render_json, render_junit
    from reconcile.report.files import write
    from reconcile.report.html import render_html
    from reconcile.report.terminal import render_text, render_verdict

    renderings = {"text": render_text, "json": render_json, "junit": render_junit, "html": render_html}
    if form is None or (form == "text" and out is None):
        if not quiet:
            render_verdict(reconciliation)
    elif out is None:
        print(renderings[form](reconciliation))
    if out is not None:
        write(renderings[form or "html"](reconciliation), out)
        if form is None:
            print(f"Report: {out}")


def _verdict_code(reconciliation: Reconciliation) -> int:
    verdicts = {day.latest.verdict for day in reconciliation.days}
    if Verdict.DISAGREE in verdicts:
        return 10
    return 0 if verdicts and Verdict.NOTHING_TO_COMPARE not in verdicts else 11


def _line(extraction: Extraction) -> str:
    notes = ""
    if extraction.non_uuid_ids:
        notes += f", {extraction.non_uuid_ids:,} identifiers are no UUIDs"
    if extraction.unreadable_amounts:
        notes += f", {extraction.unreadable_amounts:,} amounts are NULL or not numbers"
    return (
        f"{extraction.date}  {extraction.rows:>9,} rows  {extraction.money:>16}  "
        f"{extraction.outcome:<11}  {extraction.extraction_id}{notes}"
    )
