"""Checks all SQL of the repository with sqlfluff, Snowflake's dialect: `python -m tests.lint_sql` (part of `make lint`).

Migrations are rendered as schemachange renders them, with its default variables and once with a DBT PROJECT; the procedures'
statements with their fragments filled in; dbt's models and singular tests as dbt compiles them. Documented grammar that this
sqlfluff does not know yet is put aside first, each piece listed in _UNKNOWN_TO_SQLFLUFF; everything else must parse and keep the
rules. Exits with 1 and the findings.
"""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import sqlfluff

from deploy.rendering import render, variables
from local_stack import endpoint_process
from local_stack.client_environment import process_environment, write_files
from local_stack.layout import Layout
from local_stack.warehouse_client import connect
from reconcile.comparison.metrics_sql import MetricDefinition, session_fragments
from reconcile.comparison.metrics_sql import fragments as metric_fragments
from reconcile.comparison.status_sql import (
    difference_expression,
    relative_difference_expression,
    status_case,
    verdict_case,
)
from reconcile.speed.columns import SPEED_COLUMNS
from snowpark_procs.batch_columns import BATCH_COLUMNS, loaded_columns
from snowpark_procs.bucket_sql import bucketing
from snowpark_procs.date_ranges import DateRanges
from snowpark_procs.documents import standard_json
from snowpark_procs.identifiers import canonical, compared, compared_columns
from snowpark_procs.quality_rules import Rule, compile_rules, constant_columns
from snowpark_procs.staging_changes import purchase_dates
from snowpark_procs.staging_tables import STAGING_TABLES, StagingTable
from snowpark_procs.statements import statement
from snowpark_procs.unload_buckets import comparable_sessions
from tests.dbt.migrated_tables import migration_statements

ROOT = Path(__file__).parents[1]

_DOCS = "https://docs.snowflake.com/en"
# What Snowflake's documentation has and sqlfluff 4.2 rejects: the pattern, what stands for it while checking, its page.
_UNKNOWN_TO_SQLFLUFF = (
    (r"\n\s*ARTIFACT_REPOSITORY = \S+", "", f"{_DOCS}/sql-reference/sql/create-procedure"),
    (
        r"ALTER SCHEMA (\w+) SET LOG_LEVEL = '\w+'",
        r"ALTER SCHEMA \1 SET COMMENT = ''",
        f"{_DOCS}/sql-reference/sql/alter-schema",
    ),
    (r"ON (ALL|FUTURE) ALERTS", r"ON \1 TASKS", f"{_DOCS}/sql-reference/sql/grant-privilege"),
    (r"CREATE OR ALTER TASK", "CREATE OR REPLACE TASK", f"{_DOCS}/sql-reference/sql/create-task"),
    (r"\n\s*FINALIZE = \w+", "", f"{_DOCS}/sql-reference/sql/create-task"),
    (r"(?s)EXECUTE DBT PROJECT \S+ ARGS = '[^']*'", "SELECT 1", f"{_DOCS}/sql-reference/sql/execute-dbt-project"),
    (r"SYSTEM\$(\w+)\(", r"\1(", f"{_DOCS}/sql-reference/functions-system"),
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
# Rewriting moves text about; where that happened, and in statements assembled by Python, layout means nothing.
_PARSE_ONLY = ("PRS", "LXR")
_PARTS = (
    "comparable_sessions",
    "event_verdicts",
    "explanation_parts",
    "hashed_rows",
    "misjudged_rows",
    "purchase_dates",
    "rejudged_rows",
    "sessions_of_changed_events",
    "sessions_on_dates",
    "transactions_of_changed_events",
)
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
        findings = [*migration_findings(), *statement_findings(), *query_findings()]
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
    """The findings in the migrations, as rendered with the configuration's variables."""
    known = variables()
    for path in sorted((ROOT / "migrations").glob("*.sql")):
        settings = (known, {**known, **_OPTIONAL_PARTS})
        for text in dict.fromkeys(render(path.name, each) for each in settings):
            yield from _findings(str(path.relative_to(ROOT)), text)
    for path in sorted((ROOT / "deploy").glob("*.sql")):
        yield from _findings(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))


def statement_findings() -> Iterator[str]:
    """The findings in the procedures' statements, filled in as the procedures fill them in."""
    for path in sorted((ROOT / "snowpark_procs" / "sql").glob("*.sql")):
        if path.stem in _PARTS:  # of the statements that use them
            continue
        for fragments in _fragments(path.stem):
            yield from _findings(str(path.relative_to(ROOT)), statement(path.stem, **fragments) + "\n")


def _fragments(name: str) -> Iterator[dict[str, str]]:
    speed, batch = "limited.speed_value", "limited.batch_value"
    common = {
        "path": "_manifests/x.json",
        "folder": "",
        "pattern": "'.*'",
        "location": "'@raw.landing/x'",
        "target": "'@raw.landing/x/'",
        "source": "'@recon.outgoing/x/'",
        "batch_id": "0f1c6d40-0000-4000-8000-000000000000",
        "batch_literal": "'0f1c6d40-0000-4000-8000-000000000000'",
        "value": "'EMPTY'",
        "message": "'{}'",
        "configuration": "'{}'",
        "stage": "lake",
        "files": "'a.parquet', 'b.parquet'",
        "money": "total_spent",
        "lock": "load",
        "predicate": "(\nsession_id IS NULL\n)",
        **metric_fragments(_METRICS),
        **session_fragments(_METRICS),
        "causes": "'lost_in_speed'",
        "parts": statement("explanation_parts", **session_fragments(_METRICS)),
        "compared_columns": compared_columns("s"),
        "compared_id": compared("s.session_id"),
        "canonical_id": canonical("r.session_id"),
        "canonical_user": canonical("r.user_id"),
        "file": "'@raw.landing/a.parquet'",
        "staged": "SELECT NULL::STRING AS session_id, NULL::STRING AS batch_id WHERE FALSE",
        "verdicts": statement("event_verdicts", **_BOUNDS),
        "named": statement("transactions_of_changed_events"),
        "purchase_dates": purchase_dates(_IN_JANUARY),
        "touched": statement("sessions_on_dates", **_BOUNDS),
        "constants": constant_columns({"max_session_hours": Decimal(24)}),
        **_BOUNDS,
        "difference": difference_expression(speed, batch),
        "relative_difference": relative_difference_expression(speed, batch),
        "status": status_case(speed, batch, "limited.absolute", "limited.relative"),
        "verdict": verdict_case("status", "extraction_id", "waits_for"),
        "day": "'2024-01-15'",
        "hashed": comparable_sessions(datetime.date(2024, 1, 15), _BUCKETING),
        "compared": "'session_id'",
        "identifier": "s.session_id",
        "count": "256",
        "condition": "TRUE",
        "extraction_id": "'0f1c6d40-0000-4000-8000-000000000000'",
        "taken": ", ".join(f"hashed.{column.name}" for column in SPEED_COLUMNS),
        "user_as_stored": "NULL",
    }
    if name == "copy_batch_files":
        for dataset in BATCH_COLUMNS:
            columns = loaded_columns(dataset)
            names, values = ", ".join(each.name for each in columns), ", ".join(each.value for each in columns)
            yield {**common, "table": dataset, "columns": names, "values": values}
        return
    tables = [table for table in STAGING_TABLES if table.statement == name] or list(STAGING_TABLES)
    for table in tables:
        yield {**common, **_table_fragments(table)}
        if "staging.&{table}" not in (ROOT / "snowpark_procs" / "sql" / f"{name}.sql").read_text(encoding="utf-8"):
            return


_METRICS = [
    MetricDefinition("revenue", "sum", "total_spent"),
    MetricDefinition("sessions", "count_distinct", "session_id"),
]
_BUCKETING = bucketing(_METRICS, (), 100)
_IN_JANUARY = DateRanges.between(datetime.date(2024, 1, 1), datetime.date(2024, 1, 31))
_BOUNDS = {
    "ended": _IN_JANUARY.condition("s.session_end"),
    "near_events": _IN_JANUARY.condition("e.timestamp"),
    "near_lines": _IN_JANUARY.condition("known.created_at"),
    "near_sessions": _IN_JANUARY.condition("s.session_start"),
    "near": _IN_JANUARY.condition("events_cleaned.timestamp"),
    "session_microseconds": "86400000000",
}


def _table_fragments(table: StagingTable) -> dict[str, str]:
    rules = [Rule(table.rules, "missing", "error", f"{table.key[0]} IS NULL")]
    compiled = compile_rules(rules, table.flags)
    judgement = table.judgement(compiled)
    misjudged = statement(
        "misjudged_rows",
        given=constant_columns({"max_session_hours": Decimal(24)}),
        scope=_IN_JANUARY.condition(f"{table.table}.{table.time}"),
        differs=table.misjudged(judgement),
    )
    rejudged = {"table": table.table, "time": table.time, "misjudged": misjudged}
    return {
        **rejudged,
        "dataset": table.dataset,
        "rows": statement("rejudged_rows", **rejudged),
        "delivered": _IN_JANUARY.condition(f"r.{table.time}"),
        "delivered_later": _IN_JANUARY.condition(f"r.{table.time}"),
        "known": _IN_JANUARY.condition(f"known.{table.time}"),
        "canonical_key": table.canonical_identifiers("r")[table.key[0]],
        "previous_columns": "".join(f", previous_{column}" for column in table.previous),
        "present_columns": "".join(f", present.{column} AS previous_{column}" for column in table.previous),
        "key": table.key[0],
        "key_columns": ", ".join(table.key),
        "present_keys": ", ".join(f"present.{column}" for column in table.key),
        "match": table.match("present", "delta"),
        "assignments": ",\n    ".join(f"{column} = {said}" for column, said in judgement.items()),
        "columns": ", ".join(table.columns),
        "values": ", ".join(f"delta.{column}" for column in table.columns),
        "differs": table.differs("judged", "present"),
        "properties_parsed": standard_json("r.properties::STRING"),
        "extras": table.extras,
        **table.canonical_identifiers("r"),
        **compiled,
    }


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
