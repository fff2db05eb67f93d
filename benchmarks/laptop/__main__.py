"""`python -m benchmarks.laptop [NAME …]`: measure the commands and print a Markdown table with the machine described."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import UTC, datetime

from benchmarks.laptop.measure import MEASURES, MeasureError


def machine() -> str:
    """Return the date, the processor, its cores, the memory, the system and Python in one sentence."""
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [
        f"{datetime.now(UTC):%Y-%m-%d}",
        f"{os.cpu_count()} cores ({platform.machine()})",
        f"{gigabytes:.0f} GiB",
        platform.platform(aliased=True, terse=True),
        f"Python {platform.python_version()}",
    ]
    return ", ".join(parts)


def main() -> int:
    """Print one row after another as it is measured; exit code 1 when a command failed."""
    parser = argparse.ArgumentParser(prog="benchmarks.laptop", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(MEASURES)}; without any: all")
    names = parser.parse_args().names or list(MEASURES)
    if unknown := set(names) - set(MEASURES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    print(f"{machine()}\n\n| what | measured | goal |\n|---|---|---|", flush=True)
    failed = 0
    for name in names:
        try:
            row = MEASURES[name]()
        except MeasureError as error:
            failed = 1
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            continue
        print(f"| {row.what} | {row.figure} | {row.goal} |", flush=True)
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
