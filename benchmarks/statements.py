"""`python -m benchmarks.statements LOG`: where a client's time on the local endpoint went, from the endpoint's log.

Run a client against `make up`, then name `.local/logs/endpoint.log`: a row per kind of statement with how many there were
and their milliseconds.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

_LINE = re.compile(r"session \S+, (?P<milliseconds>[\d.]+) ms: (?P<text>.*)$")
_COMMENT = re.compile(r"/\*.*?\*/")
_WORDS = 3


def milliseconds_by_kind(lines: Iterable[str]) -> dict[str, list[float]]:
    """Return the milliseconds of each statement by its first words, the costliest kind first."""
    found: dict[str, list[float]] = {}
    for line in lines:
        if match := _LINE.search(line):
            words = _COMMENT.sub("", match["text"]).upper().split()[:_WORDS]
            found.setdefault(" ".join(words), []).append(float(match["milliseconds"]))
    return dict(sorted(found.items(), key=lambda item: -sum(item[1])))


def main() -> None:
    """Print the kinds of statements in a log."""
    parser = argparse.ArgumentParser(prog="benchmarks.statements", description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("--most", type=int, default=20, help="how many kinds to show")
    options = parser.parse_args()
    kinds = milliseconds_by_kind(options.log.read_text(encoding="utf-8").splitlines())
    every = [one for values in kinds.values() for one in values]
    table = Table(
        "statement", "count", "ms in all", "median", "longest", title=f"{len(every)} statements, {sum(every):,.0f} ms"
    )
    for kind, values in list(kinds.items())[: options.most]:
        table.add_row(kind, str(len(values)), f"{sum(values):,.0f}", f"{median(values):.1f}", f"{max(values):.1f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
