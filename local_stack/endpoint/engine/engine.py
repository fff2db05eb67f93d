"""Hold the data behind the endpoint: DuckDB files, one per Snowflake database, all attached on start.

A directory is used by one endpoint at a time (DuckDB locks its files). What is not in a DuckDB file is in `stages/`
(internal stages, one folder per stage) or under the S3 root (external stages: s3://bucket/key is root/bucket/key).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import quote, unquote

import duckdb
from fakesnow import info_schema, macros
from fakesnow.instance import GLOBAL_DATABASE_NAME

from local_stack.endpoint.engine.catalog import Catalog
from local_stack.endpoint.engine.changes import create_changes
from local_stack.endpoint.engine.data_format import update_format
from local_stack.endpoint.engine.grants import Grants
from local_stack.endpoint.engine.information_schema import describe_columns
from local_stack.endpoint.engine.load_history import create_history
from local_stack.endpoint.engine.locks import IDLE_BLOCKER_SECONDS, TableLocks
from local_stack.endpoint.engine.macros import exact_numbers as exact_number_macros
from local_stack.endpoint.engine.macros.functions import create_functions
from local_stack.endpoint.engine.native.functions import create_native_functions
from local_stack.endpoint.engine.object_views import describe_objects
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.quoting import identifier, literal

_IN_FILE_NAMES = " !#$&'()+,;=@[]^`{}"
INFORMATION_SCHEMA = "INFORMATION_SCHEMA"
# What is replaced in fakesnow's templates: a newer version's views, and macros that stay.
RENEWED = ("create view if not exists", "create or replace view")
KEPT = ("OR REPLACE MACRO", "MACRO IF NOT EXISTS")
HIDDEN_DATABASES = frozenset({"memory", "system", "temp", GLOBAL_DATABASE_NAME})


class Engine:
    """Hold one DuckDB instance with every database of data_dir attached, and what all sessions share.

    rights: whether privileges are enforced. address: (host, port) the endpoint serves on.
    idle_blocker_seconds: see engine/locks.py.
    """

    def __init__(
        self,
        data_dir: Path,
        s3_root: Path,
        rights: bool = True,
        idle_blocker_seconds: float = IDLE_BLOCKER_SECONDS,
    ) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        s3_root.mkdir(parents=True, exist_ok=True)
        # What an endpoint left behind that was killed: its sessions are gone.
        shutil.rmtree(data_dir / "temporary_stages", ignore_errors=True)
        self.data_dir, self.s3_root = data_dir.resolve(), s3_root.resolve()
        # sqlglot writes lambdas with an arrow.
        self.duck_conn = duckdb.connect(":memory:", config={"lambda_syntax": "ENABLE_SINGLE_ARROW"})
        self.duck_conn.execute("SET GLOBAL TimeZone = 'UTC'")
        # Text is compared with a date or a number as one, and a function of text takes any value, as in Snowflake.
        # See: https://docs.snowflake.com/en/sql-reference/data-type-conversion
        self.duck_conn.execute("SET GLOBAL old_implicit_casting = true")
        # A misspelt name must not end the transaction: in Snowflake it does not either.
        self.duck_conn.execute(
            "SET GLOBAL default_transaction_invalidation_policy='SYNTACTIC_ERRORS_DO_NOT_INVALIDATE'"
        )
        self._attach_file(GLOBAL_DATABASE_NAME)
        self.duck_conn.execute(info_schema.fs_global_creation_sql())
        # Defaults and views may depend on a macro: one that exists already stays.
        self.duck_conn.execute(macros.creation_sql(GLOBAL_DATABASE_NAME).replace(*KEPT))
        create_native_functions(self.duck_conn)
        create_functions(self.duck_conn)
        self.duck_conn.execute(exact_number_macros.SQL)
        self.catalog = Catalog(self.duck_conn)
        for file in sorted(self.data_dir.glob("*.db")):
            if file.stem != GLOBAL_DATABASE_NAME:
                self.attach(unquote(file.stem))
        self.grants = Grants(self.catalog, rights)
        self.locks = TableLocks(idle_blocker_seconds)
        self.address = ("127.0.0.1", 0)

    def database_file(self, name: str) -> Path:
        """Return where a database is: what a file's name cannot hold is written as in an address (`%2F`)."""
        return self.data_dir / f"{quote(name, safe=_IN_FILE_NAMES)}.db"

    def _attach_file(self, name: str) -> None:
        self.duck_conn.execute(f"ATTACH IF NOT EXISTS {literal(str(self.database_file(name)))} AS {identifier(name)}")

    def attach(self, name: str) -> None:
        """Attach (creating its file if missing) a database with fakesnow's views of INFORMATION_SCHEMA."""
        if name in self.databases():
            return
        self._attach_file(name)
        views = info_schema.per_db_creation_sql("__name__").replace(*RENEWED)
        self.duck_conn.execute(_named(views, name))
        update_format(self.duck_conn, name)
        create_history(self.duck_conn, name)
        create_changes(self.duck_conn, name)
        describe_columns(self.duck_conn, name)
        describe_objects(self.duck_conn, name)

    def databases(self) -> list[str]:
        """Return the attached databases that a client may see."""
        rows = self.duck_conn.cursor().execute("SELECT database_name FROM duckdb_databases() ORDER BY 1").fetchall()
        return [name for (name,) in rows if name not in HIDDEN_DATABASES]

    def stage_folder(self, database: str, schema: str, name: str) -> Path:
        """Return where an internal stage keeps its files."""
        return self.data_dir / "stages" / database / schema / name

    def temporary_folder(self, session: str) -> Path:
        """Return where the internal temporary stages of a session keep their files, by the session's number."""
        return self.data_dir / "temporary_stages" / session

    def close(self) -> None:
        """Checkpoint and release the files."""
        self.duck_conn.close()


def _named(sql: str, database: str) -> str:
    """Return fakesnow's template for a database of any name: it stands there as a literal and as an identifier."""
    return sql.replace("'__name__'", literal(database)).replace("__name__", identifier(database))


def information_schema_view(name: SchemaName) -> SchemaName:
    """Return where a view of a database's INFORMATION_SCHEMA is."""
    shown = name.name if name.name == "DATABASES" else f"_fs_{name.name}"
    return SchemaName(name.database, "_fs_information_schema", shown)
