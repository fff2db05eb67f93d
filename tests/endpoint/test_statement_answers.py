"""What a statement that is no query answers, in Snowflake's words, and what definitions leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from snowflake.connector.errors import NotSupportedError

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration


@pytest.fixture
def connection(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as opened:
        opened.cursor().execute("CREATE OR REPLACE SCHEMA answers")
        yield opened


def _run(connection: Any, *statements: str) -> list[tuple[Any, ...]]:
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement)
    return list(cursor.fetchall()) if statements else []


def _column(connection: Any, statement: str, name: str) -> list[Any]:
    cursor = connection.cursor().execute(statement)
    position = [column.name for column in cursor.description].index(name)
    return [row[position] for row in cursor.fetchall()]


@pytest.mark.parametrize(
    ("before", "statement", "answer"),
    [
        ((), "CREATE TABLE t (i INT)", "Table T successfully created."),
        ((), 'CREATE TABLE answers."t.u" (i INT)', "Table t.u successfully created."),
        ((), 'CREATE TEMPORARY TABLE "t.u" (i INT)', "Table t.u successfully created."),
        ((), "CREATE TABLE t AS SELECT 1 i", "Table T successfully created."),
        (("CREATE TABLE t (i INT)",), "CREATE OR REPLACE TABLE t (j INT)", "Table T successfully created."),
        (
            ("CREATE TABLE t (i INT)",),
            "CREATE TABLE IF NOT EXISTS t (j INT) COMMENT = 'x'",
            "T already exists, statement succeeded.",
        ),
        (("CREATE TABLE t (i INT)",), "ALTER TABLE t ADD COLUMN j INT, k INT", "Statement executed successfully."),
        (("CREATE TABLE t (i INT)",), "COMMENT ON TABLE t IS 'x'", "Statement executed successfully."),
        ((), "COMMENT IF EXISTS ON TABLE nowhere IS 'x'", "Statement executed successfully."),
        ((), "COMMENT ON SCHEMA answers IS 'x'", "Statement executed successfully."),
        ((), "COMMENT ON DATABASE test IS 'x'", "Statement executed successfully."),
        (("CREATE TABLE t (i INT)",), "TRUNCATE TABLE t", "Statement executed successfully."),
        (("CREATE TABLE t (i INT)",), "DROP TABLE t", "T successfully dropped."),
        ((), "DROP TABLE IF EXISTS t", "Drop statement executed successfully (T already dropped)."),
        ((), "CREATE VIEW v AS SELECT 1 i", "View V successfully created."),
        (
            ("CREATE VIEW v AS SELECT 1 i",),
            "CREATE VIEW IF NOT EXISTS v AS SELECT 2 j",
            "V already exists, statement succeeded.",
        ),
        ((), "CREATE SEQUENCE q", "Sequence Q successfully created."),
        (("CREATE SEQUENCE q",), "CREATE SEQUENCE IF NOT EXISTS q", "Q already exists, statement succeeded."),
        (("CREATE SEQUENCE q",), "DROP SEQUENCE q", "Q successfully dropped."),
        ((), "DROP SEQUENCE IF EXISTS q", "Drop statement executed successfully (Q already dropped)."),
        (("CREATE TABLE t (i INT)",), "INSERT INTO t VALUES (1), (2)", 2),
        (("CREATE TABLE t AS SELECT 1 i",), "INSERT OVERWRITE INTO t SELECT 2 UNION SELECT 3", 2),
        (("CREATE TABLE t AS SELECT 1 i",), "DELETE FROM t", 1),
        (("CREATE TABLE t AS SELECT 1 i",), "UPDATE t SET i = 2", 1),
    ],
)
def test_each_statement_answers_as_snowflake_does(
    connection: Any, before: tuple[str, ...], statement: str, answer: str | int
) -> None:
    _run(connection, *before)
    described = [column.name for column in connection.cursor().describe(statement)]
    cursor = connection.cursor().execute(statement)
    assert cursor.fetchone()[0] == answer
    assert described == [column.name for column in cursor.description]


def test_if_not_exists_changes_nothing_of_what_exists(connection: Any) -> None:
    _run(connection, "CREATE TABLE t (name VARCHAR(10)) COMMENT = 'first'")
    _run(connection, "CREATE TABLE IF NOT EXISTS t (name VARCHAR(99), id INT AUTOINCREMENT) COMMENT = 'second'")
    assert _column(connection, "SHOW TABLES", "comment") == ["first"]
    assert _column(connection, "DESCRIBE TABLE t", "type") == ["VARCHAR(10)"]


@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TABLE t (i INT COMMENT 'it''s one') COMMENT = 'it''s'",),
        ("CREATE TABLE t (i INT)", "COMMENT ON TABLE t IS 'it''s'", "COMMENT ON COLUMN t.i IS 'it''s one'"),
        (
            "CREATE TABLE t (i INT)",
            "ALTER TABLE t SET COMMENT = 'it''s'",
            "ALTER TABLE t MODIFY COLUMN i COMMENT 'it''s one'",
        ),
        (
            "CREATE TABLE t (j INT) COMMENT = 'it''s'",
            "ALTER TABLE t ADD COLUMN i INT COMMENT 'it''s one'",
            "ALTER TABLE t DROP COLUMN j",
        ),
        ("CREATE TABLE u (i INT COMMENT 'it''s one') COMMENT = 'it''s'", "ALTER TABLE u RENAME TO t"),
    ],
)
def test_comments_of_tables_and_columns_are_shown_everywhere(connection: Any, statements: tuple[str, ...]) -> None:
    _run(connection, *statements)
    assert _column(connection, "SHOW TABLES IN SCHEMA answers", "comment") == ["it's"]
    in_schema = "FROM information_schema.{} WHERE table_schema = 'ANSWERS'"
    assert _run(connection, f"SELECT comment {in_schema.format('tables')}") == [("it's",)]
    assert _run(connection, f"SELECT comment {in_schema.format('columns')}") == [("it's one",)]
    assert _column(connection, "DESCRIBE TABLE t", "comment") == ["it's one"]
    _run(connection, "ALTER TABLE t UNSET COMMENT")
    assert _column(connection, "SHOW TABLES IN SCHEMA answers", "comment") == [""]


def test_numbers_of_few_digits_travel_as_small_integers_and_lists_as_text(connection: Any) -> None:
    cursor = connection.cursor()
    sizes = ", ".join(f"1::NUMBER({digits}, 0) AS n{digits}" for digits in (2, 4, 9, 18, 38))
    frame = cursor.execute(f"SELECT {sizes}").fetch_pandas_all()
    assert [str(kind) for kind in frame.dtypes] == ["int8", "int16", "int32", "int64", "int64"]
    for statement in ("SHOW SCHEMAS", "SHOW PARAMETERS", "CREATE TABLE t (i INT)"):
        assert cursor.execute(statement).fetchall()
        with pytest.raises(NotSupportedError):
            cursor.execute(statement.replace("CREATE", "CREATE OR REPLACE")).fetch_pandas_all()


def test_cursors_tell_how_many_rows_were_written(connection: Any) -> None:
    cursor, told = connection.cursor(), []
    for sql in (
        "CREATE TABLE t AS SELECT column1 AS i FROM VALUES (1), (2), (3)",
        "CREATE OR REPLACE TABLE t (i INT NOT NULL) AS SELECT * FROM t",
        "INSERT INTO t VALUES (4), (5)",
        "UPDATE t SET i = 0 WHERE i > 3",
        "DELETE FROM t WHERE i = 1",
        "MERGE INTO t USING (SELECT 2 AS i UNION ALL SELECT 9) s ON t.i = s.i"
        " WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.i)",
    ):
        told.append(tuple(cursor.execute(sql).stats[:3]))
    # inserted, deleted, updated
    assert told == [(3, 0, 0), (3, 0, 0), (2, 0, 0), (0, 0, 2), (0, 1, 0), (1, 1, 0)]
    assert cursor.execute("SELECT 1").stats == (None, None, None, None)


def test_comments_of_views_databases_and_schemas(connection: Any) -> None:
    _run(connection, "CREATE VIEW v (a COMMENT 'of a', b) COMMENT = 'of v' AS SELECT 1, 2")
    assert _column(connection, "SHOW VIEWS IN SCHEMA answers", "comment") == ["of v"]
    assert _run(connection, "SELECT comment FROM information_schema.views WHERE table_name = 'V'") == [("of v",)]
    assert _column(connection, "DESCRIBE VIEW v", "comment") == ["of a", None]
    _run(connection, "ALTER VIEW v SET COMMENT = 'other'")
    assert _column(connection, "SHOW VIEWS IN SCHEMA answers", "comment") == ["other"]
    _run(connection, "COMMENT ON SCHEMA answers IS 'of s'", "COMMENT ON DATABASE test IS 'of d'")
    assert _column(connection, "SHOW SCHEMAS LIKE 'ANSWERS'", "comment") == ["of s"]
    assert _column(connection, "SHOW DATABASES LIKE 'TEST'", "comment") == ["of d"]


def test_columns_that_count_take_their_numbers_beside_their_table(connection: Any) -> None:
    _run(connection, "CREATE SCHEMA IF NOT EXISTS counted", "USE SCHEMA answers")
    _run(
        connection,
        "CREATE TABLE counted.t (i INT IDENTITY(10, 5), j INT AUTOINCREMENT START 1 INCREMENT 1 ORDER, k INT)",
    )
    _run(connection, "DROP SCHEMA answers", "INSERT INTO counted.t (k) VALUES (0), (0)")
    assert _run(connection, "SELECT * FROM counted.t ORDER BY i") == [(10, 1, 0), (15, 2, 0)]
    assert _column(connection, "SHOW SEQUENCES IN SCHEMA counted", "name") == []
    _run(
        connection,
        "CREATE TEMPORARY TABLE counted.u (i INT AUTOINCREMENT, k INT)",
        "INSERT INTO counted.u (k) VALUES (7)",
    )
    assert _run(connection, "SELECT * FROM counted.u") == [(1, 7)]
    _run(connection, "DROP SCHEMA counted")


def test_an_alter_of_several_columns_is_done_in_whole_or_not_at_all(connection: Any) -> None:
    _run(
        connection, "CREATE TABLE t (a INT, b INT, c INT)", "ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT, d VARCHAR(3)"
    )
    assert _column(connection, "DESCRIBE TABLE t", "type")[-1] == "VARCHAR(3)"
    _run(connection, "ALTER TABLE t DROP COLUMN a, b")
    assert _column(connection, "DESCRIBE TABLE t", "name") == ["C", "D"]
    with pytest.raises(Exception, match=r"(?i)already exists"):
        _run(connection, "ALTER TABLE t ADD COLUMN e INT, c INT")
    assert _column(connection, "DESCRIBE TABLE t", "name") == ["C", "D"]


def test_lengths_of_texts_go_with_their_table(connection: Any) -> None:
    _run(connection, "CREATE TABLE t (name VARCHAR(7))", "ALTER TABLE t RENAME TO u")
    assert _column(connection, "DESCRIBE TABLE u", "type") == ["VARCHAR(7)"]
    lengths = "SELECT character_maximum_length FROM information_schema.columns WHERE table_schema = 'ANSWERS'"
    assert _run(connection, lengths) == [(7,)]
    _run(connection, "DROP TABLE u", "CREATE TABLE u AS SELECT LOWER('x') AS name")
    assert _column(connection, "DESCRIBE TABLE u", "type") == ["VARCHAR(16777216)"]


def test_create_table_as_with_some_types(connection: Any) -> None:
    _run(connection, "CREATE TABLE t (a VARCHAR, b) AS SELECT 1, 2")
    assert _run(connection, "SELECT * FROM t") == [("1", 2)]


def test_a_temporary_clone(connection: Any) -> None:
    _run(connection, "CREATE TABLE t AS SELECT 1 i", "CREATE TEMPORARY TABLE u CLONE t", "INSERT INTO u VALUES (2)")
    assert _run(connection, "SELECT COUNT(*) FROM u") == [(2,)]
    assert _run(connection, "SELECT COUNT(*) FROM t") == [(1,)]


@pytest.mark.parametrize("name", ["my-db", "it's", "a/b", "100%", 'q"q', "größe", "select"])
def test_databases_of_any_name(endpoint: RunningEndpoint, connection: Any, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    _run(
        connection,
        f"CREATE DATABASE {quoted}",
        "CREATE TABLE t (i INT AUTOINCREMENT, n INT)",
        "INSERT INTO t (n) VALUES (5)",
    )
    with endpoint.connect(database=quoted, schema="PUBLIC") as other:
        assert _run(other, "SELECT * FROM t") == [(1, 5)]
        assert _run(other, "SELECT CURRENT_DATABASE(), CURRENT_SCHEMA()") == [(name, "PUBLIC")]
    _run(connection, 'CREATE SCHEMA "new schema"')
    with endpoint.connect(database=quoted, schema='"new schema"') as other:
        assert _run(other, "SELECT CURRENT_SCHEMA()") == [("new schema",)]
    assert name in _column(connection, "SHOW DATABASES", "name")
    _run(connection, f"DROP DATABASE {quoted}")


def test_databases_of_any_name_are_there_after_a_restart(endpoint: RunningEndpoint) -> None:
    with endpoint.connect() as connection:
        _run(connection, 'CREATE DATABASE "a/b %41"', "CREATE TABLE t AS SELECT 1 i")
    endpoint.stop()
    endpoint.start()
    with endpoint.connect() as connection:
        assert _run(connection, 'SELECT * FROM "a/b %41".public.t') == [(1,)]


@pytest.mark.parametrize("enter", ["USE SCHEMA information_schema", ""])
def test_information_schema_as_the_current_one(endpoint: RunningEndpoint, enter: str) -> None:
    with endpoint.connect(schema="PUBLIC" if enter else "information_schema") as connection:
        _run(connection, "CREATE OR REPLACE TABLE test.public.seen (i INT)", *([enter] if enter else []))
        assert _run(connection, "WITH w AS (SELECT * FROM tables) SELECT table_name FROM w WHERE table_name = 'SEEN'")
        assert ("TEST",) in _run(connection, "SELECT database_name FROM databases")
        assert "TABLE_NAME" in _column(connection, "DESCRIBE VIEW information_schema.tables", "name")


@pytest.mark.parametrize(
    ("statement", "command", "number"),
    [
        ("SELECT * FROM t", "SELECT", 90105),
        ("SELECT 1 FROM t UNION SELECT 2", "SELECT", 90105),
        ("INSERT INTO s.t VALUES (1)", "INSERT", 90105),
        ("DELETE FROM test.s.t WHERE 1 IN (SELECT 1 FROM u)", "DELETE", 90105),
        ("CREATE VIEW test.s.v AS SELECT * FROM t", "CREATE VIEW", 90105),
        ("WITH q AS (SELECT * FROM t) SELECT * FROM q", "SELECT", 90105),
    ],
)
def test_a_session_without_a_database_names_tables_in_full(
    endpoint: RunningEndpoint, statement: str, command: str, number: int
) -> None:
    with endpoint.connect(database=None, schema=None) as connection:
        assert _run(connection, "WITH q AS (SELECT 1 i) SELECT * FROM q, TABLE(FLATTEN([1]))")
        with pytest.raises(Exception, match=f"Cannot perform {command}. This session does not have a current") as error:
            _run(connection, statement)
    assert error.value.errno == number  # type: ignore[attr-defined]


def test_a_session_without_a_schema_names_it(endpoint: RunningEndpoint) -> None:
    with (
        endpoint.connect(schema=None) as connection,
        pytest.raises(Exception, match=r"current schema. Call 'USE SCHEMA'") as error,
    ):
        _run(connection, "CREATE DATABASE bare", "DROP SCHEMA bare.public", "SELECT * FROM t")
    assert error.value.errno == 90106  # type: ignore[attr-defined]


def test_every_function_is_there_without_a_current_database(endpoint: RunningEndpoint) -> None:
    query = (
        "SELECT '2024-01-01'::TIMESTAMP::DATE::VARCHAR, TO_TIMESTAMP(0)::VARCHAR, OBJECT_CONSTRUCT('a', 1):a::INT,"
        " OBJECT_CONSTRUCT(*):X::INT, ROUND(HAVERSINE(0, 0, 0, 1)) FROM (SELECT 5 AS x)"
    )
    with endpoint.connect(database=None, schema=None) as connection:
        assert _run(connection, query) == [("2024-01-01", "1970-01-01 00:00:00.000", 1, 5, 111.0)]
        _run(
            connection,
            "CREATE DATABASE one",
            "CREATE VIEW v AS SELECT '2024-01-01'::TIMESTAMP AS t",
            "CREATE DATABASE two",
        )
        assert _run(connection, "SELECT t::DATE::VARCHAR FROM one.public.v") == [("2024-01-01",)]


def test_information_schema_tables_has_views_too(endpoint: RunningEndpoint) -> None:
    """What `dbt docs generate` reads."""
    with endpoint.connect() as connection:
        _run(connection, "CREATE OR REPLACE SCHEMA listed")
        _run(connection, "CREATE TABLE listed.t (i INT)")
        _run(connection, "CREATE VIEW listed.v COMMENT = 'seen' AS SELECT i FROM listed.t")
        found = connection.cursor().execute(
            "SELECT table_name, table_type, comment, row_count, bytes FROM information_schema.tables"
            " WHERE table_schema = 'LISTED' ORDER BY 1"
        )
        assert found.fetchall() == [("T", "BASE TABLE", None, 0, 0), ("V", "VIEW", "seen", None, None)]
        _run(connection, "DROP SCHEMA listed")
