"""Snowpark's registration of procedures and functions, and functions in SQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from snowflake.snowpark import Session
from snowflake.snowpark.functions import lit, pandas_udf, udf
from snowflake.snowpark.types import IntegerType, LongType, PandasSeriesType, StringType, StructField, StructType

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration
_PACKAGES: list[Any] = ["snowflake-snowpark-python"]


@pytest.fixture
def session(endpoint: RunningEndpoint) -> Iterator[Session]:
    connection = endpoint.connect(paramstyle="qmark")
    opened = Session.builder.configs({"connection": connection}).create()
    yield opened
    opened.close()


def rows(session: Session, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.sql(sql).collect()]


def test_procedures_are_registered_temporary_named_and_anonymous(session: Session) -> None:
    def add(session: Session, a: int, b: int) -> int:
        return a + b

    types: dict[str, Any] = {
        "return_type": IntegerType(),
        "input_types": [IntegerType(), IntegerType()],
        "packages": _PACKAGES,
    }
    assert session.sproc.register(add, **types)(1, 2) == 3
    assert session.sproc.register(add, anonymous=True, **types)(3, 4) == 7
    session.sproc.register(add, name="named_add", replace=True, **types)
    assert session.call("named_add", 4, 5) == 9
    schema = session.sql("CALL named_add(1, 2)").schema
    assert [field.name for field in schema.fields] == ["NAMED_ADD"]


def test_a_registered_procedure_returns_a_table(session: Session) -> None:
    made = session.sproc.register(
        lambda session, n: session.range(n),
        return_type=StructType([StructField("a", IntegerType())]),
        input_types=[IntegerType()],
        packages=_PACKAGES,
    )
    assert [row["A"] for row in made(3).collect()] == [0, 1, 2]


def test_temporary_routines_are_their_sessions_own(session: Session, endpoint: RunningEndpoint) -> None:
    rows(session, "CREATE OR REPLACE TEMPORARY FUNCTION mine(x INT) RETURNS INT AS 'x + 1'")
    assert rows(session, "SELECT mine(1)") == [(2,)]
    with endpoint.connect() as other, pytest.raises(snowflake.connector.errors.ProgrammingError):
        other.cursor().execute("SELECT mine(1)")


def test_functions_are_registered(session: Session) -> None:
    plus = udf(
        lambda x: None if x is None else x + 1, return_type=IntegerType(), input_types=[IntegerType()], session=session
    )
    frame = session.create_dataframe([[1], [None], [3]], schema=["a"])
    assert [row[0] for row in frame.select(plus("a")).collect()] == [2, None, 4]
    twice = pandas_udf(
        lambda x: x * 2,
        return_type=PandasSeriesType(LongType()),
        input_types=[PandasSeriesType(LongType())],
        session=session,
    )
    assert [row[0] for row in session.range(1000).select(twice("id").alias("t")).sort("t").collect()] == list(
        range(0, 2000, 2)
    )


def test_a_named_function_in_sql(session: Session) -> None:
    session.udf.register(
        lambda x, y: f"{x}-{y}",
        return_type=StringType(),
        input_types=[StringType(), IntegerType()],
        name="cat_two",
        replace=True,
    )
    assert rows(session, "SELECT cat_two('a', 2), public.cat_two(NULL, 3)") == [("a-2", "None-3")]
    assert session.sql("SELECT cat_two('a', 2)").columns == ["\"CAT_TWO('A', 2)\""]
    rows(session, "CREATE OR REPLACE TABLE t AS SELECT column1 AS a FROM VALUES ('p'), ('q')")
    assert rows(session, "SELECT a FROM t WHERE cat_two(a, 1) = 'q-1'") == [("q",)]


def test_a_table_function(session: Session) -> None:
    class Count:
        def process(self, n: int) -> Iterator[tuple[int]]:
            for i in range(n):
                yield (i,)

    counted = session.udtf.register(
        Count, output_schema=StructType([StructField("i", IntegerType())]), input_types=[IntegerType()]
    )
    assert [row["I"] for row in session.table_function(counted(lit(3))).collect()] == [0, 1, 2]


def test_a_vectorized_handler_takes_frames(session: Session) -> None:
    rows(
        session,
        "CREATE OR REPLACE FUNCTION added(x INT, y INT) RETURNS INT LANGUAGE PYTHON RUNTIME_VERSION = '3.11' PACKAGES ="
        " ('pandas') HANDLER = 'f' AS $$\nimport pandas\nfrom _snowflake import vectorized\n\n"
        "@vectorized(input=pandas.DataFrame, max_batch_size=2)\ndef f(frame):\n    return frame[0] + frame[1] + len(frame)\n$$",
    )
    found = rows(session, "SELECT added(column1, 10) FROM VALUES (1), (2), (3) ORDER BY 1")
    assert found == [(13,), (14,), (14,)]


def test_a_failing_function_shows_its_traceback(session: Session) -> None:
    rows(
        session,
        "CREATE OR REPLACE FUNCTION broken(x INT) RETURNS INT LANGUAGE PYTHON RUNTIME_VERSION = '3.11' HANDLER = 'f' AS"
        " $$\ndef f(x):\n    return 1 // x\n$$",
    )
    assert rows(session, "SELECT broken(1)") == [(1,)]
    with pytest.raises(Exception, match=r"ZeroDivisionError[\s\S]*in function BROKEN with handler f"):
        rows(session, "SELECT broken(0)")
    assert rows(session, "SELECT broken(1)") == [(1,)]


def test_sql_functions_nest_and_return_tables(session: Session) -> None:
    rows(session, "CREATE OR REPLACE FUNCTION sq(x INT) RETURNS INT AS 'x * x'")
    rows(session, "CREATE OR REPLACE FUNCTION quad(x INT, y INT DEFAULT 1) RETURNS INT AS 'sq(sq(x)) + y'")
    assert rows(session, "SELECT quad(2), quad(2, 0), quad(y => 5, x => 1)") == [(17, 16, 6)]
    rows(
        session,
        "CREATE OR REPLACE FUNCTION upto(n INT) RETURNS TABLE(v INT) AS"
        " $$ SELECT column1 FROM VALUES (1), (2), (3) WHERE column1 <= n $$",
    )
    assert rows(session, "SELECT * FROM TABLE(upto(2)) ORDER BY 1") == [(1,), (2,)]
    rows(session, "DROP FUNCTION sq(INT)")
    with pytest.raises(Exception, match=r"(?i)sq"):
        rows(session, "SELECT quad(2)")


def test_sql_functions_take_binds_and_have_names_of_other_databases(session: Session) -> None:
    rows(session, "CREATE OR REPLACE FUNCTION safe_divide(a INT, b INT) RETURNS FLOAT AS 'IFF(b = 0, NULL, a / b)'")
    sql = "SELECT safe_divide(x, ?), SAFE_DIVIDE(?, 2), safe_divide(1, 0) AS x FROM (SELECT ? AS x)"
    found = session.sql(sql, params=[4, 7, 10])
    assert [tuple(row) for row in found.collect()] == [(2.5, 3.5, None)]
    assert found.columns == ['"SAFE_DIVIDE(X, ?)"', '"SAFE_DIVIDE(?, 2)"', "X"]
    rows(
        session,
        "CREATE OR REPLACE FUNCTION above(n INT) RETURNS TABLE(v INT) AS 'SELECT column1 FROM VALUES (n), (n + 1)'",
    )
    table = "SELECT t.v + ? FROM TABLE(above(?)) t WHERE v > ? ORDER BY 1"
    assert [tuple(row) for row in session.sql(table, params=[100, 5, 5]).collect()] == [(106,)]
    of_rows = "SELECT x, v, w FROM (SELECT 1 AS x) t, TABLE(above(t.x)), TABLE(above(v)) u (w) ORDER BY v, w"
    assert rows(session, of_rows) == [(1, 1, 1), (1, 1, 2), (1, 2, 2), (1, 2, 3)]


def test_overloads_of_functions_are_chosen_by_type(session: Session) -> None:
    for kind in ("INT", "VARCHAR", "DATE"):
        rows(session, f"CREATE OR REPLACE FUNCTION kind_of(a {kind}) RETURNS VARCHAR AS $$'{kind}'$$")
    rows(
        session, "CREATE OR REPLACE TEMPORARY TABLE kinds AS SELECT 1 AS i, 'a'::VARCHAR AS s, '2024-01-01'::DATE AS d"
    )
    found = rows(
        session, "SELECT kind_of(i), kind_of(s), kind_of(d), kind_of(kind_of(i)), kind_of(2), kind_of('x') FROM kinds"
    )
    assert found == [("INT", "VARCHAR", "DATE", "VARCHAR", "INT", "VARCHAR")]
    assert rows(session, "WITH k AS (SELECT d AS e FROM kinds) SELECT kind_of(MAX(e)) FROM k") == [("DATE",)]
    rows(session, "UPDATE kinds SET s = kind_of(i) || kind_of(s)")
    assert rows(session, "SELECT s FROM kinds") == [("INTVARCHAR",)]
    bound = session.sql("SELECT kind_of(?), kind_of(?)", params=[1, "x"]).collect()
    assert [tuple(row) for row in bound] == [("INT", "VARCHAR")]


def test_session_file_works_in_a_handler(session: Session, tmp_path: Path) -> None:
    source = str(tmp_path / "hello.txt")
    Path(source).write_text("hi")

    def move(session: Session, source: str) -> str:
        session.sql("CREATE OR REPLACE TEMPORARY STAGE handed").collect()
        session.file.put(source, "@handed", auto_compress=False)
        return bytes(session.file.get_stream("@handed/hello.txt").read()).decode()

    moved = session.sproc.register(move, return_type=StringType(), input_types=[StringType()], packages=_PACKAGES)
    assert moved(source) == "hi"


def test_routines_and_packages_in_the_information_schema(session: Session) -> None:
    rows(session, "CREATE OR REPLACE FUNCTION listed(x INT) RETURNS INT AS 'x'")
    query = "SELECT argument_signature, data_type FROM INFORMATION_SCHEMA.FUNCTIONS WHERE function_name = 'LISTED'"
    assert rows(session, query) == [("(X NUMBER)", "NUMBER(38,0)")]
    found = rows(
        session,
        "SELECT DISTINCT language FROM INFORMATION_SCHEMA.PACKAGES WHERE package_name = 'snowflake-snowpark-python'",
    )
    assert found == [("python",)]
    joined = (
        "SELECT COUNT(*) > 0 FROM INFORMATION_SCHEMA.PACKAGES p JOIN (SELECT 'python' AS language) l USING (language)"
    )
    assert rows(session, joined) == [(True,)]
