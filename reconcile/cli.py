"""The command line: `python -m reconcile extract | run | explain | report`. The exit codes are part of --help."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconcile.comparison.outcomes import Verdict
from reconcile.config import ReconcileConfig, load_config
from reconcile.errors import ReconcileError, SpeedTableError
from reconcile.progress import RowProgress
from reconcile.run_metrics import measured
from reconcile.selection import Selection, add_selection, selection
from reconcile.tracing import Trace, traced

if TYPE_CHECKING:
    from datetime import date

    from reconcile.report.history import Reconciliation
    from reconcile.speed.extraction import Extraction
    from reconcile.speed.source import DayState, SpeedLayer

EXIT_CODES = """exit codes:
  0  done (also when everything was unchanged)
  1  unexpected error
  2  wrong argument or configuration
  3  the speed layer cannot be reached, denies access or has no such database
  4  the speed layer lacks the table or a column, or a column has an unusable type
  5  the landing cannot be read or written
  6  the warehouse cannot be reached or lacks the RECON tables
 10  report --exit-code: a day disagrees
 11  report --exit-code: no day disagrees, and one is not ready or has nothing to compare (or there is no day)
"""
_VERDICT_CODES = {Verdict.DISAGREE: 10, Verdict.NOT_READY: 11, Verdict.NOTHING_TO_COMPARE: 11}
FORMATS = ("text", "json", "junit", "html")


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
    add_selection(extract, "every day that the speed layer has")
    extract.add_argument("--json", action="store_true", help="one JSON document per day instead of a line of text")
    extract.set_defaults(run=_extract)

    run = commands.add_parser("run", help="have the warehouse compare days (CALL recon.reconcile_…)")
    add_selection(run, "every day with something new to compare")
    run.add_argument("--connection", metavar="NAME", required=True, help="a connection of connections.toml")
    run.set_defaults(run=_run)

    explain = commands.add_parser(
        "explain", help="the sessions behind the differences of days, and why (CALL recon.explain)"
    )
    add_selection(explain, "every day whose newest comparison has a difference")
    explain.add_argument("--connection", metavar="NAME", required=True, help="a connection of connections.toml")
    explain.set_defaults(run=_explain)

    report = commands.add_parser("report", help="the verdict of every day, as a table and as one HTML file")
    add_selection(report, "every day that was ever reconciled")
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


def _extract(options: argparse.Namespace) -> int:
    config = load_config(os.environ, options.config)

    def newest_batch() -> str | None:
        from reconcile.speed.landing import Landing

        return Landing(config).newest_loaded_batch()

    with traced("extract", newest_batch) as trace:
        return measured(config.metrics, "extract", lambda: _extract_days(options, config, trace))


def _extract_days(options: argparse.Namespace, config: ReconcileConfig, trace: Trace) -> int:
    # Imported here so that --help needs neither ClickHouse's client nor Arrow.
    from reconcile.speed.connection import open_speed_layer
    from reconcile.speed.extraction import Failure, extract_days
    from reconcile.speed.landing import Landing

    chosen = selection(options)
    landing = Landing(config)
    progress = RowProgress(sys.stderr)

    done: list[Extraction] = []
    failed: list[Failure] = []
    with open_speed_layer(config) as speed_layer:
        states = _day_states(speed_layer, chosen)
        if chosen.everything and (homeless := speed_layer.rows_without_start()):
            print(f"{homeless:,} rows without session_start belong to no day", file=sys.stderr)
        days = chosen.asked(speed_layer.day_names(*chosen.bounds) if states is None else states)
        trace.ended("look", {"days": len(days)})
        for one in extract_days(speed_layer, landing, days, states, config.keep_days or None, progress):
            progress.clear()
            if isinstance(one, Failure):
                failed.append(one)
                trace.ended("day", {"date": str(one.date), "error": str(one.error)}, succeeded=False)
                print(f"reconcile: {one.date}: {one.error}", file=sys.stderr)
                continue
            done.append(one)
            _trace_day(trace, one)
            print(json.dumps(asdict(one), default=str) if options.json else _line(one), flush=True)
    outcomes = Counter(["failed"] * len(failed) + [extraction.outcome for extraction in done])
    trace.told |= {"days": len(days), **outcomes}
    if not days:
        print(f"the speed layer's table {config.speed_table} is empty: nothing to extract", file=sys.stderr)
    elif not options.json:
        counted = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
        print(f"{len(days)} days, {sum(one.rows for one in done):,} rows: {counted}")
    return failed[0].error.exit_code if failed else 0


def _trace_day(trace: Trace, one: Extraction) -> None:
    """A day whose snapshot still holds is no stage: there may be thousands."""
    if one.outcome == "unchanged":
        trace.skipped()
    else:
        named = {"date": str(one.date), "outcome": one.outcome, "extraction_id": one.extraction_id}
        trace.ended("day", {**named, "rows": one.rows, "fetched": one.fetched, "bytes": one.bytes})


def _day_states(speed_layer: SpeedLayer, chosen: Selection) -> dict[date, DayState] | None:
    """What the days hold; None where one that is refused keeps ClickHouse from telling it for all."""
    speed_layer.check()
    try:
        return {state.day: state for state in speed_layer.days(*chosen.bounds)}
    except SpeedTableError:
        return None


def _run(options: argparse.Namespace) -> int:
    from reconcile.report.warehouse_source import call_reconciliation, newest_flagged_batch

    chosen = selection(options)
    span = (chosen.first, chosen.last) if chosen.has_range else None
    with traced("run", lambda: newest_flagged_batch(options.connection)) as trace:
        return _print(_traced(trace, call_reconciliation(options.connection, sorted(chosen.days), span))) or 0


def _explain(options: argparse.Namespace) -> int:
    from reconcile.report.warehouse_source import call_explanation

    chosen = selection(options)
    code = _print(call_explanation(options.connection, chosen.__contains__, chosen.days))
    if code is None:
        print("no day of these differs: nothing to explain", file=sys.stderr)
    return code or 0


def _traced(trace: Trace, answers: Iterable[Any]) -> Iterator[Any]:
    """Each answer of the warehouse, and a stage for it."""
    for answer in answers:
        if isinstance(answer, ReconcileError):
            trace.ended("call", {"error": str(answer)}, succeeded=False)
        else:
            told = {**answer, **answer.get("verdicts", {})}
            trace.ended("call", {key: value for key, value in told.items() if isinstance(value, int | str)})
        yield answer


def _print(answers: Iterable[Any]) -> int | None:
    """Print each answer in a line of JSON, an error on stderr. Returns the exit code, None without any answer."""
    code = None
    for answer in answers:
        if isinstance(answer, ReconcileError):
            code = answer.exit_code
            print(f"reconcile: {answer}", file=sys.stderr)
        else:
            code = code or 0
            print(json.dumps(answer, sort_keys=True), flush=True)
    return code


def _report(options: argparse.Namespace) -> int:
    from reconcile.report.warehouse_source import read_reconciliation

    chosen = selection(options)
    reconciliation = read_reconciliation(options.connection, [] if None in chosen.bounds else chosen.asked(()))
    days = tuple(day for day in reconciliation.days if day.date in chosen)
    reconciliation = replace(reconciliation, days=days)
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
    return _VERDICT_CODES.get(reconciliation.verdict, 0)


def _line(extraction: Extraction) -> str:
    notes = ""
    if extraction.fetched < extraction.rows:
        notes += f", {extraction.fetched:,} rows fetched, the others are as the warehouse has them"
    if extraction.set_aside:
        notes += f", {extraction.set_aside:,} rows set aside in {extraction.set_aside_path}"
    if extraction.non_uuid_ids:
        notes += f", {extraction.non_uuid_ids:,} identifiers are no UUIDs"
    if extraction.unreadable_amounts:
        notes += f", {extraction.unreadable_amounts:,} amounts are NULL or not numbers"
    return (
        f"{extraction.date}  {extraction.rows:>9,} rows  {extraction.money:>16}  "
        f"{extraction.outcome:<11}  {extraction.extraction_id}{notes}"
    )
