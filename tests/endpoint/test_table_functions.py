"""Python table functions over the rows of a query, through Snowpark.

See: https://docs.snowflake.com/en/developer-guide/udf/python/udf-python-tabular-functions
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from snowflake.snowpark import Session
from snowflake.snowpark.exceptions import SnowparkSQLException
from snowflake.snowpark.functions import col, lit, table_function
from snowflake.snowpark.types import IntegerType, StringType, StructField, StructType

pytestmark = pytest.mark.integration


def register(session: Session) -> None:
    """Register the two functions; what is defined here is sent by value, what a module defines by its name."""

    class Words:
        def process(self, text: str) -> Iterable[tuple[str, int]]:
            for word in sorted(set(text.split())):
                yield word, text.split().count(word)

    class Totals:
        def __init__(self) -> None:
            self._total, self._seen = 0, ""

        def process(self, n: int) -> Iterable[tuple[str, int]]:
            self._total += n
            self._seen += str(n)
            return ()

        def end_partition(self) -> Iterable[tuple[str, int]]:
            yield self._seen, self._total

    session.udtf.register(Words, ["word", "count"], name="words", replace=True)
    session.udtf.register(Totals, ["seen", "total"], name="totals", replace=True)


@pytest.fixture(scope="module")
def session(endpoint: Any) -> Iterator[Session]:
    options = {**endpoint.connection_parameters, "database": "TEST", "schema": "PUBLIC"}
    created = Session.builder.configs(options).create()
    register(created)
    yield created
    created.close()


@pytest.fixture
def texts(session: Session) -> Any:
    return session.create_dataframe([["b a", "g1", 2], ["c c", "g2", 3], ["", "g1", 1]], schema=["t", "g", "n"])


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in frame.collect()), key=str)


def test_each_row_beside_what_it_gives(session: Session, texts: Any) -> None:
    joined = texts.join_table_function("words", col("t"))
    assert rows(joined) == [("b a", "g1", 2, "a", 1), ("b a", "g1", 2, "b", 1), ("c c", "g2", 3, "c", 2)]
    assert joined.columns == ["T", "G", "N", "WORD", "COUNT"]
    assert rows(texts.select("n", table_function("words")("t"))) == [(2, "a", 1), (2, "b", 1), (3, "c", 2)]


def test_partitions_are_ordered_and_end(session: Session, texts: Any) -> None:
    totals = table_function("totals")
    joined = texts.join_table_function(totals("n").over(partition_by="g", order_by="n"))
    # A partition's end has the columns of its keys alone.
    assert rows(joined) == [(None, "g1", None, "12", 3), (None, "g2", None, "3", 3)]
    texts.write.save_as_table("texts", mode="overwrite")
    query = "SELECT totals.* FROM texts AS x, TABLE(totals(x.n * 10) OVER (PARTITION BY 1 ORDER BY n DESC)) AS totals"
    assert rows(session.sql(query)) == [("302010", 60)]


def test_within_other_queries(session: Session, texts: Any) -> None:
    texts.write.save_as_table("texts", mode="overwrite")
    query = """
        WITH g1 AS (SELECT * FROM texts WHERE g = 'g1')
        SELECT w.word, u.word AS other FROM g1, TABLE(words(g1.t)) AS w, TABLE(words(w.word || ' ' || w.word)) AS u
        WHERE u.count = 2 ORDER BY 1"""
    assert rows(session.sql(query)) == [("a", "a"), ("b", "b")]
    assert rows(session.sql("SELECT word FROM TABLE(words('y x')) UNION ALL SELECT 'z'")) == [("x",), ("y",), ("z",)]
    session.sql("CREATE OR REPLACE TABLE found AS SELECT w.* FROM texts, TABLE(words(t)) AS w").collect()
    assert session.table("found").count() == 3


def test_a_handler_that_takes_frames(session: Session, texts: Any) -> None:
    mapped = texts.group_by("g").apply_in_pandas(
        lambda frame: frame.assign(N=frame["N"].sum()),
        output_schema=StructType(
            [StructField("t", StringType()), StructField("g", StringType()), StructField("n", IntegerType())]
        ),
    )
    assert rows(mapped.select("g", "n")) == [("g1", 3), ("g1", 3), ("g2", 3)]


def test_values_of_every_type(session: Session) -> None:
    given = (1, 1.5, True, "text", b"bytes", dt.date(2024, 1, 2), dt.time(3, 4, 5, 6), dt.datetime(2024, 1, 2, 3, 4, 5))

    class Returned:
        def process(self) -> Iterable[tuple[int, float, bool, str, bytes, dt.date, dt.time, dt.datetime]]:
            yield given

    session.udtf.register(Returned, list("abcdefgh"), name="returned", replace=True)
    assert rows(session.table_function("returned")) == [(*given[:4], bytearray(given[4]), *given[5:])]


def test_what_the_handler_raises(session: Session, texts: Any) -> None:
    class Broken:
        def process(self, n: int) -> Iterable[tuple[int]]:
            yield (1 // (n - n),)

    session.udtf.register(Broken, ["x"], name="broken", replace=True)
    with pytest.raises(SnowparkSQLException, match="ZeroDivisionError"):
        texts.join_table_function("broken", col("n")).collect()
    with pytest.raises(SnowparkSQLException, match="views over table functions"):
        session.table_function("words", lit("a b")).create_or_replace_view("word_view")
