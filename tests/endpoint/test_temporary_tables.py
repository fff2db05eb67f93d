"""Several temporary tables in one session: each hides its own name and no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snowflake.snowpark import Session

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration


@pytest.fixture
def connection(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as opened:
        opened.cursor().execute("CREATE OR REPLACE TABLE t AS SELECT * FROM VALUES (1), (2), (3), (4) v(x)")
        yield opened


def _count(connection: Any, table: str) -> int:
    return int(connection.cursor().execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


def test_a_second_temporary_table_leaves_the_table_it_reads_alone(endpoint: RunningEndpoint, connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TEMPORARY TABLE a AS SELECT 1 x")
    cursor.execute("CREATE TEMPORARY TABLE b AS SELECT x FROM t WHERE x > 1")
    assert (_count(connection, "a"), _count(connection, "b"), _count(connection, "t")) == (1, 3, 4)
    cursor.execute("INSERT INTO t VALUES (5)")
    with endpoint.connect() as other:
        assert _count(other, "t") == 5
    cursor.execute("DROP TABLE b")
    assert (_count(connection, "a"), _count(connection, "t")) == (1, 5)
    with pytest.raises(Exception, match="'B' does not exist"):
        cursor.execute("SELECT * FROM b")
    cursor.execute("DROP TABLE t")
    with endpoint.connect() as other, pytest.raises(Exception, match="'T' does not exist"):
        other.cursor().execute("SELECT * FROM t")


def test_snowpark_views_and_tables_that_are_temporary(endpoint: RunningEndpoint, connection: Any) -> None:
    options = {**endpoint.connection_parameters, "database": "TEST", "schema": "PUBLIC"}
    with Session.builder.configs(options).create() as session:
        table = session.table("t")
        table.filter(table.x > 2).create_or_replace_temp_view("over_two")
        table.filter(table.x > 3).create_or_replace_temp_view("over_three")
        session.table("over_two").write.save_as_table("kept", table_type="temporary")
        counts = {name: session.table(name).count() for name in ("over_two", "over_three", "kept", "t")}
        assert counts == {"over_two": 2, "over_three": 1, "kept": 2, "t": 4}


def test_what_dbt_leaves_when_an_incremental_model_fails(endpoint: RunningEndpoint, connection: Any) -> None:
    """The temporary table of the failed model stays in the session, in which the next model is built."""
    cursor = connection.cursor()
    cursor.execute("CREATE OR REPLACE TEMPORARY TABLE first__dbt_tmp AS (SELECT x FROM t)")
    with pytest.raises(Exception, match="NO_SUCH"):
        cursor.execute("INSERT INTO t (x) (SELECT no_such FROM first__dbt_tmp)")
    cursor.execute("CREATE OR REPLACE TEMPORARY TABLE second__dbt_tmp AS (SELECT x + 10 AS x FROM t)")
    cursor.execute("DELETE FROM t USING second__dbt_tmp s WHERE t.x = s.x - 10 AND t.x <= 2")
    cursor.execute("INSERT INTO t (x) (SELECT x FROM second__dbt_tmp WHERE x <= 12)")
    with endpoint.connect() as other:
        rows = other.cursor().execute("SELECT x FROM t ORDER BY x").fetchall()
    assert rows == [(3,), (4,), (11,), (12,)]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"), st.booleans()), max_size=6))
def test_any_order_of_creating_and_dropping(
    endpoint: RunningEndpoint, connection: Any, steps: list[tuple[str, str, bool]]
) -> None:
    """Four permanent tables; each step hides one by a temporary one that reads another, or shows it again."""
    sizes = {name: number for number, name in enumerate("abcd", 1)}
    hidden: dict[str, int] = {}
    connection.cursor().execute("CREATE SCHEMA IF NOT EXISTS orders")
    with endpoint.connect(schema="ORDERS") as session, endpoint.connect(schema="ORDERS") as other:
        cursor = session.cursor()
        for name, size in sizes.items():
            rows = ", ".join(f"({number})" for number in range(size))
            cursor.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM VALUES {rows} v(x)")
        for name, source, create in steps:
            if create and name not in hidden and name != source:
                hidden_size = hidden.get(source, sizes[source]) + 10
                cursor.execute(
                    f"CREATE TEMPORARY TABLE {name} AS SELECT x FROM {source}"
                    " UNION ALL SELECT * FROM VALUES (0), (0), (0), (0), (0), (0), (0), (0), (0), (0) v(x)"
                )
                hidden[name] = hidden_size
            elif not create and name in hidden:
                cursor.execute(f"DROP TABLE {name}")
                del hidden[name]
            assert {n: _count(session, n) for n in sizes} == {**sizes, **hidden}
        assert {n: _count(other, n) for n in sizes} == sizes


def test_temporary_tables_made_from_each_other(endpoint: RunningEndpoint, connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE OR REPLACE TEMPORARY TABLE s (a INT NOT NULL, b VARCHAR(3) COMMENT 'k') COMMENT = 'it''s'")
    cursor.execute("INSERT INTO s VALUES (1, 'x')")
    cursor.execute("CREATE TEMPORARY TABLE cloned CLONE s")
    cursor.execute("CREATE TEMP TABLE alike LIKE s")
    cursor.execute("CREATE OR REPLACE TABLE kept CLONE s")
    cursor.execute("CREATE OR REPLACE TEMPORARY TABLE s AS SELECT a + 1 AS a, b FROM s")
    cursor.execute("CREATE OR REPLACE TEMPORARY TABLE s (a INT, b VARCHAR(4)) AS SELECT a + 1, b || 'y' FROM s")
    cursor.execute(
        "CREATE TEMPORARY TABLE w (n INT) AS WITH s AS (SELECT a FROM s), q AS (SELECT * FROM s) SELECT a FROM q"
    )
    rows = {n: cursor.execute(f"SELECT * FROM {n}").fetchall() for n in ("s", "cloned", "alike", "kept", "w")}
    assert rows == {"s": [(3, "xy")], "cloned": [(1, "x")], "alike": [], "kept": [(1, "x")], "w": [(3,)]}
    for name in ("cloned", "alike", "kept"):
        described = [(row[0], row[1], row[3], row[9]) for row in cursor.execute(f"DESCRIBE TABLE {name}").fetchall()]
        assert described == [("A", "NUMBER(38,0)", "N", None), ("B", "VARCHAR(3)", "Y", "k")]
    with endpoint.connect() as other:
        names = {row[1] for row in other.cursor().execute("SHOW TABLES").fetchall()}
        assert "KEPT" in names
        assert not names & {"S", "CLONED", "ALIKE", "W"}


def test_a_temporary_table_is_altered_before_the_permanent_one_that_it_hides(
    endpoint: RunningEndpoint, connection: Any
) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TEMPORARY TABLE t (y INT, z INT)")
    cursor.execute("COMMENT ON TABLE t IS 'temporary'")
    cursor.execute("ALTER TABLE t DROP COLUMN z")
    cursor.execute("ALTER TABLE t ADD COLUMN v VARCHAR(2)")
    cursor.execute("INSERT INTO t VALUES (1, 'a')")
    shown = cursor.execute("SHOW TABLES LIKE 'T'").fetchall()
    assert [(row[4], row[5]) for row in shown] == [("TEMPORARY", "temporary")]
    cursor.execute("TRUNCATE TABLE t")
    assert [row[0] for row in cursor.execute("DESCRIBE TABLE t").fetchall()] == ["Y", "V"]
    cursor.execute("CREATE TEMPORARY TABLE other (o INT)")
    cursor.execute("ALTER TABLE t SWAP WITH other")
    assert [row[0] for row in cursor.execute("DESCRIBE TABLE t").fetchall()] == ["O"]
    cursor.execute("ALTER TABLE t RENAME TO renamed")
    assert (_count(connection, "renamed"), _count(connection, "t")) == (0, 4)
    with endpoint.connect() as second:
        assert [row[0] for row in second.cursor().execute("DESCRIBE TABLE t").fetchall()] == ["X"]
