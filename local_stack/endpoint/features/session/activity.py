"""Answer SHOW TRANSACTIONS, SHOW LOCKS and SHOW REGIONS.

See: https://docs.snowflake.com/en/sql-reference/sql/show-transactions, …/show-locks and …/show-regions
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from local_stack.endpoint.engine.grants import ACCOUNT
from local_stack.endpoint.errors import insufficient
from local_stack.endpoint.features.show import read_filters
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Column, Result, Statement

_TRANSACTIONS = (
    Column("id", "FIXED"), Column("user"), Column("session", "FIXED"), Column("name"), Column("started_on", "TIMESTAMP_LTZ"),
    Column("state"), Column("scope", "FIXED"),
)  # fmt: skip
_LOCKS = (
    Column("resource"), Column("type"), Column("transaction", "FIXED"), Column("transaction_started_on", "TIMESTAMP_LTZ"),
    Column("status"), Column("acquired_on", "TIMESTAMP_LTZ"), Column("query_id"), Column("session", "FIXED"),
)  # fmt: skip


class Activity:
    """Answer SHOW {TRANSACTIONS | LOCKS} [IN ACCOUNT] and SHOW REGIONS [LIKE 'p']."""

    def handle(self, statement: Statement, session: Session) -> Result:
        reader = Reader(statement.text)
        reader.expect("SHOW")
        kind = reader.next().upper
        if kind == "REGIONS":
            return _regions(reader)
        whole = reader.accept("IN", "ACCOUNT")
        reader.expect_end()
        administers = session.role == "ACCOUNTADMIN"
        if whole and kind == "TRANSACTIONS" and not administers:
            raise insufficient("ACCOUNT", ACCOUNT)
        opened = [one for one in session.registry.opened() if one.user == session.user or (whole and administers)]
        return _transactions(opened) if kind == "TRANSACTIONS" else _locks(opened, session)


def _transactions(opened: list[Session]) -> Result:
    rows = [
        [number, one.user, int(one.number), f"{number:x}", _began(number), "running", 0]
        for one in opened
        if (number := one.transaction_id) is not None
    ]
    return Result(_TRANSACTIONS, sorted(rows))


def _locks(opened: list[Session], session: Session) -> Result:
    """List what is held or waited for; a statement outside a transaction is one of its own, without a number."""
    owners = {one.token: one for one in opened}
    rows: list[list[Any]] = []
    for table, token, since in session.engine.locks.listed():
        if (owner := owners.get(token)) is None:
            continue
        number = owner.transaction_id
        running = next((query.id for query in session.queries.running(owner.number)), None)
        rows.append(
            [
                table, "PARTITIONS", number, number and _began(number), "HOLDING" if since else "WAITING", since, running,
                int(owner.number),
            ]
        )  # fmt: skip
    return Result(_LOCKS, rows)


def _began(number: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(number / 1e9, dt.UTC)


def _regions(reader: Reader) -> Result:
    filters = read_filters(reader)
    reader.expect_end()
    names = ("snowflake_region", "cloud", "region", "display_name")
    rows = [[ACCOUNT, "local", "local", "This machine"]]
    return Result(tuple(Column(name) for name in names), filters.apply(rows, lambda row: row[0]))
