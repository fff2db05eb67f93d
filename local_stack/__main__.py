"""python -m local_stack up | down | status | run | demo | dbt …

Exit codes: 0 done; 1 a stage or the endpoint failed (one sentence says which); 2 wrong arguments; 3 status: not running;
130 interrupted or terminated.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from rich.console import Console

from local_stack import commands
from local_stack.errors import StackError
from local_stack.layout import Layout, default_layout
from local_stack.state_lock import alone


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local_stack", description="The whole system on a laptop.")
    parser.add_argument("--state", type=Path, help="folder of the local state (default: .local; demo: .local/demo)")
    parser.add_argument("--debug", action="store_true", help="show the stack trace of an error")
    kinds = parser.add_subparsers(dest="command", required=True)
    up_parser = kinds.add_parser("up", help="start the local Snowflake endpoint")
    up_parser.add_argument("--rights", choices=("on", "off"), default="on", help="whether it enforces privileges")
    kinds.add_parser("down", help="stop it; the data stays")
    kinds.add_parser("status", help="say whether it runs, what waits, and the newest verdicts")
    run_parser = kinds.add_parser("run", help="take what is in the lake through every stage")
    run_parser.add_argument(
        "--clickhouse", metavar="URL", help="the speed layer (default: the embedded one, if it has rows)"
    )
    demo_parser = kinds.add_parser("demo", help="the whole pipeline on a generated week")
    demo_parser.add_argument("--seed", type=int, default=20240115, help="the same seed gives the same verdict")
    demo_parser.add_argument("--sessions-per-day", type=int, default=300)
    demo_parser.add_argument("--fresh", action="store_true", help="forget what earlier demos left")
    dbt = kinds.add_parser("dbt", help="run dbt with the local environment")
    dbt.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser


def main() -> int:
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, _terminated)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    layout = Layout(options.state.resolve()) if options.state else default_layout()
    if options.command == "demo" and not options.state:
        layout = Layout(layout.root / "demo" / f"seed-{options.seed}")
    try:
        match options.command:
            case "up":
                commands.up(console, layout, rights=options.rights == "on")
            case "down":
                commands.down(console, layout)
            case "status":
                return commands.status(console, layout)
            case "run":
                # Spark and what else it needs are imported here, by the main thread: others start only after that.
                from local_stack.run_command import run

                with alone(layout):
                    run(console, layout, options.clickhouse)
            case "demo":
                from local_stack.demo.command import demo

                with alone(layout):
                    demo(console, layout, options.seed, options.sessions_per_day, options.fresh)
            case "dbt":
                return commands.dbt(layout, options.arguments)
    except StackError as error:
        if options.debug:
            raise
        Console(stderr=True, highlight=False, markup=False).print(f"local_stack: {error}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        print("local_stack: interrupted; the next run completes what is missing", file=sys.stderr)
        return 130
    return 0


def _terminated(*_: object) -> None:
    """End as Ctrl-C does, so that what was started is stopped."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
