"""The traps that Snowflake documents and a grammar does not see: each rule finds one in a statement, or in a handler's source.

`python -m tests.sql_traps` names those in the migrations as rendered and in the procedures' statements and handlers. A statement
that means it says so by a comment at its line's end: `-- trap: <rule>`.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from snowflake.connector.util_text import split_statements

from deploy.rendering import ROOT, render, variables

_DDL = re.compile(r"^\s*(CREATE|ALTER|DROP|TRUNCATE|GRANT|REVOKE|COMMENT)\b", re.IGNORECASE)
_STRINGS = re.compile(r"'(?:[^']|'')*'|--[^\n]*|\$\$.*?\$\$", re.DOTALL)


@dataclass(frozen=True)
class Trap:
    """Hold one rule. found: whether a statement, without strings, comments and bodies, falls into it. source: its page."""

    name: str
    found: Callable[[str], bool]
    source: str


def _has(pattern: str, *lacks: str) -> Callable[[str], bool]:
    """Return whether a statement matches a pattern and none of the others."""
    wanted = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    others = [re.compile(one, re.IGNORECASE | re.DOTALL) for one in lacks]
    return lambda statement: bool(wanted.search(statement)) and not any(one.search(statement) for one in others)


def _exists_under_or(statement: str) -> bool:
    """Return whether EXISTS is one side of an OR. Where its query is correlated, Snowflake may be unable to evaluate it."""
    if re.search(r"\bOR\s+(NOT\s+)?EXISTS\b", statement, re.IGNORECASE):
        return True
    for found in re.finditer(r"\bEXISTS\s*\(", statement, re.IGNORECASE):
        depth, end = 1, found.end()
        while depth and end < len(statement):
            depth += {"(": 1, ")": -1}.get(statement[end], 0)
            end += 1
        if re.match(r"\s*OR\b", statement[end:], re.IGNORECASE):
            return True
    return False


_DOCS = "https://docs.snowflake.com/en"
TRAPS = (
    Trap(
        "bare number",
        _has(r"\b(NUMBER|DECIMAL|NUMERIC)\b(?!\s*\()", r"^\s*(GRANT|REVOKE|DROP)\b"),
        f"{_DOCS}/sql-reference/data-types-numeric",
    ),
    Trap(
        "replaced without grants",
        _has(r"CREATE\s+OR\s+REPLACE\s+(SECURE\s+)?(VIEW|TABLE|PROCEDURE|FUNCTION)\b", r"\bCOPY\s+GRANTS\b"),
        f"{_DOCS}/sql-reference/sql/create-view",
    ),
    Trap(
        "schedule of a child",
        _has(r"\bTASK\b.*\bSCHEDULE\s*=.*\b(AFTER|FINALIZE)\b"),
        f"{_DOCS}/sql-reference/sql/create-task",
    ),
    Trap(
        "schedule of a child",
        _has(r"\bTASK\b.*\bFINALIZE\s*=.*\bSCHEDULE\s*="),
        f"{_DOCS}/sql-reference/sql/create-task",
    ),
    Trap("overlap", _has(r"\bALLOW_OVERLAPPING_EXECUTION\b"), f"{_DOCS}/sql-reference/sql/create-task"),
    Trap(
        "copy without force",
        _has(r"COPY\s+INTO\s+(?!@)(?!'@)(?!&\{location).*\bFILES\s*=", r"\bFORCE\s*=\s*TRUE"),
        f"{_DOCS}/sql-reference/sql/copy-into-table",
    ),
    Trap(
        "match by name of a query",
        _has(r"COPY\s+INTO\s.*FROM\s*\(\s*SELECT.*MATCH_BY_COLUMN_NAME"),
        f"{_DOCS}/sql-reference/sql/copy-into-table",
    ),
    Trap(
        "local time",
        _has(r"\b(CURRENT_TIMESTAMP|SYSDATE|GETDATE|LOCALTIMESTAMP)\b(?!\s*\(\s*\)\s*\))", r"CONVERT_TIMEZONE"),
        f"{_DOCS}/sql-reference/functions/current_timestamp",
    ),
    Trap(
        "text read by the session's format",
        _has(
            r"\bTO_(DATE|TIME|TIMESTAMP\w*)\s*\(\s*('[^']*'|\?|[^(),]*::\s*(STRING|VARCHAR|TEXT))\s*\)"
            r"|(\?|::\s*(STRING|VARCHAR|TEXT))\s*::\s*(DATE|TIME|TIMESTAMP\w*)\b"
        ),
        f"{_DOCS}/sql-reference/functions/to_date",
    ),
    Trap(
        "date of the session's zone",
        _has(r"\bCURRENT_(DATE|TIME)\b", r"\bTASK\b.*\bTIMEZONE\s*="),
        f"{_DOCS}/sql-reference/functions/current_date",
    ),
    Trap("exists under or", _exists_under_or, f"{_DOCS}/user-guide/querying-subqueries"),
    Trap(
        "row for a lock",
        _has(r"^\s*UPDATE\s+(\w+\.)?\w*locks?\w*\s.*\bWHERE\b"),
        f"{_DOCS}/sql-reference/transactions#resource-locking",
    ),
    Trap("proprietary hash", _has(r"(?<![\w.])HASH(_AGG)?\s*\("), f"{_DOCS}/sql-reference/functions/hash"),
    Trap("quoted lower case", _has(r'\bCREATE\b.*"[a-z_]+"'), f"{_DOCS}/sql-reference/identifiers-syntax"),
    Trap("zero for no quotient", _has(r"\bDIV0\s*\("), f"{_DOCS}/sql-reference/functions/div0"),
)


def traps_of(statement: str) -> set[str]:
    """Return the names of the traps that a statement falls into, but for those that it means."""
    meant = set(re.findall(r"--\s*trap:\s*([a-z' ]+)", statement))
    bare = _STRINGS.sub("''", statement)
    return {trap.name for trap in TRAPS if trap.found(bare)} - meant


def traps_of_script(script: str) -> set[str]:
    """Return the traps of a script's statements, and DDL between BEGIN and COMMIT, which commits what was begun."""
    found, begun = set(), False
    for statement, _ in split_statements(io.StringIO(script)):
        bare = _STRINGS.sub("", statement).strip().rstrip(";")
        if bare.upper() in ("BEGIN", "BEGIN TRANSACTION", "COMMIT", "ROLLBACK"):
            begun = bare.upper().startswith("BEGIN")
        elif begun and _DDL.match(bare):
            found.add("ddl in a transaction")
        found |= traps_of(statement)
    return found


def traps_of_handler(source: str) -> set[str]:
    """Return the traps of a procedure's Python: what no procedure may do, and an error that becomes a result."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
            )
            if broad and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
                found.add("swallowed error")
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.match(r"\s*(PUT|GET)\s+(file:|'file:|@)", node.value, re.IGNORECASE):
                found.add("put in a procedure")
            if re.match(r"\s*ALTER\s+SESSION\b", node.value, re.IGNORECASE):
                found.add("session of the caller")
    return found


def findings() -> Iterator[str]:
    """Yield the traps of the repository, each with its file."""
    known = variables()
    optional = known | {
        "dbt_project": "d.s.p",
        "speed_integration": "i",
        "speed_secret": "d.s.x",
        "speed_url": "https://h:1/d",
    }
    for path in sorted((ROOT / "migrations").glob("*.sql")):
        for text in dict.fromkeys((render(path.name, known), render(path.name, optional))):
            yield from (f"{path.name}: {trap}" for trap in sorted(traps_of_script(text)))
    for path in sorted((ROOT / "snowpark_procs" / "sql").glob("*.sql")):
        yield from (f"{path.name}: {trap}" for trap in sorted(traps_of(path.read_text(encoding="utf-8"))))
    for path in sorted((ROOT / "snowpark_procs").glob("*.py")):
        yield from (f"{path.name}: {trap}" for trap in sorted(traps_of_handler(path.read_text(encoding="utf-8"))))


def main() -> int:
    found = list(findings())
    print("\n".join(found) or "No documented trap")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
