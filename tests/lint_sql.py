"""Checks all SQL of the repository with sqlfluff, Snowflake's dialect: `python -m tests.lint_sql` (part of `make lint`).

Migrations are rendered as schemachange renders them, with its default variables, with all optional parts, and in another
environment; dbt's models and singular tests are read as dbt compiles them. What procedures and dbt send is captured while the
tests run (tests/lint_captured.py). Documented grammar that this sqlfluff does not know yet is put aside first, each piece listed
in _UNKNOWN_TO_SQLFLUFF; everything else must parse and keep the rules. Exits with 1 and the findings.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlfluff

from deploy.rendering import render, variables
from local_stack import endpoint_process
from local_stack.client_environment import process_environment, write_files
from local_stack.layout import Layout
from local_stack.warehouse_client import connect
from tests.dbt.migrated_tables import migration_statements

ROOT = Path(__file__).parents[1]

_DOCS = "https://docs.snowflake.com/en"
# What Snowflake's documentation has and sqlfluff 4.2 rejects: the pattern, what stands for it while checking, its page.
_UNKNOWN_TO_SQLFLUFF = (
    (r"\n\s*ARTIFACT_REPOSITORY = \S+", "", f"{_DOCS}/sql-reference/sql/create-procedure"),
    (
        r"ALTER SCHEMA (\w+) SET (?:LOG|TRACE)_LEVEL = '\w+'",
        r"ALTER SCHEMA \1 SET COMMENT = ''",
        f"{_DOCS}/sql-reference/sql/alter-schema",
    ),
    (r"ON (ALL|FUTURE) ALERTS", r"ON \1 TASKS", f"{_DOCS}/sql-reference/sql/grant-privilege"),
    (r"CREATE OR ALTER TASK", "CREATE OR REPLACE TASK", f"{_DOCS}/sql-reference/sql/create-task"),
    (r"\n\s*FINALIZE = \w+", "", f"{_DOCS}/sql-reference/sql/create-task"),
    (r"(?s)EXECUTE DBT PROJECT \S+ ARGS = '[^']*'", "SELECT 1", f"{_DOCS}/sql-reference/sql/execute-dbt-project"),
    (r"(?i)SYSTEM\$(\w+)\(", r"\1(", f"{_DOCS}/sql-reference/functions-system"),
    # A bound value, not the ? of a regular expression.
    (r"(?<=[\s(,])\?(?=[\s),:]|$)", "'bound'", f"{_DOCS}/developer-guide/sql-api/submitting-requests"),
    # Only the condition and the action of an ALERT are checked.
    (
        r"(?s)CREATE OR ALTER ALERT \S+.*?IF \(EXISTS \((.*?)\n    \)\)\n    THEN\n",
        r"SELECT 1 FROM (\1);\n",
        f"{_DOCS}/sql-reference/sql/create-alert",
    ),
    (r"ALTER ALERT \S+ RESUME", "SELECT 1", f"{_DOCS}/sql-reference/sql/alter-alert"),
    (r"(?s)AS \$\$.*?\$\$", "AS 'python'", f"{_DOCS}/sql-reference/sql/create-procedure"),
)
# Variables by which optional parts of the migrations are there.
_OPTIONAL_PARTS = {
    "dbt_project": "ecommerce_dw.ops.marts",
    "speed_integration": "clickhouse",
    "speed_secret": "ecommerce_dw.ops.clickhouse",
    "speed_url": "https://clickhouse.example:8443/shop",
}
_DATABASE, _OTHER_DATABASE = "ECOMMERCE_DW", "SHOP_DEV"
# Rewriting moves text about; where that happened, layout means nothing.
_PARSE_ONLY = ("PRS", "LXR")
_UNKNOWN_LAYOUT = (
    "migrations/V1.9.0__masking.sql",
    "migrations/V1.15.2__mask_users.sql",
)  # masking policies parse, but are laid out as nothing known


def main() -> int:
    if sys.argv[1:] == ["migrations"]:  # what a deployment sends
        findings = list(migration_findings())
        print("\n".join(findings) or "The migrations parse and keep the rules")
        return 1 if findings else 0
    with linting_of_models() as models:
        findings = [*migration_findings(), *query_findings()]
        for finding in findings:
            print(finding)
        return 1 if models.wait() or findings else 0


@contextmanager
def linting_of_models() -> Iterator[subprocess.Popen[bytes]]:
    """Let sqlfluff work on dbt's project beside the caller. Models ask what is pending: an empty endpoint answers."""
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder) / "state").make()
        address = endpoint_process.start(layout, stays=False, rights=False)
        try:
            write_files(layout, address)
            with connect(layout) as warehouse:
                for each in migration_statements():
                    warehouse.rows(each)
            command = [sys.executable, "-m", "sqlfluff", "lint", "--disable-progress-bar", "models", "tests"]
            written = {"DBT_TARGET_PATH": str(layout.root / "target"), "DBT_LOG_PATH": str(layout.root / "logs")}
            environment = process_environment(layout, address) | written
            with subprocess.Popen(command, cwd=ROOT / "dbt_project", env=environment) as running:
                yield running
        finally:
            endpoint_process.stop(address)


def query_findings() -> Iterator[str]:
    """The findings in the queries of the exporter, which run as they stand."""
    for path in sorted((ROOT / "monitoring" / "sql").glob("*.sql")):
        yield from _findings(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))


def migration_findings() -> Iterator[str]:
    """The findings in the migrations as rendered. Another environment's are read where more than its name differs."""
    known, others = variables(), variables(SNOWFLAKE_DATABASE=_OTHER_DATABASE)
    for path in sorted((ROOT / "migrations").glob("*.sql")):
        texts = [render(path.name, known), render(path.name, {**known, **_OPTIONAL_PARTS})]
        other = render(path.name, others)
        for name in (str.lower, str.upper):
            other = other.replace(name(_OTHER_DATABASE), name(_DATABASE))
        for text in dict.fromkeys([*texts, other]):
            yield from _findings(str(path.relative_to(ROOT)), text)
    for path in sorted((ROOT / "deploy").glob("*.sql")):
        yield from _findings(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))


def known_to_sqlfluff(text: str) -> str:
    """Put what stands for it in the place of documented grammar that sqlfluff rejects."""
    for pattern, stand_in, _ in _UNKNOWN_TO_SQLFLUFF:
        text = re.sub(pattern, stand_in, text)
    return text


def _findings(name: str, text: str) -> Iterator[str]:
    checked = known_to_sqlfluff(text)
    as_written = checked == text and name.startswith("migrations/V") and name not in _UNKNOWN_LAYOUT
    for finding in sqlfluff.lint(checked + "\n", config_path=str(ROOT / ".sqlfluff")):
        if as_written or finding["code"] in _PARSE_ONLY:
            yield f"{name}:{finding['start_line_no']}: {finding['code']} {finding['description']}"


if __name__ == "__main__":
    sys.exit(main())
