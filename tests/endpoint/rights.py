"""Roles and connections for the tests of rights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import snowflake.connector
from snowflake.connector.errors import Error

from tests.conftest import RunningEndpoint


def run(connection: Any, *statements: str) -> Any:
    """Run statements; return the rows of the last one."""
    rows: Any = None
    for sql in statements:
        rows = connection.cursor().execute(sql).fetchall()
    return rows


def refused(connection: Any, sql: str) -> tuple[int, str]:
    """Return the number of the error and its last line."""
    with pytest.raises(Error) as refusal:
        run(connection, sql)
    return int(refusal.value.errno or 0), str(refusal.value.raw_msg or refusal.value.msg).splitlines()[-1]


def names(connection: Any, sql: str) -> list[str]:
    """Return the names that a SHOW lists."""
    return [row["name"] for row in connection.cursor(snowflake.connector.DictCursor).execute(sql).fetchall()]


@contextmanager
def as_role(endpoint: RunningEndpoint, role: str, **overrides: Any) -> Iterator[Any]:
    """Connect with a role."""
    with endpoint.connect(role=role, **overrides) as connection:
        yield connection


def make_roles(connection: Any, *roles: str) -> None:
    """Make roles anew, held by SYSADMIN."""
    for role in roles:
        run(connection, f"DROP ROLE IF EXISTS {role}", f"CREATE ROLE {role}", f"GRANT ROLE {role} TO ROLE SYSADMIN")
