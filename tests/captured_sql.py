"""Captures what the shipped code sends to the warehouse while the tests run: the statements of its procedures and of dbt.

With CAPTURED_SQL, the name of a folder, each endpoint of the tests writes there what it meets, one JSON text a line.
`python -m tests.lint_captured` parses it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from local_stack.endpoint.chain import Chain
from local_stack.endpoint.engine.bindings import Bind
from local_stack.endpoint.features.procedures.frames import frames
from local_stack.endpoint.outcome import Outcome
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Statement

_NODE = re.compile(r'"node_id": "([^"]+)"')
_DBT = '"app": "dbt"'
_SHIPPED_SCHEMAS = ("OPS", "RAW", "RECON", "STAGING")
# What differs from one run to the next: texts, numbers, the names of temporary tables.
_TEXT = re.compile(r"'(?:[^'\\]|''|\\.)*'")
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
_DIGITS = re.compile(r"(?<![\w.])\d[\d.]*(?:[eE][+-]?\d+)?|[0-9a-f]{8,}")
_VALUES = re.compile(r"(?<!\w)(?:''|0|NULL)(?:, ?(?:''|0|NULL))*(?!\w)")
_ROWS = re.compile(r"\(''\)(?:, ?\(''\))+")


def capture() -> None:
    """Write from now on what this process's endpoint is sent by shipped code, where CAPTURED_SQL asks for it."""
    if not (folder := os.environ.get("CAPTURED_SQL")):
        return
    file, known, run = Path(folder) / f"{os.getpid()}.jsonl", set[str](), Chain.run

    def captured(
        self: Chain, statement: Statement, session: Session, batch: Sequence[tuple[Bind, ...]] = ()
    ) -> Outcome:
        if is_shipped(statement.text, session) and (form := without_values(statement.text)) not in known:
            known.add(form)
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(statement.text) + "\n")
        return run(self, statement, session, batch)

    Chain.run = captured  # type: ignore[method-assign]


def is_shipped(text: str, session: Session) -> bool:
    """Tell whether dbt sent a statement, or a procedure in one of the schemas that the migrations make."""
    if _DBT in text:
        return True
    return any(frame.found.schema in _SHIPPED_SCHEMAS for frame in frames(session))


def without_values(text: str) -> str:
    """Return what a statement has in common with those that differ from it in values and comments alone."""
    form = " ".join(_DIGITS.sub("0", _TEXT.sub("''", _COMMENT.sub(" ", text))).split())
    return _ROWS.sub("('')", _VALUES.sub("''", form))


def kind(text: str) -> str:
    """Return what statements that differ in dates, rules or thresholds have in common: dbt's node, and how they begin."""
    words, node = without_values(text).split(), _NODE.search(text)
    return f"{node[1]} {' '.join(words[:2])}" if node else " ".join(words[:5])


def captured_statements(folder: Path) -> Iterator[str]:
    """Yield one statement of each form."""
    known = set[str]()
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            text: Any = json.loads(line)
            if (form := without_values(text)) not in known:
                known.add(form)
                yield text
