"""A scratch database that is there for one run: on the local endpoint, or on an account.

The account: `pytest tests/live --snowflake live --connection NAME`, a connection of connections.toml whose user may CREATE
DATABASE and CREATE ROLE. The database and the roles go at the end.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import snowflake.connector


@dataclass(frozen=True)
class Scratch:
    """A connection, and the name of a database of its own; roles of the run begin with it."""

    connection: Any
    name: str

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            return list(cursor.execute(sql).fetchall())

    def one(self, sql: str) -> Any:
        ((value,),) = self.rows(sql)
        return value


@pytest.fixture(scope="module")
def scratch(request: pytest.FixtureRequest) -> Iterator[Scratch]:
    if request.config.getoption("--snowflake") == "live":
        name = request.config.getoption("--connection")
        if not name:
            raise pytest.UsageError("--snowflake live needs --connection NAME")
        connection = snowflake.connector.connect(connection_name=name)
    else:
        connection = request.getfixturevalue("endpoint").connect(role="ACCOUNTADMIN")
    made = Scratch(connection, f"SCRATCH_{uuid.uuid4().hex[:8].upper()}")
    try:
        made.rows(f"CREATE DATABASE {made.name}")
        made.rows("CREATE SCHEMA s")
        yield made
    finally:
        made.rows(f"DROP DATABASE IF EXISTS {made.name}")
        for role in made.rows(f"SHOW ROLES LIKE '{made.name}%'"):
            made.rows(f"DROP ROLE IF EXISTS {role[1]}")
        connection.close()
