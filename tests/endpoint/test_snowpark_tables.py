"""Snowpark's calls that write: tables, views, merges, temporary results; and its errors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from snowflake.snowpark import Session
from snowflake.snowpark import functions as f
from snowflake.snowpark.exceptions import SnowparkSQLException

pytestmark = pytest.mark.integration
_NUMBERS = count(1)


@pytest.fixture(scope="module")
def session(endpoint: Any) -> Iterator[Session]:
    options = {**endpoint.connection_parameters, "database": "TEST", "schema": "PUBLIC"}
    created = Session.builder.configs(options).create()
    yield created
    created.close()


@pytest.fixture
def name(session: Session) -> Iterator[str]:
    """A table of two rows (1, 'a'), (2, 'b')."""
    name = f"TABLE_{next(_NUMBERS)}"
    session.create_dataframe([[1, "a"], [2, "b"]], schema=["k", "v"]).write.save_as_table(name)
    yield name
    session.sql(f"DROP TABLE IF EXISTS {name}").collect()


def values(frame: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in frame.collect()), key=str)


def test_append_and_overwrite(session: Session, name: str) -> None:
    more = session.create_dataframe([[3, "c"]], schema=["k", "v"])
    more.write.save_as_table(name, mode="append")
    assert values(session.table(name)) == [(1, "a"), (2, "b"), (3, "c")]
    more.write.save_as_table(name, mode="overwrite")
    assert values(session.table(name)) == [(3, "c")]
    more.write.save_as_table(name, mode="ignore")
    with pytest.raises(SnowparkSQLException, match="already exists"):
        more.write.save_as_table(name, mode="errorifexists")


def test_update_and_delete(session: Session, name: str) -> None:
    table = session.table(name)
    assert table.update({"v": f.lit("z")}, f.col("k") == 1).rows_updated == 1
    assert table.delete(f.col("k") == 2).rows_deleted == 1
    assert values(table) == [(1, "z")]


def test_merge(session: Session, name: str) -> None:
    target = session.table(name)
    source = session.create_dataframe([[2, "B"], [3, "c"]], schema=["k", "v"])
    result = target.merge(
        source,
        target["k"] == source["k"],
        [
            f.when_matched().update({"v": source["v"]}),
            f.when_not_matched().insert({"k": source["k"], "v": source["v"]}),
        ],
    )
    assert (result.rows_inserted, result.rows_updated) == (1, 1)
    assert values(target) == [(1, "a"), (2, "B"), (3, "c")]


def test_cached_results_do_not_change(session: Session, name: str) -> None:
    with session.table(name).cache_result() as cached:
        session.table(name).delete()
        assert values(cached) == [(1, "a"), (2, "b")]
    with pytest.raises(SnowparkSQLException, match="does not exist or not authorized"):
        cached.collect()


def test_views(session: Session, name: str) -> None:
    session.table(name).select(f.max("k").alias("m")).create_or_replace_view(f"{name}_V")
    session.create_dataframe([[9, "i"]], schema=["k", "v"]).write.save_as_table(name, mode="append")
    assert values(session.table(f"{name}_V")) == [(9,)]


def test_bound_parameters(session: Session, name: str) -> None:
    assert values(session.sql(f"SELECT v FROM {name} WHERE k = ?", [2])) == [("b",)]
    assert values(session.sql("SELECT * FROM VALUES (?, ?) AS t(a, b)", [1, "x"]).filter(f.col("b") == "x")) == [
        (1, "x")
    ]
    session.sql(f"UPDATE {name} SET v = ? WHERE k = ?", ["q", 1]).collect()
    assert values(session.table(name)) == [(1, "q"), (2, "b")]


def test_query_tags(session: Session) -> None:
    session.query_tag = "one run"
    assert session.query_tag == "one run"
    session.sql("ALTER SESSION UNSET QUERY_TAG").collect()


def test_results_of_show_can_be_queried(session: Session, name: str) -> None:
    listed = session.sql(f"SHOW TABLES LIKE '{name}'").select('"name"')
    assert values(listed) == [(name,)]


def test_pandas(session: Session, name: str) -> None:
    frame = session.table(name).sort("k").to_pandas()
    assert (list(frame.columns), frame["K"].tolist(), frame["V"].tolist()) == (["K", "V"], [1, 2], ["a", "b"])


def test_asynchronous_results(session: Session, name: str) -> None:
    job = session.table(name).collect_nowait()
    assert sorted(row["K"] for row in job.result()) == [1, 2]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM nothing_there", "002003.*does not exist or not authorized"),
        ("SELECT no_column FROM (SELECT 1 AS a)", "000904.*invalid identifier"),
        ("SELECT no_such_function(1)", "002140.*Unknown function"),
        ("SELECT 'x'::INT", "100038.*Numeric value 'x' is not recognized"),
        ("SELECT 1 FROM", "001003"),
    ],
)
def test_errors(session: Session, sql: str, message: str) -> None:
    with pytest.raises(SnowparkSQLException, match=f"(?s){message}"):
        session.sql(sql).collect()
