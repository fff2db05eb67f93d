"""Twenty sessions query and call while others load: no error, no deadlock, and nothing is lost or seen half done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration

SESSIONS, ROUNDS, FILES, ROWS = 20, 6, 4, 500
HANDLER = """CREATE OR REPLACE PROCEDURE note(n INT) RETURNS INT LANGUAGE PYTHON RUNTIME_VERSION = '3.11'
PACKAGES = ('snowflake-snowpark-python') HANDLER = 'run' AS $$
def run(session, n):
    session.sql("INSERT INTO notes VALUES (?)", params=[n]).collect()
    return session.sql("SELECT COUNT(*) FROM facts").collect()[0][0]
$$"""
SCRIPT = """CREATE OR REPLACE PROCEDURE count_up() RETURNS INT LANGUAGE SQL AS $$
BEGIN
    BEGIN TRANSACTION;
    UPDATE counter SET n = n + 1;
    LET found INT := 0;
    SELECT n INTO :found FROM counter;
    COMMIT;
    RETURN found;
END$$"""


def test_sessions_work_side_by_side(endpoint: RunningEndpoint) -> None:
    folder = endpoint.s3_root / "loads"
    folder.mkdir(parents=True)
    for number in range(FILES):
        (folder / f"{number}.csv").write_text("".join(f"{number * ROWS + i},new\n" for i in range(ROWS)))
    with endpoint.connect() as connection:
        for sql in (
            "CREATE TABLE facts AS SELECT SEQ4() AS i, SEQ4() % 7 AS g FROM TABLE(GENERATOR(ROWCOUNT => 5000))",
            "CREATE TABLE counter AS SELECT 0 AS n",
            "CREATE TABLE notes (n INT)",
            "CREATE TABLE loads (i INT, s STRING)",
            "CREATE VIEW seen AS SELECT * FROM facts",
            "CREATE STAGE loads_stage URL = 's3://loads/'",
            HANDLER,
            SCRIPT,
        ):
            connection.cursor().execute(sql)
    failures: list[str] = []

    def session(work: Callable[[Any, int, int], None], number: int) -> None:
        try:
            with endpoint.connect() as own:
                for turn in range(ROUNDS):
                    work(own.cursor(), number, turn)
        except Exception as error:
            failures.append(f"{work.__name__} {number}: {error}")

    works = [query, count_up, call_handler, make_tables, temporary]
    threads = [threading.Thread(target=session, args=(works[n % len(works)], n), daemon=True) for n in range(SESSIONS)]
    threads.append(threading.Thread(target=session, args=(load, SESSIONS), daemon=True))
    threads += [threading.Thread(target=session, args=(describe, SESSIONS + n), daemon=True) for n in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert failures == []
    assert [thread for thread in threads if thread.is_alive()] == []
    callers = SESSIONS // len(works)
    with endpoint.connect() as connection:
        cursor = connection.cursor()
        assert cursor.execute("SELECT n FROM counter").fetchone() == (callers * ROUNDS,)
        assert cursor.execute("SELECT COUNT(*), COUNT(DISTINCT n) FROM notes").fetchone() == (callers * ROUNDS, callers)
        assert cursor.execute("SELECT COUNT(*) FROM loads").fetchone() == (FILES * ROWS,)


def query(cursor: Any, _: int, __: int) -> None:
    """What a load has not committed is not seen: the table is empty or full, and never without its merge."""
    assert cursor.execute("SELECT COUNT(*) FROM facts").fetchone() == (5000,)
    assert cursor.execute("SELECT COUNT(DISTINCT g) FROM facts").fetchone() == (7,)
    rows, merged = cursor.execute("SELECT COUNT(*), COUNT_IF(s = 'merged') FROM loads").fetchone()
    assert (rows, merged) in ((0, 0), (FILES * ROWS, FILES * ROWS))


def count_up(cursor: Any, _: int, turn: int) -> None:
    (n,) = cursor.execute("CALL count_up()").fetchone()
    assert int(n) > turn


def call_handler(cursor: Any, number: int, _: int) -> None:
    assert cursor.execute(f"CALL note({number})").fetchone() == (5000,)


def make_tables(cursor: Any, number: int, turn: int) -> None:
    cursor.execute(f"CREATE OR REPLACE TABLE made_{number} AS SELECT {turn} AS t FROM facts")
    assert cursor.execute(f"SELECT MAX(t), COUNT(*) FROM made_{number}").fetchone() == (turn, 5000)
    cursor.execute(f"SHOW TABLES LIKE 'MADE_{number}'")
    cursor.execute(f"DROP TABLE made_{number}")


def temporary(cursor: Any, number: int, turn: int) -> None:
    cursor.execute("CREATE OR REPLACE TEMPORARY TABLE own (n INT)")
    cursor.execute(f"INSERT INTO own VALUES ({number}), ({turn})")
    assert sorted(cursor.execute("SELECT n FROM own").fetchall()) == sorted([(number,), (turn,)])


def describe(cursor: Any, number: int, turn: int) -> None:
    for what in ("VIEW seen", "TABLE facts"):
        cursor.execute(f"COMMENT ON {what} IS 'by {number} in turn {turn}'")


def load(cursor: Any, _: int, __: int) -> None:
    cursor.execute("BEGIN")
    cursor.execute("DELETE FROM loads")
    cursor.execute("COPY INTO loads FROM @loads_stage FILE_FORMAT = (TYPE = CSV) FORCE = TRUE")
    cursor.execute("MERGE INTO loads USING facts ON loads.i = facts.i WHEN MATCHED THEN UPDATE SET s = 'merged'")
    cursor.execute("COMMIT")
