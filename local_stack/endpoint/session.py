"""Hold one session: its DuckDB connection, transaction, current names, parameters and variables."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Protocol
from zoneinfo import available_timezones

import duckdb
from sqlglot import Expr, exp

from local_stack.endpoint.engine import bindings, cancellation
from local_stack.endpoint.engine.access import Access, inherited
from local_stack.endpoint.engine.cancellation import ConnectionLock
from local_stack.endpoint.engine.catalog import Catalog
from local_stack.endpoint.engine.engine import INFORMATION_SCHEMA, Engine
from local_stack.endpoint.engine.grants import Grants, Holder
from local_stack.endpoint.engine.table_notes import TableNotes
from local_stack.endpoint.engine.transactions import Transaction
from local_stack.endpoint.engine.users import ALL_ROLES, FIRST_USERS_ROLE, available_roles
from local_stack.endpoint.errors import (
    compilation_error,
    missing_object,
    no_current_database,
    no_current_schema,
)
from local_stack.endpoint.language.names import SchemaName, stored
from local_stack.endpoint.language.quoting import dotted, literal, quote_name, quote_string
from local_stack.endpoint.language.text import with_literals
from local_stack.endpoint.outcome import Outcome
from local_stack.endpoint.parameters import PARAMETERS, check_parameter, require_parameter
from local_stack.endpoint.queries import LONGEST_TEXT, Execution, Queries
from local_stack.endpoint.statements import SqlError, Statement
from local_stack.endpoint.variables import Variables


class Executor(Protocol):
    """Run statements on sessions."""

    def run(self, statement: Statement, session: Session, batch: Sequence[tuple[bindings.Bind, ...]] = ()) -> Outcome:
        """Run one statement through the whole chain. Raises SqlError."""

    def translate(self, expression: Expr, session: Session) -> str:
        """Write the tree of a Snowflake query as DuckDB SQL."""


class Registry(Protocol):
    """Know all sessions of the endpoint."""

    queries: Queries

    def on_database(self, database: str) -> list[Session]:
        """Return the sessions whose current database this is."""

    def numbered(self, number: str) -> Session | None:
        """Return the session with this number, as CURRENT_SESSION() gives it."""

    def opened(self) -> list[Session]:
        """Return all sessions."""

    def close(self, token: str) -> None:
        """Log out."""

    def abort(self, session: Session) -> None:
        """End a session, whatever it does."""


@dataclass
class Session:
    """Hold one session. lock guards its DuckDB connection for one statement, but never for a whole CALL.

    While a CALL runs, its procedure's handler runs statements on the caller's session from other threads.

    duck: its DuckDB connection. Hold `lock`, and go through `transaction.run` for anything that writes.
    database, schema: the current ones, None where there is none.
    parameters: session parameters in upper case (QUERY_TAG, TIMEZONE, …). call_depth: CALLs under way.
    given: the parameters of the statements under way, the latest last.
    secondary_roles: those in use beside the role, or ALL. attributes: room for the features' own state, by name.
    at_end: what they have to do when the session ends. under_way: the statements that run. idle_since: when the last one ended.
    """

    engine: Engine
    executor: Executor
    duck: duckdb.DuckDBPyConnection
    token: str
    master_token: str
    registry: Registry
    number: str
    user: str = "LOCAL"
    role: str = FIRST_USERS_ROLE
    secondary_roles: tuple[str, ...] = ()
    warehouse: str | None = None
    database: str | None = None
    schema: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    variables: Variables = field(default_factory=Variables)
    call_depth: int = 0
    given: list[Mapping[str, str]] = field(default_factory=list)
    query_ids: list[str] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    temporary_tables: dict[tuple[str, str, str], str] = field(default_factory=dict)
    at_end: list[Callable[[], None]] = field(default_factory=list)
    under_way: list[Statement] = field(default_factory=list)
    idle_since: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.lock = ConnectionLock(self.duck)
        self.transaction = Transaction(
            self.duck, self.engine.locks, self.token, lambda: float(self.parameter("LOCK_TIMEOUT"))
        )
        self.notes = TableNotes(self.engine.catalog, self.temporary_tables)

    @property
    def queries(self) -> Queries:
        """Return the statements and results of all sessions."""
        return self.registry.queries

    @property
    def catalog(self) -> Catalog:
        return self.engine.catalog

    @property
    def grants(self) -> Grants:
        return self.engine.grants

    @property
    def access(self) -> Access:
        """Return what the session may do: by its role and its secondary roles."""
        return self._access_of(self.role, self.secondary_roles)

    @property
    def primary_access(self) -> Access:
        """Return what the session may create: by its role alone."""
        return self._access_of(self.role, ())

    @property
    def available_roles(self) -> frozenset[Holder]:
        """Return the roles that the session's user may use, and the user, who may hold privileges too."""
        return available_roles(self.engine, self.user)

    def may_use_role(self, name: str) -> bool:
        """Return whether the user has been granted a role, directly or through others."""
        return not self.grants.enforced or ("ROLE", name) in self.available_roles

    def _access_of(self, role: str, secondary: tuple[str, ...]) -> Access:
        """Return what roles add up to, as long as no grant changes."""
        key = ("access", self.user, role, secondary)
        return self.grants.cached(key, lambda: self._add_up(role, secondary))

    def _add_up(self, role: str, secondary: tuple[str, ...]) -> Access:
        others = self.available_roles if secondary == (ALL_ROLES,) else [("ROLE", name) for name in secondary]
        return Access(self.grants, inherited(self.grants, [("ROLE", role), *others]))

    def use(self, database: str, schema: str) -> None:
        """Make a database the current one, and its schema where it has one of this name and the session sees it."""
        with self.lock:
            hidden = self.grants.enforced and not self.access.sees("SCHEMA", f"{database}.{schema}")
            there = self.schema_exists(database, schema) and (schema == INFORMATION_SCHEMA or not hidden)
            self.place(database, schema if there else None)

    def place(self, database: str | None, schema: str | None) -> None:
        """Set the current database and schema, None for none. Both exist."""
        with self.lock:
            physical = {None: "main", INFORMATION_SCHEMA: "_fs_information_schema"}.get(schema, schema) or ""
            path = "memory.main" if database is None else dotted(database, physical)
            self.duck.execute(f"SET schema = {literal(path)}")
            self.database, self.schema = database, schema

    def leave(self, database: str, schema: str | None) -> None:
        """Forget the current database or schema, because it has been dropped."""
        with self.lock:
            if self.database == database and schema in (None, self.schema):
                self.place(None if schema is None else database, None)

    def schema_exists(self, database: str, schema: str) -> bool:
        physical = "main" if schema == INFORMATION_SCHEMA else schema
        return (
            self.duck.execute(
                "SELECT 1 FROM duckdb_schemas() WHERE database_name = ? AND schema_name = ?",
                [database, physical],
            ).fetchall()
            != []
        )

    def relation_kind(self, name: SchemaName) -> str | None:
        """Return 'TABLE' or 'VIEW' for a (physical) name, or None when nothing has it."""
        for kind, column, source in (
            ("TABLE", "table_name", "duckdb_tables()"),
            ("VIEW", "view_name", "duckdb_views()"),
        ):
            found = self.duck.execute(
                f"SELECT 1 FROM {source} WHERE database_name = ? AND schema_name = ? AND {column} = ?",
                [name.database, name.schema, name.name],
            ).fetchall()
            if found:
                return kind
        return None

    def spelled(self, name: SchemaName) -> str:
        """Return how the name of a table or view is spelled that has this name in DuckDB, which knows no case."""
        found = self.duck.execute(
            "SELECT table_name FROM duckdb_tables() WHERE (upper(database_name), upper(schema_name), upper(table_name)) ="
            " (upper($1), upper($2), upper($3)) UNION ALL SELECT view_name FROM duckdb_views()"
            " WHERE (upper(database_name), upper(schema_name), upper(view_name)) = (upper($1), upper($2), upper($3))",
            [name.database, name.schema, name.name],
        ).fetchall()
        return str(found[0][0]) if found else name.name

    def misspelled(self, name: SchemaName) -> bool:
        """Return whether a table or view has this name in another case only. Those of Snowflake's own views do not matter."""
        if name.schema == INFORMATION_SCHEMA or "_fs_" in (name.database[:4].lower(), name.schema[:4]):
            return False
        found = self.duck.execute(
            "SELECT database_name, schema_name, table_name FROM duckdb_tables() WHERE upper(database_name) = upper($1)"
            " AND upper(schema_name) = upper($2) AND upper(table_name) = upper($3) UNION ALL"
            " SELECT database_name, schema_name, view_name FROM duckdb_views() WHERE upper(database_name) = upper($1)"
            " AND upper(schema_name) = upper($2) AND upper(view_name) = upper($3)",
            [name.database, name.schema, name.name],
        ).fetchall()
        return bool(found) and (name.database, name.schema, name.name) not in found

    def full_name(self, table: exp.Table) -> tuple[str, str, str]:
        """Return (database, schema, name) as stored, completed from the session."""
        return (
            stored(table.args.get("catalog")) or self.database or "",
            stored(table.args.get("db")) or self.schema or "",
            stored(table.this),
        )

    def resolve(self, parts: tuple[str, ...]) -> SchemaName:
        """Complete a name from the session's current database and schema.

        Raises SqlError 090105/090106 where the session has none.
        """
        if len(parts) == 3:
            return SchemaName(*parts)
        if not self.database:
            raise no_current_database("operation")
        if len(parts) == 2:
            return SchemaName(self.database, *parts)
        if not self.schema:
            raise no_current_schema("operation")
        return SchemaName(self.database, self.schema, parts[0])

    def require_schema(self, place: SchemaName) -> None:
        """Raise SqlError 002003 where an object's database or schema does not exist."""
        if not self.schema_exists(place.database, INFORMATION_SCHEMA):
            raise missing_object("Database", quote_name(place.database))
        if not self.schema_exists(place.database, place.schema):
            raise missing_object("Schema", f"{quote_name(place.database)}.{quote_name(place.schema)}")

    def physical_table(self, table: SchemaName) -> SchemaName:
        """Return where a table is: a temporary table of this session hides a permanent one of the same name."""
        hidden = self.temporary_tables.get((table.database, table.schema, table.name))
        return SchemaName("temp", "main", hidden) if hidden else table

    def quoted(self, table: SchemaName) -> str:
        """Return the table's name in DuckDB."""
        return dotted(table.database, table.schema, table.name)

    def to_duckdb(self, expression: Expr) -> str:
        """Return a Snowflake query's tree as DuckDB SQL."""
        return self.executor.translate(expression, self)

    def with_binds(self, statement: Statement) -> str:
        """Return the statement's text with its binds written in as literals, for statements that DuckDB does not see."""
        return with_literals(statement.text, (_literal(bindings.to_python(bind)) for bind in statement.binds))

    def parameter(self, name: str, given: Mapping[str, str] | None = None) -> str:
        """Return what a parameter is for a statement: given with it, with one that is under way, or the session's."""
        for source in (given or {}, *reversed(self.given), self.parameters):
            if name in source:
                return str(source[name])
        return PARAMETERS[name].default

    @contextmanager
    def for_statement(self, given: Mapping[str, str]) -> Iterator[None]:
        """Let parameters hold for one statement and for those that it runs.

        Names that are no session parameters are taken: clients send some for Snowflake's own use (SF_PARTNER).
        Raises SqlError for a value that would be ignored.
        """
        for name in given.keys() & PARAMETERS.keys():
            check_parameter(name, given[name])
        mine = {**given}
        self.given.append(mine)
        try:
            if "TIMEZONE" in given:
                self.apply_parameter("TIMEZONE", given["TIMEZONE"])
            yield
        finally:
            # Not simply the last: a statement that the client does not wait for may have begun meanwhile.
            self.given = [other for other in self.given if other is not mine]
            if "TIMEZONE" in given:
                self.apply_parameter("TIMEZONE", self.parameter("TIMEZONE"))

    def set_parameter(self, name: str, value: Any) -> None:
        """Set one parameter. Raises SqlError for an unknown name or a value that would be ignored."""
        text = check_parameter(name, value)
        self.apply_parameter(name, text)
        self.parameters[name] = text

    def unset_parameter(self, name: str) -> None:
        """Give a parameter its default again."""
        require_parameter(name)
        self.parameters.pop(name, None)
        self.apply_parameter(name, PARAMETERS[name].default)

    def apply_parameter(self, name: str, value: str) -> None:
        """Give a parameter its effect."""
        match name:
            case "TIMEZONE":
                if value not in available_timezones():
                    raise compilation_error(f"invalid value [{value}] for parameter 'TIMEZONE'", 1008, "22023")
                with self.lock:
                    self.duck.execute(f"SET TimeZone = {literal(value)}")
            case "AUTOCOMMIT":
                with self.lock:
                    if self.transaction.open:
                        self.transaction.commit()
                    self.transaction.autocommit = value.lower() != "false"

    def execute(self, sql: str, binds: Sequence[Any] = ()) -> Outcome:
        """Run one Snowflake statement through the whole chain, on this session's connection and transaction.

        binds: Python values for its `?`. Raises SqlError.
        """
        return self.run(Statement(sql.strip().rstrip(";").rstrip(), bindings.to_binds(binds)))

    def run(
        self, statement: Statement, batch: Sequence[tuple[bindings.Bind, ...]] = (), query_id: str | None = None
    ) -> Outcome:
        """Run one statement. batch: rows of binds, for an INSERT sent with arrays. query_id: of its result.

        Raises SqlError, that of the cancellation where the statement is canceled.
        """
        cancellation.check()
        self.under_way.append(statement)
        try:
            with self._recorded(statement, query_id or str(uuid.uuid4())) as execution:
                outcome = self._run(statement, batch)
                execution.rows = outcome.row_count
        finally:
            self.under_way.remove(statement)
            self.idle_since = time.monotonic()
        outcome = replace(outcome, query_id=execution.query_id)
        if not statement.describe_only:
            self.keep(outcome)
        return outcome

    def _run(self, statement: Statement, batch: Sequence[tuple[bindings.Bind, ...]]) -> Outcome:
        try:
            return self.executor.run(statement, self, batch)
        except SqlError:
            cancellation.check()
            raise

    @contextmanager
    def _recorded(self, statement: Statement, query_id: str) -> Iterator[Execution]:
        """Record a statement while it runs, and how it ends. QUERY_HISTORY does not tell of one that is only described."""
        execution = Execution(
            statement.text[:LONGEST_TEXT], self.number, self.user, self.role, self.warehouse, self.database, self.schema,
            self.parameter("QUERY_TAG", statement.parameters), query_id,
        )  # fmt: skip
        if not statement.describe_only:
            self.queries.record(execution)
        try:
            yield execution
        except SqlError as error:
            execution.error = error
            raise
        finally:
            execution.ended = dt.datetime.now(dt.UTC)

    @property
    def transaction_id(self) -> int | None:
        """Return a number that differs between transactions; None outside one."""
        return self.transaction.number

    def end_idle_transaction(self, seconds: float) -> bool:
        """Roll back the open transaction if the session has run no statement for so long; whether it did."""
        with self.lock.if_free() as free:
            idle = free and self.transaction.open and not self.under_way
            idle = idle and time.monotonic() - self.idle_since >= seconds
            if idle:
                self.transaction.abort(f"It was idle for {seconds:g} seconds while another one waited for its locks.")
            return idle

    def end(self) -> None:
        """Log out."""
        self.registry.close(self.token)

    def close(self) -> None:
        """Roll back what is open and drop the temporary tables with the connection."""
        with self.lock:
            self.transaction.rollback()
            self.duck.close()
        for action in self.at_end:
            action()

    def keep(self, outcome: Outcome) -> None:
        """Remember an outcome, for RESULT_SCAN and for clients that ask for it again."""
        self.query_ids.append(outcome.query_id)
        self.queries.keep(self.user, outcome)


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float | Decimal):
        return str(value)
    return quote_string(str(value))
