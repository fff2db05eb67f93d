"""The command line: `python -m monitoring exporter | print | picture | dbt`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from monitoring.errors import ConfigError, LedgerError, MonitoringError

if TYPE_CHECKING:
    from monitoring.exporter import LedgerCollector

EXIT_CODES = """exit codes:
  0  done
  2  wrong argument or configuration
  3  print: the warehouse cannot be reached, or does not answer what is asked
  4  picture: Prometheus cannot be reached, or does not answer what is asked
dbt ends with dbt's own.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. A user's mistake is one sentence on stderr."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except MonitoringError as error:
        print(f"monitoring: {error}", file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    reader = argparse.ArgumentParser(add_help=False)
    reader.add_argument(
        "--connection",
        metavar="NAME",
        default=os.environ.get("MONITORING_CONNECTION"),
        help="a connection of connections.toml, of a user with the role MONITOR (default: MONITORING_CONNECTION)",
    )
    reader.add_argument(
        "--role",
        default=os.environ.get("MONITORING_ROLE") or None,
        help="instead of the connection's (MONITORING_ROLE)",
    )
    parser = argparse.ArgumentParser(
        prog="python -m monitoring",
        description="Tells Prometheus how the pipeline is, and a collector of traces what dbt did.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    exporter = commands.add_parser(
        "exporter", parents=[reader], help="serve the ledger's metrics, read each hour and on SIGHUP"
    )
    exporter.add_argument("--port", type=int, default=9400, help="to listen on (default: 9400)")
    exporter.add_argument(
        "--at-minute",
        type=int,
        default=55,
        choices=range(60),
        metavar="0-59",
        help="of each hour, to read the ledger (default: 55, after the task graph and what runs beside it)",
    )
    exporter.set_defaults(run=_exporter)
    shown = commands.add_parser("print", parents=[reader], help="print the metrics once, as Prometheus reads them")
    shown.set_defaults(run=_print)
    picture = commands.add_parser("picture", help="draw what the dashboard shows now, as one SVG file")
    picture.add_argument("--prometheus", metavar="URL", required=True, help="where Prometheus answers")
    picture.add_argument("--out", metavar="FILE", type=Path, required=True, help="the file to write")
    picture.set_defaults(run=_picture)
    dbt = commands.add_parser("dbt", help="run dbt, and tell a collector of traces what became of each model and test")
    dbt.add_argument("arguments", nargs=argparse.REMAINDER, metavar="…", help="dbt's own: build --selector hourly")
    dbt.set_defaults(run=_dbt)
    return parser


def _exporter(options: argparse.Namespace) -> int:
    collector = _collector(options)
    from monitoring.exporter import Schedule, serve

    schedule = Schedule(options.at_minute)
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda *_: schedule.stop())
    signal.signal(signal.SIGHUP, lambda *_: schedule.ask())
    try:
        server, thread = serve(collector, options.port)
    except OSError as error:
        raise ConfigError(f"cannot listen on port {options.port}: {error.strerror}") from error
    schedule.run(collector)
    server.shutdown()
    thread.join()
    return 0


def _print(options: argparse.Namespace) -> int:
    collector = _collector(options)
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    if not collector.refresh():
        return LedgerError.exit_code
    registry.register(collector)
    print(generate_latest(registry).decode(), end="")
    return 0


def _picture(options: argparse.Namespace) -> int:
    from monitoring.picture import DASHBOARD, ask_prometheus, draw

    drawn = draw(json.loads(DASHBOARD.read_text(encoding="utf-8")), ask_prometheus(options.prometheus))
    try:
        options.out.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{options.out} cannot be written: {error.strerror}") from error
    return 0


def _dbt(options: argparse.Namespace) -> int:
    from monitoring.dbt_trace import run

    project = Path(os.environ.get("DBT_PROJECT_DIR") or ".")
    return run(options.arguments, project / (os.environ.get("DBT_TARGET_PATH") or "target"))


def _collector(options: argparse.Namespace) -> LedgerCollector:
    if not options.connection:
        raise ConfigError("name a connection of connections.toml: --connection, or MONITORING_CONNECTION")
    # Imported here so that --help needs neither Prometheus's client nor Snowflake's.
    from monitoring.exporter import LedgerCollector
    from monitoring.ledger import read_ledger
    from monitoring.measures import MEASURES

    return LedgerCollector(lambda: read_ledger(options.connection, MEASURES, options.role))
