"""Snowpark's DataFrame calls through the real client."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from snowflake.snowpark import Session, Window
from snowflake.snowpark import functions as f
from snowflake.snowpark.exceptions import SnowparkColumnException, SnowparkSQLException
from snowflake.snowpark.types import BinaryType, StructField, StructType, TimeType

pytestmark = pytest.mark.integration

SALES = [(1, 100, "JAN"), (1, 50, "FEB"), (2, 70, "JAN"), (2, 30, "JAN")]


@pytest.fixture(scope="module")
def session(endpoint: Any) -> Iterator[Session]:
    options = {**endpoint.connection_parameters, "database": "TEST", "schema": "PUBLIC"}
    created = Session.builder.configs(options).create()
    yield created
    created.close()


@pytest.fixture
def sales(session: Session) -> Any:
    return session.create_dataframe(SALES, schema=["empid", "amount", "month"])


def values(frame: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in frame.collect()]


def test_local_rows_with_nulls(session: Session) -> None:
    frame = session.create_dataframe([[1, None], [2, "x"]], schema=["a", "b"])
    assert values(frame) == [(1, None), (2, "x")]
    assert values(frame.filter(f.col("b").is_null()).select("a")) == [(1,)]


def test_local_rows_of_many_types(session: Session) -> None:
    row = (True, 1.5, Decimal("2.50"), dt.date(2024, 1, 2), dt.datetime(2024, 1, 2, 3, 4, 5), "雪'\"\\")
    frame = session.create_dataframe([row], schema=list("abcdef"))
    assert values(frame) == [row]


def test_times_and_binary(session: Session) -> None:
    schema = StructType([StructField("t", TimeType()), StructField("b", BinaryType())])
    frame = session.create_dataframe([[dt.time(20, 57, 6), b"abc"], [None, None]], schema)
    assert values(frame) == [(dt.time(20, 57, 6), bytearray(b"abc")), (None, None)]


def test_more_local_rows_than_a_literal_takes(session: Session) -> None:
    frame = session.create_dataframe([[n, str(n)] for n in range(600)], schema=["a", "b"])
    assert frame.count() == 600


def test_range(session: Session) -> None:
    assert values(session.range(3, 9, 2)) == [(3,), (5,), (7,)]
    assert values(session.range(5, 0, -2)) == [(5,), (3,), (1,)]


def test_show(session: Session, sales: Any, capsys: pytest.CaptureFixture[str]) -> None:
    sales.sort("empid", "amount").limit(1).show()
    assert '"EMPID"' in capsys.readouterr().out


def test_grouping(sales: Any) -> None:
    assert values(sales.group_by("empid").agg(f.sum("amount")).sort("empid")) == [(1, 150), (2, 100)]
    assert (None, 250) in values(sales.rollup("empid").agg(f.sum("amount")))
    assert len(values(sales.cube("empid", "month").agg(f.sum("amount")))) == 3 + 3 + 2
    with pytest.raises(SnowparkSQLException, match="001003"):
        sales.rollup([]).agg(f.sum("amount")).collect()


def test_pivot(sales: Any) -> None:
    pivoted = sales.pivot("month", ["JAN", "FEB"]).agg(f.sum("amount")).sort("empid")
    assert pivoted.schema.names == ["EMPID", "\"'JAN'\"", "\"'FEB'\""]
    assert values(pivoted) == [(1, 100, 50), (2, 100, None)]


def test_pivot_over_the_values_found(sales: Any) -> None:
    assert values(sales.pivot("month").agg(f.sum("amount")).sort("empid")) == [(1, 50, 100), (2, None, 100)]


def test_pivot_with_a_default(sales: Any) -> None:
    pivoted = sales.pivot("month", ["JAN", "FEB"], default_on_null=0).agg(f.sum("amount")).sort("empid")
    assert values(pivoted) == [(1, 100, 50), (2, 100, 0)]


def test_unpivot(session: Session) -> None:
    wide = session.create_dataframe([(1, 10, 20)], schema=["id", "jan", "feb"])
    assert values(wide.unpivot("sales", "month", ["jan", "feb"]).sort("month")) == [(1, "FEB", 20), (1, "JAN", 10)]


def test_set_operations(session: Session) -> None:
    left = session.create_dataframe([[1, 2], [3, 4]], schema=["a", "b"])
    right = session.create_dataframe([[2, 1]], schema=["b", "a"])
    assert values(left.union_by_name(right).sort("a")) == [(1, 2), (3, 4)]
    assert len(values(left.union_all_by_name(right))) == 3
    assert values(left.except_(right.select("a", "b"))) == [(3, 4)]
    assert values(left.intersect(right.select("a", "b"))) == [(1, 2)]


def test_windows(sales: Any) -> None:
    by_employee = Window.partition_by("empid").order_by("amount")
    ranked = sales.select("empid", "amount", f.row_number().over(by_employee).alias("n"))
    assert values(ranked.filter(f.col("n") == 1).sort("empid").select("amount")) == [(50,), (30,)]
    running = f.sum("amount").over(by_employee.rows_between(Window.UNBOUNDED_PRECEDING, Window.CURRENT_ROW))
    assert values(sales.filter(f.col("empid") == 1).select(running.alias("s")).sort("s")) == [(50,), (150,)]


def test_flatten(session: Session) -> None:
    rows = session.create_dataframe(['{"a":[1,2]}'], schema=["j"]).select(f.parse_json("j").alias("j"))
    flattened = rows.flatten(rows["j"]["a"]).select("value", "index", "path").sort("index")
    assert values(flattened) == [("1", 0, "[0]"), ("2", 1, "[1]")]
    whole = session.flatten(f.parse_json(f.lit('{"a":{"b":1}}')), recursive=True).select("path").sort("path")
    assert values(whole) == [("a",), ("a.b",)]
    # Once the time and the memory of this grew with the square of the length.
    days = (
        "SELECT DATEADD(day, value::INT, '2000-01-01'::DATE) AS d FROM TABLE(FLATTEN(ARRAY_GENERATE_RANGE(0, 36525)))"
    )
    assert values(session.sql(days).select(f.count_distinct("d"))) == [(36525,)]
    empty = session.flatten(f.parse_json(f.lit("[]")), outer=True).select("value")
    assert values(empty) == [(None,)]


def test_semi_structured_values_are_indented(session: Session) -> None:
    frame = session.sql('SELECT PARSE_JSON(\'{"b":1,"a":[1]}\') AS v')
    assert values(frame) == [('{\n  "a": [\n    1\n  ],\n  "b": 1\n}',)]


def test_samples(session: Session) -> None:
    frame = session.range(2000)
    assert frame.sample(n=100).count() == 100
    assert 700 < frame.sample(frac=0.5).count() < 1300
    assert sum(part.count() for part in frame.random_split([0.5, 0.5])) == 2000


def test_missing_values(session: Session) -> None:
    frame = session.create_dataframe([[1, "x"], [None, "y"]], schema=["a", "b"])
    assert values(frame.na.fill({"a": 0}).sort("a")) == [(0, "y"), (1, "x")]
    assert values(frame.na.drop()) == [(1, "x")]


def test_describe(sales: Any) -> None:
    statistics = {row[0]: row for row in sales.describe("amount").collect()}
    assert (statistics["count"][1], statistics["min"][1], statistics["max"][1]) == (4, 30, 100)


def test_statistics(session: Session) -> None:
    frame = session.create_dataframe([[n, n * 2] for n in range(10)], schema=["a", "b"])
    assert frame.stat.corr("a", "b") == pytest.approx(1)
    assert frame.stat.approx_quantile("a", [0.5]) == [4.5]
    text = session.create_dataframe([["x", "y"]], schema=["a", "b"])
    with pytest.raises(SnowparkSQLException, match="is not recognized"):
        text.stat.corr("a", "b")


def test_explain_compiles_without_running(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    session.range(3).explain()
    assert "Result" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("initcap('asdFg qqq')", "Asdfg Qqq"),
        ("soundex('apple')", "a140"),
        ("ltrim('aab', 'a')", "b"),
        ("width_bucket(5, 0, 10, 5)", 3),
        ("octet_length('ü')", 2),
        ("is_integer(to_variant(1))", True),
        ("as_varchar(parse_json('\"a\"'))", "a"),
        ("as_integer(parse_json('\"a\"'))", None),
        ("get_ignore_case(parse_json('{\"aB\":1}'), 'ab')", "1"),
        ("object_delete(object_construct('a', 1, 'b', 2), 'b')", '{\n  "a": 1\n}'),
        ("object_pick(object_construct('a', 1, 'b', 2), 'b')", '{\n  "b": 2\n}'),
        ("object_insert(object_construct('a', 1), 'b', 2)", '{\n  "a": 1,\n  "b": 2\n}'),
        ("'616263'::binary", bytearray(b"abc")),
        ("time('01:02:03')", dt.time(1, 2, 3)),
        ("last_day('2020-02-11'::date)", dt.date(2020, 2, 29)),
    ],
)
def test_functions(session: Session, expression: str, expected: Any) -> None:
    assert values(session.sql(f"SELECT {expression}")) == [(expected,)]


def test_columns_of_the_same_name_keep_it(session: Session) -> None:
    twice = session.sql("SELECT 1 AS a, 2 AS a")
    assert twice.columns == ["A", "A"]
    with pytest.raises(SnowparkColumnException, match="has 2 columns named"):
        twice.rename("a", "b")


def test_lengths_of_text_are_told(session: Session) -> None:
    session.sql("CREATE OR REPLACE TABLE lengths (a VARCHAR(7), b VARCHAR)").collect()
    assert [str(field.datatype) for field in session.table("lengths").schema.fields] == [
        "StringType(7)",
        "StringType()",
    ]
    told = session.sql("SELECT 'abc' AS c, a::VARCHAR(3) AS d, a || 'x' AS e FROM lengths").schema
    assert [str(field.datatype) for field in told.fields] == ["StringType(3)", "StringType(3)", "StringType()"]
    assert not session.sql("INSERT INTO lengths VALUES ('a', 'b')").schema.fields[0].nullable


def test_elements_come_in_their_order(session: Session) -> None:
    rows = [[n, f"{n},20,30"] for n in range(3)]
    session.create_dataframe(rows, schema=["n", "t"]).write.save_as_table("listed", mode="overwrite")
    frame = session.table("listed")
    expected = [(n, part) for n in range(3) for part in (str(n), "20", "30")]
    assert values(frame.join_table_function("split_to_table", "t", f.lit(",")).select("n", "value")) == expected
    arrays = frame.select("n", f.split("t", f.lit(",")).alias("a"))
    flat = arrays.flatten("a").select("n", f.col("value").cast("string"), "path", "index")
    assert [row[:2] for row in values(flat)] == expected
    assert [row[2:] for row in values(flat)[:3]] == [("[0]", 0), ("[1]", 1), ("[2]", 2)]
    nested = session.sql('SELECT PARSE_JSON(\'{"a": {"b c": 1, "d": [2]}}\') AS v')
    paths = nested.flatten("v", "a").select("path", "key", "value")
    assert sorted(values(paths)) == [("a.d", "d", "[\n  2\n]"), ("a['b c']", "b c", "1")]
    assert nested.flatten("v", "x").count() == 0
    assert values(nested.flatten("v", "x", outer=True).select("value", "index")) == [(None, None)]
