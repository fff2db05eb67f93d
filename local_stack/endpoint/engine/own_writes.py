"""Keep what an open transaction has written beside DuckDB's transaction, so that this one can be begun anew.

Snowflake's statements see what others have committed meanwhile, and one that fails undoes only itself; DuckDB's transaction
has one snapshot, and an error ends it. So before each further statement the rows that the transaction has written so far are
kept outside of DuckDB; a new DuckDB transaction gets them written again. This is exact because of the locks: where the
transaction updates or deletes, others can only add rows, and rows that they add have higher numbers than those there.
See: https://docs.snowflake.com/en/sql-reference/transactions#read-committed-isolation
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

# DuckDB numbers the rows of a transaction that has not committed from here.
_UNCOMMITTED = 36_028_797_018_960_000
_KEPT = "_kept_rows"


@dataclass
class _Table:
    """Hold one table's part. gone: numbers of committed rows that are deleted, or replaced by one of `rows`.

    last: the highest number of a committed row in DuckDB's snapshot. changed: whether more than new rows may have been
    written since the snapshot; pending: whether anything was written that is not kept yet. A temporary table is kept whole.
    """

    name: str
    temporary: bool
    last: int = -1
    changed: bool = False
    pending: bool = False
    gone: pa.Table | None = None
    rows: list[pa.Table] = field(default_factory=list)


class OwnWrites:
    """Keep the writes of one session's open transaction. beside: makes another connection, which sees what is committed."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, beside: Callable[[], duckdb.DuckDBPyConnection]) -> None:
        self._connection, self._beside = connection, beside
        self._tables: dict[str, _Table] = {}

    def __bool__(self) -> bool:
        return bool(self._tables)

    def forget(self) -> None:
        """Begin with nothing: the transaction has ended."""
        self._tables = {}

    def about_to_write(self, names: dict[str, bool]) -> None:
        """Note a statement before it runs. names: tables as DuckDB names them, and whether rows there may change."""
        for name, changes in names.items():
            table = self._tables.get(name)
            if table is None:
                table = _Table(name, name.startswith('"temp".'))
                try:
                    self._note_snapshot(table)
                except duckdb.CatalogException:
                    continue  # there is no such table: the statement will say so
                self._tables[name] = table
            table.pending = True
            table.changed = table.changed or changes

    def keep(self) -> None:
        """Keep what was written since this was called last."""
        for table in self._tables.values():
            if table.pending:
                if table.temporary:
                    table.rows = [self._fetch(f"SELECT * FROM {table.name}")]
                elif table.changed:
                    self._keep_changes(table)
                else:
                    first = _UNCOMMITTED + sum(rows.num_rows for rows in table.rows)
                    table.rows.append(self._fetch(f"SELECT * FROM {table.name} WHERE rowid >= {first}"))
                table.pending = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep DuckDB from numbering rows anew meanwhile, as it may when it writes a checkpoint and nobody reads."""
        if not self._tables:
            yield
            return
        guard = self._beside()
        guard.execute("BEGIN")
        try:
            for table in self._tables.values():
                if not table.temporary:
                    guard.execute(f"SELECT 1 FROM {table.name} LIMIT 0")
            yield
        finally:
            guard.execute("ROLLBACK")
            guard.close()

    def replay(self) -> None:
        """Write everything again, in a DuckDB transaction that has just begun."""
        for table in self._tables.values():
            self._note_snapshot(table)
            if table.temporary:
                self._connection.execute(f"DELETE FROM {table.name}")
            elif table.gone is not None and table.gone.num_rows:
                self._with(table.gone, f"DELETE FROM {table.name} WHERE rowid IN (SELECT r FROM {_KEPT})")
            rows = [part for part in table.rows if part.num_rows]
            if rows:
                self._with(pa.concat_tables(rows), f"INSERT INTO {table.name} BY NAME SELECT * FROM {_KEPT}")
            table.changed = table.pending = False

    def _note_snapshot(self, table: _Table) -> None:
        if table.temporary:
            self._connection.execute(f"SELECT 1 FROM {table.name} LIMIT 0")
        else:
            query = f"SELECT max(rowid) FROM {table.name} WHERE rowid < {_UNCOMMITTED}"
            (last,) = self._connection.execute(query).fetchall()[0]
            table.last = -1 if last is None else int(last)

    def _keep_changes(self, table: _Table) -> None:
        """Compare the committed rows with what the transaction sees of them, by their numbers and their hashes."""
        query = f"SELECT rowid AS r, hash(t) AS h FROM {table.name} t WHERE rowid <= {table.last}"
        mine = self._fetch(query)
        beside = self._beside()
        try:
            beside.register("mine", mine)
            replaced = f"SELECT r FROM ({query}) committed JOIN mine USING (r) WHERE mine.h <> committed.h"
            changed = _arrow(beside, replaced)
            deleted = _arrow(beside, f"SELECT r FROM ({query}) ANTI JOIN mine USING (r)")
        finally:
            beside.close()
        own = f"SELECT * FROM {table.name} WHERE rowid >= {_UNCOMMITTED}"
        table.rows = [self._fetch(own)]
        if changed.num_rows:
            self._connection.register(_KEPT, changed)
            table.rows.append(self._fetch(f"SELECT * FROM {table.name} WHERE rowid IN (SELECT r FROM {_KEPT})"))
            self._connection.unregister(_KEPT)
        table.gone = pa.concat_tables([changed, deleted])

    def _fetch(self, query: str) -> pa.Table:
        return _arrow(self._connection, query)

    def _with(self, rows: pa.Table, statement: str) -> None:
        self._connection.register(_KEPT, rows)
        try:
            self._connection.execute(statement)
        finally:
            self._connection.unregister(_KEPT)


def _arrow(connection: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    return connection.execute(query).to_arrow_table()
