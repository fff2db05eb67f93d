"""How many rows each statement reads: an endpoint whose DuckDB tells it, for the benchmarks that count rows.

A scan touches whole row groups (DuckDB's micro-partitions, usually of 122,880 rows), apart from those that their smallest and
greatest values rule out, and takes the rows that pass its filters.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from local_stack.endpoint.engine.engine import Engine
from local_stack.endpoint.language.quoting import identifier, literal
from local_stack.endpoint.protocol.http import serve
from tests.conftest import RunningEndpoint
from tests.snowpark_procs.conftest import DATABASE, Warehouse, deploy

ROW_GROUP = 122_880
_SCHEMAS = ("raw", "staging", "ops", "marts", "recon")


class ProfiledConnection:
    """A DuckDB connection that writes what each statement has scanned, as a line of JSON.

    What the stand-in asks for its own sake (rows written by a transaction, rows matched twice) is left out.
    """

    _OWN = "_kept_rows"

    def __init__(self, connection: duckdb.DuckDBPyConnection, output: Path) -> None:
        self._connection, self._output = connection, output
        connection.execute("PRAGMA enable_profiling = 'no_output'")

    def cursor(self) -> ProfiledConnection:
        return ProfiledConnection(self._connection.cursor(), self._output)

    def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
        text = str(query).strip()
        if text.startswith(("WITH", "SELECT COALESCE", "SELECT COUNT(*) AS")):
            # The profile of a query whose rows are streamed is lost, so it is run once more.
            profile = self._connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", *arguments).fetchall()[0][1]
            self._write(text, profile)
        result = self._connection.execute(query, *arguments, **options)
        if text.startswith(("INSERT", "MERGE", "UPDATE", "DELETE", "CREATE")) and self._OWN not in text:
            self._write(text, self._connection.get_profiling_information("json"))
        return result

    def _write(self, statement: str, profile: str) -> None:
        scans = list(_scans(json.loads(profile)))
        if not scans:
            return
        with self._output.open("a", encoding="utf-8") as output:
            output.write(json.dumps({"statement": statement, "scans": scans}) + "\n")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def _scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The scans of tables in a profile: schema and table, columns, rows touched, rows taken."""
    table = node.get("extra_info", {}).get("Table", "")
    name = ".".join(part.strip('"') for part in table.split(".")[-2:]).lower()
    if name.partition(".")[0] in _SCHEMAS:
        columns = node["extra_info"].get("Projections", [])
        columns = [columns] if isinstance(columns, str) else columns
        yield {
            "table": name,
            "columns": len(columns),
            "touched": node.get("rows_scanned", 0),
            "taken": node.get("intermediate_rows", 0),
        }
    for child in node.get("children") or node.get("operator") or ():
        yield from _scans(child)


def use_row_groups(rows: int) -> None:
    """Have the engines of this process write tables in row groups of so many rows: a year in small, cut as finely as a large one.

    See: https://duckdb.org/docs/current/sql/statements/attach (ROW_GROUP_SIZE)
    """

    def attach(engine: Engine, name: str) -> None:
        file = literal(str(engine.database_file(name)))
        engine.duck_conn.execute(f"ATTACH IF NOT EXISTS {file} AS {identifier(name)} (ROW_GROUP_SIZE {rows})")

    Engine._attach_file = attach  # type: ignore[assignment, method-assign]


def _serve(output: Path, row_group: int, *arguments: Any, **options: Any) -> None:
    """Serve as any endpoint does, with a profiled engine. Runs in the server's own process."""
    use_row_groups(row_group)
    start = Engine.__init__

    def start_profiled(engine: Engine, *given: Any, **named: Any) -> None:
        start(engine, *given, **named)
        engine.duck_conn = ProfiledConnection(engine.duck_conn, output)  # type: ignore[assignment]

    Engine.__init__ = start_profiled  # type: ignore[assignment, method-assign]
    serve(*arguments, **options)


@dataclass
class ProfiledEndpoint(RunningEndpoint):
    """An endpoint that tells what its statements scan."""

    row_group: int = ROW_GROUP

    def start(self) -> None:
        self.launch(partial(_serve, self.profile, self.row_group))

    @property
    def profile(self) -> Path:
        return self.data_dir.parent / "profile.jsonl"

    def statements(self) -> list[dict[str, Any]]:
        """The statements since `forget`, with their scans."""
        return [json.loads(line) for line in self.profile.read_text(encoding="utf-8").splitlines()]

    def forget(self) -> None:
        """Leave out what was written so far."""
        self.profile.write_text("")


@contextmanager
def deployed(
    fill: Callable[[Engine], None], row_group: int = ROW_GROUP
) -> Iterator[tuple[ProfiledEndpoint, Warehouse]]:
    """A profiled endpoint with a deployed warehouse that `fill` has written into, in a temporary folder."""
    use_row_groups(row_group)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        endpoint = ProfiledEndpoint(folder / "data", folder / "s3", row_group=row_group)
        with filled(endpoint, fill) as warehouse:
            yield endpoint, warehouse


@contextmanager
def filled(endpoint: RunningEndpoint, fill: Callable[[Engine], None]) -> Iterator[Warehouse]:
    """A warehouse that is deployed on the endpoint, and that `fill` has written into."""
    for bucket in ("data-s3-bucket", "ecommerce-landing"):
        (endpoint.s3_root / bucket).mkdir(parents=True)
    endpoint.data_dir.mkdir()
    endpoint.start()
    try:
        deploy(endpoint)
    finally:
        endpoint.stop()
    engine = Engine(endpoint.data_dir, endpoint.s3_root)
    fill(engine)
    engine.close()
    endpoint.start()
    try:
        warehouse = Warehouse(endpoint)
        warehouse.connect()
        yield warehouse
        warehouse.connection.close()
    finally:
        endpoint.stop()


def insert_rows(engine: Engine, table: str, count: int, columns: Mapping[str, str]) -> None:
    """Insert `count` rows into a table of STAGING: DuckDB expressions of the row's number i, for columns that the table has."""
    there = engine.duck_conn.execute(
        "SELECT lower(column_name) FROM duckdb_columns() WHERE upper(table_name) = ?", [table]
    ).fetchall()
    given = {name: value for name, value in columns.items() if (name,) in there}
    engine.duck_conn.execute(
        f"INSERT INTO {DATABASE}.STAGING.{table} ({', '.join(given)})"
        f" SELECT {', '.join(given.values())} FROM range({count}) AS r (i)"
    )
