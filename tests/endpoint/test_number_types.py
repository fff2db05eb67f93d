"""NUMBER holds 38 digits on every way in and out, computes exactly, and refuses what does not fit; VARCHAR(n) too."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Context, Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snowflake.connector.errors import ProgrammingError
from snowflake.connector.pandas_tools import write_pandas
from snowflake.snowpark import Session

from local_stack.endpoint.engine.engine import Engine
from tests.conftest import RunningEndpoint

LARGE = 12345678901234567890123456789012345678
LARGEST = 10**38 - 1


@pytest.fixture(scope="module")
def connection(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as opened:
        opened.cursor().execute("CREATE TABLE wide (n NUMBER(38,0), i INT, e NUMBER(18,2))")
        yield opened


@pytest.fixture
def cursor(connection: Any) -> Iterator[Any]:
    with connection.cursor() as opened:
        opened.execute("DELETE FROM wide")
        yield opened


def one(cursor: Any, sql: str, *binds: Any) -> Any:
    row = cursor.execute(sql, binds or None).fetchone()
    return row[0] if len(row) == 1 else row


def test_a_column_takes_38_digits_from_literals_binds_arrays_and_frames(
    connection: Any, cursor: Any, endpoint: RunningEndpoint
) -> None:
    cursor.execute(f"INSERT INTO wide VALUES ({LARGEST}, -{LARGEST}, 1.005)")
    cursor.execute("INSERT INTO wide (n, i) VALUES (%s, %s)", (LARGE, -LARGE))
    cursor.executemany("INSERT INTO wide (n, i) VALUES (%s, %s)", [(LARGE + 1, 1), (LARGE + 2, 2)])
    with endpoint.connect(paramstyle="qmark") as other, other.cursor() as qmark:
        qmark.executemany("INSERT INTO wide (n, i) VALUES (?, ?)", [(LARGE + 3, 3), (LARGE + 4, 4)])
        assert one(qmark, "SELECT COUNT(*) FROM wide WHERE n = ?", LARGE + 4) == 1
    write_pandas(connection, pd.DataFrame({"N": [Decimal(LARGE + 5)], "I": [5]}), "WIDE")
    assert [row[0] for row in cursor.execute("SELECT n FROM wide WHERE i BETWEEN 1 AND 9 ORDER BY i")] == [
        LARGE + step for step in (1, 2, 3, 4, 5)
    ]
    assert one(cursor, "SELECT MAX(n), MIN(i), MAX(e) FROM wide") == (LARGEST, -LARGEST, Decimal("1.01"))
    frame = cursor.execute("SELECT n, i FROM wide WHERE i BETWEEN 1 AND 9 ORDER BY i").fetch_pandas_all()
    assert frame["N"].tolist()[0] == Decimal(LARGE + 1)
    assert frame["I"].dtype == "int64"


def test_staged_files_keep_38_digits(cursor: Any) -> None:
    cursor.execute(f"INSERT INTO wide VALUES ({LARGE}, 1, 0.5)")
    cursor.execute("CREATE TEMPORARY STAGE st")
    cursor.execute("COPY INTO @st/p/ FROM wide FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE")
    cursor.execute("COPY INTO @st/c/ FROM wide FILE_FORMAT = (TYPE = CSV)")
    cursor.execute("COPY INTO @st/j/ FROM (SELECT OBJECT_CONSTRUCT('n', n) FROM wide) FILE_FORMAT = (TYPE = JSON)")
    by_name = "FILE_FORMAT = (TYPE = PARQUET) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    cursor.execute(f"COPY INTO wide FROM @st/p/ {by_name}")
    cursor.execute("COPY INTO wide FROM @st/c/ FILE_FORMAT = (TYPE = CSV)")
    cursor.execute("COPY INTO wide (n) FROM (SELECT $1:n FROM @st/j/) FILE_FORMAT = (TYPE = JSON)")
    assert cursor.execute("SELECT n, COUNT(*) FROM wide GROUP BY n").fetchall() == [(LARGE, 4)]


def test_undrop_and_clone_keep_38_digits(cursor: Any) -> None:
    cursor.execute(f"CREATE OR REPLACE TABLE kept AS SELECT {LARGE} AS n, 1::INT AS i")
    cursor.execute("CREATE OR REPLACE TABLE copied CLONE kept")
    cursor.execute("DROP TABLE kept")
    cursor.execute("UNDROP TABLE kept")
    assert cursor.execute("SELECT n + i FROM kept UNION ALL SELECT n + i FROM copied").fetchall() == [(LARGE + 1,)] * 2


def test_procedures_functions_variables_and_variants_keep_38_digits(cursor: Any) -> None:
    cursor.execute("CREATE OR REPLACE FUNCTION plus_one(a NUMBER) RETURNS NUMBER AS $$ a + 1 $$")
    cursor.execute(
        "CREATE OR REPLACE PROCEDURE twice(a NUMBER) RETURNS NUMBER LANGUAGE SQL AS"
        " $$ BEGIN LET x NUMBER := a + 1; RETURN x * 2; END $$"
    )
    cursor.execute(
        "CREATE OR REPLACE PROCEDURE handed_back(a NUMBER) RETURNS NUMBER LANGUAGE PYTHON RUNTIME_VERSION = '3.11'"
        " PACKAGES = ('snowflake-snowpark-python') HANDLER = 'f' AS $$\ndef f(session, a):\n    return -a\n$$"
    )
    assert one(cursor, f"SELECT plus_one({LARGE})") == LARGE + 1
    assert one(cursor, f"CALL twice({LARGE})") == 2 * (LARGE + 1)
    assert one(cursor, f"CALL handed_back({LARGE})") == -LARGE
    cursor.execute(f"SET x = {LARGE}")
    assert one(cursor, "SELECT $x + 1") == LARGE + 1
    assert one(cursor, f"SELECT PARSE_JSON('{{\"a\": {LARGE}}}'):a::NUMBER, TO_VARIANT({LARGE})::INT") == (LARGE, LARGE)


def test_snowpark_computes_with_38_digits(endpoint: Any) -> None:
    options = {**endpoint.connection_parameters, "database": "TEST", "schema": "PUBLIC"}
    with Session.builder.configs(options).create() as session:
        frame = session.create_dataframe([[LARGE, 2]], schema=["a", "b"])
        assert list(frame.select(frame.a + 1, frame.b * 3).collect()[0]) == [LARGE + 1, 6]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("2000000000 * 2", 4 * 10**9),
        ("2147483647 + 1", 2**31),
        ("-2000000000 - 2000000000", -4 * 10**9),
        ("9223372036854775807 + 1", 2**63),
        ("9223372036854775807 * 10", (2**63 - 1) * 10),
        ("1000000 * 1000000 * 1000000 * 1000000", 10**24),
        ("(SELECT a + a FROM (SELECT 2000000000 AS a))", 4 * 10**9),
        ("99999999.99::NUMBER(10,2) * 99999999.99::NUMBER(10,2)", Decimal("9999999998000000.0001")),
        ("999999999999999999::NUMBER(18,0) + 1", 10**18),
        ("5 % 2.5::NUMBER(5,1) + MOD(7, 4)", Decimal("3.0")),
        ("FLOOR(7) + CEIL(7)", 14),
        ("'1.5'::INT", 2),
        ("-2.5::FLOAT::INT", -3),
    ],
)
def test_arithmetic_has_38_digits(cursor: Any, expression: str, expected: Any) -> None:
    found = one(cursor, f"SELECT {expression}")
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("sql", "errno", "message"),
    [
        (f"SELECT {LARGEST} + 1", 100046, "Number out of representable range: type FIXED[SB16](38,0)"),
        (f"SELECT {LARGEST} * 10", 100046, "Number out of representable range: type FIXED[SB16](38,0)"),
        (f"SELECT SUM(x) FROM (SELECT {LARGEST} AS x UNION ALL SELECT 1)", 100046, "Number out of representable"),
        (f"SELECT {LARGEST}::NUMBER(38,2)", 100046, "Number out of representable range: type FIXED[SB16](38,2)"),
        ("SELECT 1e39::NUMBER", 100046, "Number out of representable range"),
        (f"INSERT INTO wide (n) VALUES ({LARGEST + 1})", 100039, f"Numeric value '{LARGEST + 1}' is out of range"),
        ("SELECT 1000::NUMBER(3,0)", 100046, "Number out of representable range: type FIXED[SB2](3,0), value 1000"),
        ("SELECT '1000'::NUMBER(3,0)", 100039, "Numeric value '1000' is out of range"),
        ("INSERT INTO wide (e) VALUES (1e17)", 100046, "type FIXED[SB8](18,2)"),
        ("SELECT 'x'::NUMBER", 100038, "Numeric value 'x' is not recognized"),
        ("SELECT 1 / 0", 100051, "Division by zero"),
        ("SELECT MOD(i, 0) FROM (SELECT 1 AS i)", 100051, "Division by zero"),
        ("SELECT 'abcdef'::VARCHAR(3)", 100078, "String 'abcdef' is too long and would be truncated"),
        ("SELECT CAST(123 AS CHAR)", 100078, "String '123' is too long and would be truncated"),
        ("SELECT x::STRING(2) FROM (SELECT 'abc' AS x)", 100078, "String 'abc' is too long and would be truncated"),
    ],
)
def test_what_does_not_fit_is_refused(cursor: Any, sql: str, errno: int, message: str) -> None:
    with pytest.raises(ProgrammingError) as refused:
        cursor.execute(sql)
    assert refused.value.errno == errno
    assert message in str(refused.value.msg)


def test_a_text_that_fits_is_cast(cursor: Any) -> None:
    assert one(cursor, "SELECT 'abc'::VARCHAR(3), NULL::VARCHAR(1), 12::CHAR(2), 'a'::CHAR") == ("abc", None, "12", "a")
    assert one(cursor, "SELECT TRY_CAST('abcd' AS VARCHAR(3)), TRY_CAST('abc' AS VARCHAR(3))") == (None, "abc")


def test_functions_take_positions_and_counts_from_integer_columns(cursor: Any) -> None:
    """DuckDB takes them as BIGINT or INTEGER, and converts neither the integers nor the NUMBERs of a table to these."""
    cursor.execute("CREATE OR REPLACE TEMPORARY TABLE f (n INT, k NUMBER(5,0), s VARCHAR, d DATE, a ARRAY)")
    cursor.execute("INSERT INTO f SELECT 2, 1, 'a,b,c', '2024-01-31'::DATE, ARRAY_CONSTRUCT(1, 2, 3)")
    found = one(
        cursor,
        "SELECT SUBSTR(s, n, k), LEFT(s, n), RIGHT(s, k), REPEAT(s, n), LPAD(s, 4 + n, 'x'), SPACE(k), SPLIT_PART(s, ',', n),"
        " STRTOK(s, ',', n), CHARINDEX(',', s, n), CHR(63 + n), INSERT(s, n, k, '+'),"
        " DATE_FROM_PARTS(2000 + n, k, n)::VARCHAR, DATEADD(day, n, d)::VARCHAR, ADD_MONTHS(d, k)::VARCHAR,"
        " TIMESTAMP_FROM_PARTS(2000 + n, n, n, n, n, n)::VARCHAR, GET(a, n)::INT, a[k]::INT, BITSHIFTLEFT(n, k),"
        " ARRAY_TO_STRING(ARRAY_SLICE(a, 0, n), '-'), ARRAY_SIZE(ARRAY_GENERATE_RANGE(0, n)) FROM f",
    )
    assert found == (
        ",", "a,", "c", "a,b,ca,b,c", "xa,b,c", " ", "b", "b", 2, "A", "a+b,c", "2002-01-02", "2024-02-02",
        "2024-02-29", "2002-02-02 02:02:02.000", 3, 2, 4, "1-2", 2,
    )  # fmt: skip
    windows = "SELECT LAG(s, k) OVER (ORDER BY n), NTILE(n) OVER (ORDER BY n), NTH_VALUE(s, 1) OVER (ORDER BY n) FROM f"
    assert one(cursor, windows) == (None, 1, "a,b,c")


EXACT = Context(prec=100)


def test_arithmetic_of_variants_is_that_of_their_numbers(cursor: Any) -> None:
    found = one(
        cursor,
        "SELECT v:p * 2, v:p + 1, 1 - (v:q), -v:p, v:p / 2, v:p % 2, ABS(v:p), SUM(v:p) OVER (), v:n + 1"
        ' FROM (SELECT PARSE_JSON(\'{"p": 2.5, "q": "3"}\') AS v)',
    )
    assert found == (5, 3.5, -2, -2.5, 1.25, 0.5, 2.5, 2.5, None)


@st.composite
def numbers(draw: st.DrawFn, digits: int, scale: int) -> tuple[Decimal, int, int]:
    """Draw a value with its precision and scale."""
    precision, places = draw(st.integers(1, digits)), draw(st.integers(0, scale))
    precision = max(precision, places)
    unscaled = draw(st.integers(-(10**precision) + 1, 10**precision - 1))
    return EXACT.scaleb(Decimal(unscaled), -places), precision, places


def _rounded(value: Decimal, scale: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, EXACT)


def _expected(operator: str, left: tuple[Decimal, int, int], right: tuple[Decimal, int, int]) -> Decimal:
    """Compute by the rules of https://docs.snowflake.com/en/sql-reference/operators-arithmetic."""
    (a, _, scale_a), (b, _, _) = left, right
    match operator:
        case "+":
            return EXACT.add(a, b)
        case "-":
            return EXACT.subtract(a, b)
        case "*":
            return EXACT.multiply(a, b)
        case "%":
            return EXACT.remainder(a, b)
    return _rounded(EXACT.divide(a, b), max(scale_a, min(scale_a + 6, 12)))


def _sum_fits(case: Any) -> bool:
    """Return whether a sum has at most 38 digits, at the larger scale of the two; Snowflake refuses others too."""
    _, (a, _, s), (b, _, t) = case
    return bool(max(abs(a), abs(b)) * 2 < Decimal(10) ** (38 - max(s, t)))


# Scales of products up to 12 in all: beyond that Snowflake rounds, and the endpoint does not.
_CASES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from("+-"), numbers(37, 12), numbers(24, 12)).filter(_sum_fits),
        st.tuples(st.just("*"), numbers(19, 6), numbers(19, 6)),
        st.tuples(st.sampled_from("/%"), numbers(9, 6), numbers(9, 6)),
    ).filter(lambda case: case[0] in "+-*" or case[2][0] != 0),
    min_size=10,
    max_size=30,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases=_CASES)
def test_arithmetic_is_that_of_decimals(cursor: Any, cases: list[Any]) -> None:
    """Every operator over two NUMBERs gives Snowflake's value to the last digit, as a NUMBER."""
    columns = [
        f"{a:f}::NUMBER({p},{s}) {operator} ({b:f})::NUMBER({q},{t})" for operator, (a, p, s), (b, q, t) in cases
    ]
    row = cursor.execute("SELECT " + ", ".join(columns)).fetchone()
    for column, value, (operator, left, right) in zip(columns, row, cases, strict=True):
        assert not isinstance(value, float), column
        assert Decimal(value) == _expected(operator, left, right), column


def test_a_database_of_an_older_version_is_widened_and_one_of_a_newer_refused(tmp_path: Path) -> None:
    """Format 1 kept integers as BIGINT and wrote no number of its format."""
    with duckdb.connect(str(tmp_path / "OLD.db")) as old:
        old.execute('CREATE SCHEMA "S"')
        old.execute('CREATE TABLE "S"."T" ("N" BIGINT NOT NULL, "E" DECIMAL(10,2))')
        old.execute('INSERT INTO "S"."T" VALUES (7, 1.5)')
        old.execute('CREATE VIEW "S"."V" AS SELECT "N" + 1 AS m FROM "OLD"."S"."T"')
    engine = Engine(tmp_path, tmp_path / "s3")
    engine.duck_conn.execute(f'INSERT INTO "OLD"."S"."T" VALUES ({LARGE}, 2)')
    assert engine.duck_conn.execute('SELECT max(m), count(*) FROM "OLD"."S"."V"').fetchall() == [(LARGE + 1, 2)]
    engine.duck_conn.execute('UPDATE "OLD"."_fs_information_schema"."_fs_format" SET version = 99')
    engine.close()
    with pytest.raises(RuntimeError, match="OLD has been written by a newer version"):
        Engine(tmp_path, tmp_path / "s3")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("NULL", "NULL[LOB]"),
        ("1", "NUMBER(1,0)[SB1]"),
        ("1e10", "NUMBER(11,0)[SB8]"),
        ("10000", "NUMBER(5,0)[SB4]"),
        ("-1.50", "NUMBER(3,2)[SB2]"),
        ("'something'", "VARCHAR(9)[LOB]"),
        ("1::INT", "NUMBER(38,0)[SB16]"),
        ("1::NUMBER(10,2)", "NUMBER(10,2)[SB8]"),
        ("1::FLOAT", "FLOAT[DOUBLE]"),
        ("TRUE", "BOOLEAN[SB1]"),
        ("CURRENT_DATE()", "DATE[SB4]"),
        ("'2024-01-01'::TIMESTAMP_NTZ", "TIMESTAMP_NTZ(9)[SB16]"),
        ("PARSE_JSON('1')", "VARIANT[LOB]"),
    ],
)
def test_system_typeof(cursor: Any, expression: str, expected: str) -> None:
    assert one(cursor, f"SELECT SYSTEM$TYPEOF({expression})") == expected


def test_a_number_of_any_type_is_days_of_a_date(cursor: Any) -> None:
    cursor.execute(
        "CREATE OR REPLACE TEMPORARY TABLE shifted (d DATE, i INT, n NUMBER(5,0), e NUMBER(10,2), t TIMESTAMP)"
    )
    cursor.execute("INSERT INTO shifted VALUES ('2024-01-10', 3, 4, 1.5, '2024-01-10 01:00')")
    day = dt.date(2024, 1, 10)
    found = one(
        cursor, "SELECT d + i, d - i, n + d, d + e, d - 1 - i, d - '2024-01-01'::DATE, i - n, d + i > d FROM shifted"
    )
    assert found == (*(day + dt.timedelta(days) for days in (3, -3, 4, 2, -4)), 9, -1, True)
    assert one(cursor, "SELECT MAX(d) + MAX(i), MIN(d - n) FROM shifted") == (dt.date(2024, 1, 13), dt.date(2024, 1, 6))
    cursor.execute("CREATE OR REPLACE TEMPORARY VIEW later AS SELECT d + i AS d FROM shifted WHERE d - n < d")
    assert one(cursor, "SELECT d FROM later") == dt.date(2024, 1, 13)
    with pytest.raises(ProgrammingError, match="Invalid argument types for function '\\+'"):
        cursor.execute("SELECT t + i FROM shifted")


@pytest.mark.parametrize(
    ("projections", "expected"),
    [
        ("a / b AS r, ROUND(r, 1) AS s, r + s AS t", ("3.333333", "3.3", "6.633333")),
        ("AVG(a) AS m, ROUND(m) + 1 AS n", ("10.000000", "11")),
        ("DIV0(a, 0) AS r, r * 2 AS s", ("0.000000", "0.000000")),
        ("PARSE_JSON('{\"k\": 1}') AS j, j:k::INT + a AS n", ('{\n  "k": 1\n}', "11")),
        ("'ab'::VARCHAR(2) AS v, v || 'c' AS w", ("ab", "abc")),
    ],
)
def test_a_column_may_refer_to_one_before_it(cursor: Any, projections: str, expected: tuple[str, ...]) -> None:
    cursor.execute(f"SELECT {projections} FROM (SELECT 10 AS a, 3 AS b)")
    assert tuple(map(str, cursor.fetchone())) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT CASE WHEN n > 1 THEN n ELSE s END FROM r", "1.50000"), ("SELECT IFF(n > 9, n, '2.5') FROM r", "2.5"),
        ("SELECT COALESCE(NULL, '7', n) FROM r", "7.00"), ("SELECT NVL2(s, d, s) FROM r", "2024-01-15"),
        ("SELECT DECODE(n, 1.5, s, n) FROM r", "Numeric value 'abc' is not recognized"),
        ("SELECT COALESCE(s, d) FROM r", "Date 'abc' is not recognized"),
        ("WITH q AS (SELECT UPPER(s) AS u, n + 1 AS m FROM r) SELECT GREATEST(m, u) FROM q", "Numeric value 'ABC' is not"),
        ("SELECT n FROM r WHERE IFF(FALSE, n, s) > 1", "Numeric value 'abc' is not recognized"),
        ("SELECT n FROM r UNION ALL (SELECT '2' UNION SELECT s FROM r)", "Numeric value 'abc' is not recognized"),
        ("SELECT d FROM r UNION SELECT '2024-01-15'", "2024-01-15"), ("SELECT COALESCE(s, 'x') FROM r", "abc"),
    ],
)  # fmt: skip
def test_text_beside_a_number_or_a_date_is_one(cursor: Any, query: str, expected: str) -> None:
    cursor.execute(
        "CREATE OR REPLACE TEMPORARY TABLE r AS SELECT 1.5::NUMBER(9,2) n, 'abc'::STRING s, '2024-01-15'::DATE d"
    )
    if "is not" in expected:
        with pytest.raises(ProgrammingError, match=expected):
            cursor.execute(query)
    else:
        assert str(one(cursor, query)) == expected


def test_a_quotient_is_computed_where_it_is_asked_for(cursor: Any) -> None:
    rows = "SELECT SEQ4() AS a, SEQ4() % 5 AS b FROM TABLE(GENERATOR(ROWCOUNT => 20000))"
    cursor.execute(f"CREATE OR REPLACE TEMPORARY TABLE divided AS {rows}")
    for query in (
        "SELECT COUNT(*) FROM divided WHERE b <> 0 AND a / b >= 0",
        "SELECT COUNT(*) FROM (SELECT a / b AS q FROM divided WHERE b <> 0) WHERE q >= 0",
        "SELECT COUNT(IFF(b = 0, NULL, a / b)) FROM divided",
    ):
        assert one(cursor, query) == 16000
    with pytest.raises(ProgrammingError, match="Division by zero"):
        cursor.execute("SELECT MAX(a / b) FROM divided")
