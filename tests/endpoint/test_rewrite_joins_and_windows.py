"""Joins without condition, windows without order or frame, tables made of a text's parts: SQL to SQL, and by behaviour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
import sqlglot
from snowflake.connector.errors import ProgrammingError

from local_stack.endpoint.statements import SqlError
from local_stack.endpoint.translation.context import Context, Rewrite
from local_stack.endpoint.translation.names import split_tables
from local_stack.endpoint.translation.queries import joins, windows
from tests.conftest import RunningEndpoint

_WHOLE = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"


def rewritten(rewrite: Rewrite, sql: str) -> str:
    return rewrite(sqlglot.parse_one(sql, read="snowflake"), cast(Context, None)).sql(
        dialect="duckdb", normalize_functions=False
    )


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1 FROM (a JOIN b)", "SELECT 1 FROM (a CROSS JOIN b)"),
        ("SELECT 1 FROM a INNER JOIN b", "SELECT 1 FROM a CROSS JOIN b"),
        ("SELECT 1 FROM a, b", "SELECT 1 FROM a, b"),
        ("SELECT 1 FROM (a JOIN b ON a.x = b.x)", "SELECT 1 FROM (a JOIN b ON a.x = b.x)"),
        ("SELECT 1 FROM (a LEFT JOIN b USING (x))", "SELECT 1 FROM (a LEFT JOIN b USING (x))"),
        ("SELECT 1 FROM (a NATURAL JOIN b)", "SELECT 1 FROM (a NATURAL JOIN b)"),
    ],
)
def test_a_join_without_condition_is_a_cross_join(sql: str, expected: str) -> None:
    assert rewritten(joins, sql) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT LAST_VALUE(a) OVER (ORDER BY b) FROM t", f"SELECT LAST_VALUE(a) OVER (ORDER BY b {_WHOLE}) FROM t"),
        (
            "SELECT FIRST_VALUE(a) IGNORE NULLS OVER (ORDER BY b) FROM t",
            f"SELECT FIRST_VALUE(a IGNORE NULLS) OVER (ORDER BY b {_WHOLE}) FROM t",
        ),
        (
            "SELECT LAST_VALUE(a) OVER (ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
            "SELECT LAST_VALUE(a) OVER (ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
        ),
        ("SELECT SUM(a) OVER (PARTITION BY b) FROM t", "SELECT SUM(a) OVER (PARTITION BY b) FROM t"),
        ("SELECT ROW_NUMBER() OVER (ORDER BY b) FROM t", "SELECT ROW_NUMBER() OVER (ORDER BY b) FROM t"),
    ],
)
def test_rows_are_picked_from_the_whole_partition(sql: str, expected: str) -> None:
    assert rewritten(windows, sql.replace("ORDER BY b", "ORDER BY b NULLS LAST")) == expected


@pytest.mark.parametrize("call", ["ROW_NUMBER()", "RANK()", "NTILE(2)", "LAG(a)", "LAST_VALUE(a)"])
def test_an_order_is_demanded(call: str) -> None:
    with pytest.raises(SqlError, match=r"Window function type \[\w+\] requires ORDER BY in window specification"):
        rewritten(windows, f"SELECT {call} OVER (PARTITION BY a) FROM t")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "SELECT 1 FROM q, LATERAL SPLIT_TO_TABLE(q.t, '.') AS s",
            "SELECT 1 FROM q, _fs_global.main._sp_split_to_table(q.t, '.') AS s",
        ),
        (
            "SELECT 1 FROM TABLE(STRTOK_SPLIT_TO_TABLE('a b'))",
            "SELECT 1 FROM _fs_global.main._sp_strtok_split_to_table('a b', ' ')",
        ),
    ],
)
def test_texts_are_split_into_rows(sql: str, expected: str) -> None:
    assert rewritten(split_tables, sql) == expected


@pytest.fixture
def cursor(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as connection, connection.cursor() as opened:
        opened.execute("CREATE OR REPLACE TABLE a (x INT, y INT)")
        opened.execute("INSERT INTO a VALUES (1, 10), (2, 20), (3, 30)")
        yield opened


@pytest.mark.integration
def test_joins_by_behaviour(cursor: Any) -> None:
    assert cursor.execute(
        "SELECT COUNT(*) FROM ((SELECT x FROM a) AS l INNER JOIN (SELECT y FROM a) AS r)"
    ).fetchall() == [(9,)]
    assert cursor.execute("SELECT COUNT(*) FROM (a AS l JOIN a AS r JOIN a AS s)").fetchall() == [(27,)]
    # The nearest row that is not later; rows without one stay.
    cursor.execute(
        "SELECT l.x, r.y FROM (SELECT x, 1 AS k FROM a) l ASOF JOIN (SELECT x, y, 1 AS k FROM a WHERE x = 2) r"
        " MATCH_CONDITION (l.x >= r.x) ON l.k = r.k ORDER BY ALL"
    )
    assert cursor.fetchall() == [(1, None), (2, 20), (3, 20)]
    cursor.execute("SELECT l.x, r.x FROM a l ASOF JOIN a r MATCH_CONDITION (l.x < r.x) ORDER BY ALL DESC")
    assert cursor.fetchall() == [(3, None), (2, 3), (1, 2)]


@pytest.mark.integration
def test_windows_by_behaviour(cursor: Any) -> None:
    last = "SELECT x, LAST_VALUE(y) OVER (ORDER BY x), NTH_VALUE(y, 2) OVER (ORDER BY x) FROM a ORDER BY x"
    assert cursor.execute(last).fetchall() == [(1, 30, 20), (2, 30, 20), (3, 30, 20)]
    cursor.execute("SELECT CONDITIONAL_TRUE_EVENT(c > 1) OVER (ORDER BY c) FROM VALUES (1), (2), (2) t(c)")
    assert cursor.fetchall() == [(0,), (1,), (2,)]
    with pytest.raises(ProgrammingError, match="requires ORDER BY"):
        cursor.execute("SELECT ROW_NUMBER() OVER (PARTITION BY x) FROM a")


@pytest.mark.integration
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT column1, COUNT(*) FROM {rows} GROUP BY column1", [(1, 1), (2, 2), (3, 1), (None, 1)]),
        ("SELECT COUNT(*), column1 FROM {rows} GROUP BY 2 HAVING COUNT(*) < 2", [(1, 1), (1, 3), (1, None)]),
        ("SELECT column1 % 2 AS p, SUM(column1) FROM {rows} GROUP BY p", [(0, 4), (1, 4), (None, None)]),
        ("SELECT DISTINCT column1 FROM {rows}", [(1,), (2,), (3,), (None,)]),
        ("SELECT column1, COUNT(*) FROM {rows} GROUP BY column1 ORDER BY column1 DESC LIMIT 2", [(None, 1), (3, 1)]),
        ("SELECT 'k', COUNT(*) FROM {rows} GROUP BY 'k'", [("k", 5)]),
    ],
)
def test_groups_come_in_the_order_of_their_keys(cursor: Any, query: str, expected: list[tuple[Any, ...]]) -> None:
    assert cursor.execute(query.format(rows="VALUES (3), (2), (NULL), (1), (2)")).fetchall() == expected


@pytest.mark.integration
def test_windows_that_slide(cursor: Any) -> None:
    """AVG has three digits more there, cut off; a window ends where Snowflake says that it does."""
    averages = "AVG(x) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING), AVG(x) OVER (ORDER BY x)"
    cursor.execute(f"WITH c AS (SELECT x FROM a UNION ALL SELECT 6) SELECT {averages} FROM c ORDER BY x")
    found = cursor.fetchall()
    assert [tuple(map(str, row)) for row in found] == [
        ("1.500", "1.000000"), ("2.000", "1.500000"), ("3.666", "2.000000"), ("4.500", "3.000000"),
    ]  # fmt: skip
    for frame, kind in (
        ("1 PRECEDING AND 1 FOLLOWING", "Sliding"),
        ("UNBOUNDED PRECEDING AND 1 FOLLOWING", "Cumulative"),
    ):
        with pytest.raises(ProgrammingError, match=f"{kind} window frame unsupported for function MIN"):
            cursor.execute(f"SELECT MIN(x) OVER (ORDER BY x, y RANGE BETWEEN {frame}) FROM a")
    with pytest.raises(ProgrammingError, match="outside of SELECT, QUALIFY, and ORDER BY clauses"):
        cursor.execute("SELECT x FROM a WHERE ROW_NUMBER() OVER (ORDER BY x) = 1")


@pytest.mark.integration
def test_split_to_table_by_behaviour(cursor: Any) -> None:
    lateral = (
        "SELECT q.k, s.seq, s.index, s.value FROM (SELECT column1 AS k, column2 AS t FROM VALUES (1, 'a.b'), (2, '')) AS q,"
        " LATERAL SPLIT_TO_TABLE(q.t, '.') AS s ORDER BY 1, 3"
    )
    assert cursor.execute(lateral).fetchall() == [(1, 1, 1, "a"), (1, 1, 2, "b"), (2, 1, 1, "")]
    tokens = "SELECT index, value FROM TABLE(STRTOK_SPLIT_TO_TABLE(',a.b,,c', '.,')) ORDER BY 1"
    assert cursor.execute(tokens).fetchall() == [(1, "a"), (2, "b"), (3, "c")]


@pytest.mark.integration
def test_an_update_from_several_source_rows_counts_each_target_once(cursor: Any) -> None:
    source = "(SELECT column1 AS x, column2 AS y FROM VALUES (1, 5), (1, 5), (2, 6), (9, 9)) AS s"
    assert cursor.execute(f"UPDATE a SET y = s.y FROM {source} WHERE a.x = s.x").fetchall() == [(2, 1)]
    assert cursor.execute("SELECT * FROM a ORDER BY x").fetchall() == [(1, 5), (2, 6), (3, 30)]
    bound = f"UPDATE a SET y = s.y + ? FROM {source} WHERE a.x = s.x AND s.y > ?"
    assert cursor.execute(bound, (100, 5), _force_qmark_paramstyle=True).fetchall() == [(1, 0)]
    assert cursor.execute("SELECT y FROM a WHERE x = 2").fetchall() == [(106,)]


def test_changes_are_counted(cursor: Any) -> None:
    """See: https://docs.snowflake.com/en/sql-reference/functions/conditional_change_event"""
    rows = "VALUES ('A', 1, 0), ('A', 2, 0), ('A', 3, 13), ('A', 4, NULL), ('B', 5, 30), ('B', 6, 13) AS t(p, o, x)"
    counted = f"SELECT CONDITIONAL_CHANGE_EVENT(x) OVER (PARTITION BY p ORDER BY o) FROM {rows} ORDER BY o"
    assert [row[0] for row in cursor.execute(counted).fetchall()] == [0, 0, 1, 1, 0, 1]


def test_columns_are_named_by_position_and_by_name(cursor: Any) -> None:
    """See: https://docs.snowflake.com/en/sql-reference/sql/merge (ALL BY NAME)"""
    for sql in ("CREATE OR REPLACE TABLE t (id INT, s STRING)", "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
                "CREATE OR REPLACE TABLE u AS SELECT 'x' AS s, 1 AS id UNION ALL SELECT 'y', 3"):  # fmt: skip
        cursor.execute(sql)
    joined = "SELECT a.$2, b.$1 FROM t a JOIN u b ON a.$1 = b.$2"
    assert cursor.execute(joined).fetchall() == [("a", "x")]
    merge = "MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN UPDATE ALL BY NAME WHEN NOT MATCHED THEN INSERT ALL BY NAME"
    assert cursor.execute(merge).fetchall() == [(1, 1)]
    assert cursor.execute("SELECT * FROM t ORDER BY id").fetchall() == [(1, "x"), (2, "b"), (3, "y")]
    with pytest.raises(Exception, match="MATCH_RECOGNIZE"):
        cursor.execute(
            "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY id ALL ROWS PER MATCH PATTERN (a) DEFINE a AS id > 1)"
        )
