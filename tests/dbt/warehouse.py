"""A warehouse whose STAGING and ledger a test writes directly, and dbt over it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunnerResult
from snowflake.connector import DictCursor

from tests.conftest import RunningEndpoint
from tests.dbt import independent_metrics
from tests.dbt.migrated_tables import migration_statements
from tests.dbt.staged_rows import (
    EVENT_COLUMNS,
    SESSION_COLUMNS,
    TRANSACTION_COLUMNS,
    Event,
    Session,
    Transaction,
    insert_statements,
    literal,
)
from tests.dbt_environment import profile_variables, run_dbt
from tests.table_rows import remove_rows

DATABASE = "ECOMMERCE_DW"
MARTS = {
    "daily_metrics": ("date", "user_tier"),
    "user_tier_analytics": ("date", "user_tier"),
    "product_performance": ("date", "product_id"),
    "daily_totals": ("date",),
    "daily_speed_comparable": ("date", "user_tier"),
}
_STATE = (
    "staging.events_cleaned",
    "staging.user_sessions_enhanced",
    "staging.transactions_validated",
    "staging.int_order_lines",
    "staging.int_user_days",
    "ops.date_changes",
    "ops.derived_changes",
    "ops.user_totals",
)
_TABLES = (*_STATE, *(f"marts.{mart}" for mart in MARTS))


@dataclass(frozen=True)
class Kept:
    """Hold a state of a warehouse to come back to: what was staged, and the schema that has copies of its tables."""

    sessions: dict[str, Session]
    events: dict[str, Event]
    transactions: dict[tuple[str, str | None], Transaction]
    changes: dict[str, dict[date, int]]
    change_id: int
    schema: str


@dataclass
class Warehouse:
    """sessions, events, transactions: what STAGING holds now; changes: newest change_id by dataset and date, as in the ledger."""

    endpoint: RunningEndpoint
    scratch: Path
    sessions: dict[str, Session] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    transactions: dict[tuple[str, str | None], Transaction] = field(default_factory=dict)
    changes: dict[str, dict[date, int]] = field(default_factory=lambda: _no_changes())
    change_id: int = 0

    def __post_init__(self) -> None:
        self.connection = self.endpoint.connect(role="SYSADMIN")
        self.execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
        self.execute(f"USE DATABASE {DATABASE}")
        for statement in migration_statements():
            self.execute(statement)

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement; its rows."""
        cursor = self.connection.cursor()
        try:
            return list(cursor.execute(sql).fetchall())
        finally:
            cursor.close()

    def clear(self) -> None:
        """Empty STAGING, the ledger and the marts."""
        remove_rows(self.execute, _TABLES)
        self.execute("UPDATE ops.model_builds SET definition = NULL, watermarks = NULL")
        self.sessions, self.events, self.transactions, self.change_id = {}, {}, {}, 0
        self.changes = _no_changes()

    def keep(self, schema: str) -> Kept:
        """Copy the state, builds included, into a schema of its own: `bring_back` costs less than the builds."""
        self.execute(f"CREATE SCHEMA {schema}")
        for table in (*_TABLES, "ops.model_builds"):
            self.execute(f"CREATE TABLE {_copy(schema, table)} AS SELECT * FROM {table}")
        changes = {dataset: dict(dates) for dataset, dates in self.changes.items()}
        staged = dict(self.sessions), dict(self.events), dict(self.transactions)
        return Kept(*staged, changes, self.change_id, schema)

    def bring_back(self, kept: Kept) -> None:
        """Return to a state that was kept."""
        remove_rows(self.execute, _TABLES)
        self.execute("DELETE FROM ops.model_builds")
        for table in (*_TABLES, "ops.model_builds"):
            self.execute(f"INSERT INTO {table} SELECT * FROM {_copy(kept.schema, table)}")
        self.sessions, self.events, self.transactions = dict(kept.sessions), dict(kept.events), dict(kept.transactions)
        self.changes = {dataset: dict(dates) for dataset, dates in kept.changes.items()}
        self.change_id = kept.change_id

    def flag(
        self,
        sessions: Iterable[Session] = (),
        events: Iterable[Event] = (),
        gone_sessions: Iterable[str] = (),
        gone_events: Iterable[str] = (),
        transactions: Iterable[Transaction] = (),
    ) -> int:
        """What ops.flag_quality does to STAGING and the ledger for one batch; the change_id."""
        self.change_id += 1
        sessions, events, transactions = list(sessions), list(events), list(transactions)
        touched = {
            "user_sessions": _replace(self.sessions, {s.session_id: s for s in sessions}, gone_sessions),
            "user_events": _replace(self.events, {e.event_id: e for e in events}, gone_events),
            "transactions": _replace(self.transactions, {t.key: t for t in transactions}, ()),
        }
        self.execute("BEGIN")
        for table, key, replaced in (
            ("staging.user_sessions_enhanced", "session_id", [*(s.session_id for s in sessions), *gone_sessions]),
            ("staging.events_cleaned", "event_id", [*(e.event_id for e in events), *gone_events]),
        ):
            if replaced:
                self.execute(f"DELETE FROM {table} WHERE {key} IN ({', '.join(map(literal, replaced))})")
        for each in transactions:
            self.execute(
                f"DELETE FROM staging.transactions_validated WHERE transaction_id = {literal(each.transaction_id)} "
                f"AND EQUAL_NULL(product_id, {literal(each.product_id)})"
            )
        for statement in (
            *insert_statements("staging.transactions_validated", TRANSACTION_COLUMNS, transactions),
            *insert_statements("staging.user_sessions_enhanced", SESSION_COLUMNS, sessions),
            *insert_statements("staging.events_cleaned", EVENT_COLUMNS, events),
        ):
            self.execute(statement)
        for dataset, dates in touched.items():
            for day in sorted(dates):
                self.changes[dataset][day] = self.change_id
                self.execute(
                    "INSERT INTO ops.date_changes (change_id, dataset, date, batch_id, changed_at) SELECT "
                    f"{self.change_id}, '{dataset}', '{day}', 'batch-{self.change_id}', "
                    "CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ"
                )
        self.execute("COMMIT")
        return self.change_id

    def rows(self, mart: str) -> independent_metrics.Rows:
        """The mart's rows by key, without created_at."""
        return {key: values for key, (values, _) in self._read(mart).items()}

    def built_at(self, mart: str) -> dict[tuple[date, str | None], Any]:
        """When each row of a mart was built."""
        return {key: created_at for key, (_, created_at) in self._read(mart).items()}

    def _read(self, mart: str) -> dict[tuple[date, str | None], tuple[dict[str, Any], Any]]:
        cursor = self.connection.cursor()
        cursor.execute(f"SELECT * FROM marts.{mart}")
        names = [column[0].lower() for column in cursor.description]
        found: dict[tuple[date, str | None], tuple[dict[str, Any], Any]] = {}
        for values in cursor.fetchall():
            row = dict(zip(names, values, strict=True))
            first, *others = (row.pop(column) for column in MARTS[mart])
            key = (first, others[0] if others else None)
            assert key not in found, f"two rows of {key} in {mart}"
            created_at = row.pop("created_at")
            assert created_at is not None
            found[key] = (row, created_at)
        return found

    def expected(self, mart: str) -> independent_metrics.Rows:
        """What the mart should hold, computed independently of it."""
        shop = independent_metrics.Shop(self.sessions.values(), self.events.values(), self.transactions.values())
        compute = getattr(independent_metrics, mart)
        rows: independent_metrics.Rows = compute(
            shop, self.changes["user_events" if mart == "product_performance" else "user_sessions"]
        )
        return rows

    def comments(self, model: Any) -> dict[str, str]:
        """The comments in the warehouse of what a model made, by column, and of itself under ''."""
        cursor = self.connection.cursor(DictCursor)
        kind = "VIEW" if model.config.materialized == "view" else "TABLE"
        listed = cursor.execute(f"SHOW {kind}S LIKE '{model.alias}' IN SCHEMA {model.schema}").fetchall()
        columns = cursor.execute(f"DESCRIBE {kind} {model.schema}.{model.alias}").fetchall()
        (own,) = (row["comment"] for row in listed if row["name"] == model.alias.upper())
        return {"": own} | {row["name"]: row["comment"] for row in columns}

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """The lines that the endpoint logs meanwhile, one per statement; filled at the end."""
        found: list[str] = []
        log = self.endpoint.data_dir.parent / "endpoint.log"
        before = log.stat().st_size
        yield found
        with log.open() as stream:
            stream.seek(before)
            found += stream.read().splitlines()

    @property
    def environment(self) -> dict[str, str]:
        """What dbt's profile reads."""
        return profile_variables(self.endpoint, DBT_THREADS="2", SNOWFLAKE_ROLE="SYSADMIN")

    def dbt(self, *arguments: str, quiet: bool = True) -> dbtRunnerResult:
        """Run dbt in this process, with warnings as errors."""
        options = ["--quiet"] if quiet else []
        return run_dbt(self.environment, self.scratch, *options, "--warn-error", *arguments)

    def build(self, *arguments: str, views: bool = False) -> None:
        """Bring the marts up to date, without tests, and without making the views anew that are there already."""
        left_out = [] if views else ["--exclude", "config.materialized:view"]
        succeeded(self.dbt("run", "--no-write-json", "--select", "+marts", *left_out, *arguments))


def _copy(schema: str, table: str) -> str:
    return f"{schema}.{table.replace('.', '_')}"


def succeeded(result: dbtRunnerResult) -> dbtRunnerResult:
    """The result of a dbt command, which must have succeeded."""
    assert result.success, result.exception or failures(result)
    return result


def nodes(result: dbtRunnerResult) -> Sequence[Any]:
    """One entry per executed node; none of a command that fails before it has any."""
    return getattr(result.result, "results", ())


def failures(result: dbtRunnerResult) -> dict[str, str]:
    """node name -> message of what did not pass."""
    return {
        node.node.name: str(node.message)
        for node in nodes(result)
        if node.status not in ("success", "pass", "no-op", "skipped")
    }


def _no_changes() -> dict[str, dict[date, int]]:
    return {"user_sessions": {}, "user_events": {}, "transactions": {}}


def _replace(held: dict[Any, Any], new: dict[Any, Any], gone: Iterable[Any]) -> set[date]:
    """Apply a batch to held rows; the dates whose rows changed, old and new ones."""
    before = [held[key] for key in (*new, *gone) if key in held]
    for key in gone:
        held.pop(key, None)
    held.update(new)
    return {row.date for row in (*before, *new.values())}
