"""Checks with sqlfluff, Snowflake's dialect, what was captured while the tests ran: `python -m tests.lint_captured FOLDER`.

The shortest statement of each kind that a procedure or dbt sent must parse, and each of the procedures' SQL files must have been
sent. dbt's unit tests are left out: their queries are fixtures.
Run it after the whole suite (`make test` captures into .cache/captured). Exits with 1 and the findings.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

from sqlfluff.core import FluffConfig, Linter

from tests.captured_sql import captured_statements, kind
from tests.lint_sql import ROOT, known_to_sqlfluff

_FILES = ROOT / "snowpark_procs" / "sql"


def main() -> int:
    statements = list(captured_statements(Path(sys.argv[1])))
    parsed = one_of_each_kind(statements)
    with ProcessPoolExecutor() as processes:
        told = processes.map(parse_findings, parsed, chunksize=4)
        findings = [finding for each in told for finding in each]
    findings += [f"{_FILES.name}/{name}.sql was never sent" for name in never_sent(statements)]
    print("\n".join(findings) or f"{len(parsed)} kinds of statements were captured, and all parse")
    return 1 if findings else 0


def one_of_each_kind(statements: list[str]) -> list[str]:
    """Return the shortest statement of each kind, the longest of these first: processes that share them end together."""
    found: dict[str, str] = {}
    for text in sorted(statements, key=len, reverse=True):
        found[kind(text)] = text
    return sorted((text for name, text in found.items() if not name.startswith("unit_test.")), key=len, reverse=True)


def parse_findings(text: str) -> list[str]:
    """Return what sqlfluff cannot parse of a statement."""
    parsed = _linter().parse_string(known_to_sqlfluff(text))
    return [f"line {error.line_no}: {error.desc()}, in:\n{text}\n" for error in parsed.violations]


@cache
def _linter() -> Linter:
    return Linter(
        FluffConfig.from_path(str(ROOT), overrides={"max_parse_depth": 0})
    )  # rules of many conditions are deep


def never_sent(statements: list[str]) -> Iterator[str]:
    """Yield the names of the procedures' SQL files that no statement was made from."""
    sent = [" ".join(each.split()) for each in statements]
    for path in sorted(_FILES.glob("*.sql")):
        text = re.sub(r"\A(--.*\n)*", "", path.read_text(encoding="utf-8"))
        pieces = [" ".join(piece.split()) for piece in re.split(r"&\{\w+\}", text)]
        if not any(_are_in(pieces, each) for each in sent):
            yield path.stem


def _are_in(pieces: list[str], text: str) -> bool:
    """Tell whether pieces stand in a text one behind the other."""
    place = 0
    for piece in pieces:
        if (found := text.find(piece, place)) < 0:
            return False
        place = found + len(piece)
    return True


if __name__ == "__main__":
    sys.exit(main())
