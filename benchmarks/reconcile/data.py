"""The same sessions on both sides but for some: as Parquet, as two DuckDB databases, in ClickHouse and in STAGING."""

from __future__ import annotations

from pathlib import Path

import clickhouse_connect
import duckdb

from local_stack.endpoint.engine.engine import Engine
from tests.reconcile.speed.tables import COLUMNS, TABLE, ddl
from tests.snowpark_procs.conftest import DATABASE

DAY = "2024-01-15"
SIDES = ("speed", "batch")
# Of every so many sessions one differs: lost in speed, or with another value, in turn.
EVERY = 10_000
_UUID = "regexp_replace(md5({}), '^(........)(....)(....)(....)(.*)$', '\\1-\\2-\\3-\\4-\\5')"
_SESSIONS = f"""
SELECT
    i AS n,
    {_UUID.format("'session ' || i")} AS session_id,
    {_UUID.format("'user ' || i // 3")} AS user_id,
    CASE i // 3 % 4 WHEN 0 THEN 'gold' WHEN 1 THEN 'silver' WHEN 2 THEN 'bronze' END AS user_tier,
    TIMESTAMP '{DAY}' + to_microseconds(i * (86400000000 // $sessions)) AS session_start,
    session_start + to_minutes(i % 30) AS session_end,
    (1 + i % 20)::BIGINT AS page_views,
    (i % 7)::BIGINT AS product_views,
    (i % 3)::BIGINT AS searches,
    (i % 5)::BIGINT AS add_to_cart_events,
    (i % 11 = 0)::BIGINT AS purchases,
    (CASE WHEN i % 11 = 0 THEN 9.99 + i % 500 ELSE 0 END)::DECIMAL(38, 2) AS total_spent
FROM range($sessions) AS r (i)
"""
_CHOSEN = {
    "speed": f"""
SELECT * REPLACE (CASE WHEN n % {2 * EVERY} = {EVERY} THEN page_views + 1 ELSE page_views END AS page_views)
FROM all_sessions WHERE n % {2 * EVERY} <> 0""",
    "batch": "SELECT * FROM all_sessions",
}


def make(folder: Path, sessions: int) -> int:
    """Write both sides into the folder as Parquet and as DuckDB databases. Returns how many sessions differ."""
    folder.mkdir(parents=True, exist_ok=True)
    query = _SESSIONS.replace("$sessions", str(sessions))
    for side in SIDES:
        chosen = f"WITH all_sessions AS ({query}) SELECT * EXCLUDE (n) FROM ({_CHOSEN[side]})"
        file = folder / f"{side}.duckdb"
        file.unlink(missing_ok=True)
        with duckdb.connect(str(file)) as connection:
            connection.execute(f"CREATE TABLE sessions AS {chosen}")
            connection.execute(f"COPY sessions TO '{folder / f'{side}.parquet'}' (FORMAT PARQUET)")
    return len(range(0, sessions, EVERY))


def fill_speed_layer(folder: Path, engine: Path) -> None:
    """Load the speed side into the embedded ClickHouse, as the speed layer declares its table."""
    client = clickhouse_connect.get_client(interface="chdb", path=str(engine))
    try:
        client.command(ddl(COLUMNS))
        names = ", ".join(COLUMNS)
        client.command(f"INSERT INTO {TABLE} ({names}) SELECT {names} FROM file('{folder / 'speed.parquet'}', Parquet)")
    finally:
        client.close()


def fill_warehouse(engine: Engine, folder: Path) -> None:
    """Write the batch side into STAGING, the mart and the ledger, as if one batch had been built."""
    names = ", ".join(COLUMNS)
    engine.duck_conn.execute(
        f"INSERT INTO {DATABASE}.STAGING.USER_SESSIONS_ENHANCED ({names}, is_valid, batch_id)"
        f" SELECT {names}, TRUE, 'batch' FROM read_parquet('{folder / 'batch.parquet'}')"
    )
    engine.duck_conn.execute(
        f"INSERT INTO {DATABASE}.MARTS.DAILY_SPEED_COMPARABLE (date, user_tier, sessions, page_views, product_views, searches,"
        " add_to_cart_events, purchases, revenue, unique_users, converting_sessions, change_id)"
        " SELECT session_start::DATE, user_tier, count(*), sum(page_views), sum(product_views), sum(searches),"
        " sum(add_to_cart_events), sum(purchases), sum(total_spent), count(DISTINCT user_id), count_if(purchases > 0), 1"
        f" FROM {DATABASE}.STAGING.USER_SESSIONS_ENHANCED GROUP BY 1, 2"
    )
    engine.duck_conn.execute(
        f"INSERT INTO {DATABASE}.OPS.DATE_CHANGES (change_id, dataset, date, batch_id, changed_at)"
        f" VALUES (1, 'user_sessions', DATE '{DAY}', 'batch', now()::TIMESTAMP)"
    )
