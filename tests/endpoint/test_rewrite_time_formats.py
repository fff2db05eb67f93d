"""Input and output formats of dates and times: SQL to SQL, and for a session, a statement and a CALL."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlglot
from snowflake.connector.errors import ProgrammingError

from local_stack.endpoint.translation.context import Context
from local_stack.endpoint.translation.times import input_formats
from tests.conftest import RunningEndpoint

_MONTH_FIRST = {"DATE_INPUT_FORMAT": "MM-DD-YYYY"}


def rewritten(sql: str, parameters: dict[str, str]) -> str:
    session = cast(Any, SimpleNamespace(parameter=lambda name, given: given.get(name, "AUTO")))
    expression = input_formats(sqlglot.parse_one(sql, read="snowflake"), Context(session, parameters))
    return expression.sql(dialect="snowflake", normalize_functions=False)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a::DATE AS d FROM t", "SELECT _fs_global.main._sf_date_input(a, '%m-%d-%Y') AS d FROM t"),
        ("SELECT TO_DATE(a) AS d FROM t", "SELECT _fs_global.main._sf_date_input(a, '%m-%d-%Y') AS d FROM t"),
        ("SELECT TRY_TO_DATE(a) AS d FROM t", "SELECT _fs_global.main._sf_try_date_input(a, '%m-%d-%Y') AS d FROM t"),
        ("SELECT a::TIMESTAMP_NTZ AS d FROM t", "SELECT CAST(a AS TIMESTAMPNTZ) AS d FROM t"),
    ],
)
def test_sql(sql: str, expected: str) -> None:
    assert rewritten(sql, _MONTH_FIRST) == expected
    unchanged = sqlglot.parse_one(sql, read="snowflake").sql(dialect="snowflake", normalize_functions=False)
    assert rewritten(sql, {}) == rewritten(sql, {"DATE_INPUT_FORMAT": "AUTO"}) == unchanged


@pytest.mark.integration
def test_of_a_statement_of_a_call_and_of_the_session(endpoint: RunningEndpoint) -> None:
    query = "SELECT TO_DATE(column1), TRY_TO_DATE('31-12-2000') FROM VALUES ('12-31-2000')"
    with endpoint.connect() as connection, connection.cursor() as cursor:
        with pytest.raises(ProgrammingError, match="Date '12-31-2000' is not recognized"):
            cursor.execute(query)
        expected = [(dt.date(2000, 12, 31), None)]
        assert cursor.execute(query, _statement_params=_MONTH_FIRST).fetchall() == expected
        with pytest.raises(ProgrammingError):
            cursor.execute(query)
        cursor.execute(
            "CREATE PROCEDURE last_day() RETURNS DATE LANGUAGE PYTHON RUNTIME_VERSION='3.11'"
            " PACKAGES=('snowflake-snowpark-python') HANDLER='run' AS $$\n"
            "def run(session):\n    return session.sql(\"SELECT '12-31-2000'::DATE\").collect()[0][0]\n$$"
        )
        assert cursor.execute("CALL last_day()", _statement_params=_MONTH_FIRST).fetchall() == [
            (dt.date(2000, 12, 31),)
        ]
        with pytest.raises(ProgrammingError):
            cursor.execute("CALL last_day()")
        cursor.execute("ALTER SESSION SET TIMESTAMP_INPUT_FORMAT = 'DD/MM/YYYY HH24:MI'")
        moment = "SELECT '31/12/2000 10:11'::TIMESTAMP_NTZ, TRY_TO_TIMESTAMP('x')"
        assert cursor.execute(moment).fetchall() == [(dt.datetime(2000, 12, 31, 10, 11), None)]


@pytest.mark.parametrize(
    ("offset", "utc"),
    [("+0200", 8), (" +0200", 8), (" +02:00", 8), (" +2", 8), (" -0", 10), (" +0000", 10), (" -07", 17), ("Z", 10)],
)
def test_offsets_of_every_form(endpoint: RunningEndpoint, offset: str, utc: int) -> None:
    text, instant, local = (
        f"2024-01-01 10:00:00{offset}",
        dt.datetime(2024, 1, 1, utc, tzinfo=dt.UTC),
        dt.datetime(2024, 1, 1, 10),
    )
    with endpoint.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT x::TIMESTAMP_TZ, x::TIMESTAMP_LTZ, TRY_TO_TIMESTAMP_TZ(x), TRY_CAST('?' AS TIMESTAMP_LTZ), x::TIMESTAMP_NTZ,"
            f" '{text}'::TIMESTAMP_TZ FROM (SELECT '{text}' AS x)"
        )
        assert cursor.fetchone() == (instant, instant, instant, None, local, instant)
        cursor.execute("CREATE OR REPLACE TEMPORARY TABLE written (s STRING, z TIMESTAMP_TZ, n TIMESTAMP_NTZ)")
        cursor.execute(f"INSERT INTO written VALUES ('{text}', '{text}', '{text}')")
        cursor.execute(f"INSERT INTO written (n, z, s) SELECT '{text}', '{text}', '{text}'")
        assert cursor.execute("SELECT DISTINCT * FROM written").fetchall() == [(text, instant, local)]


@pytest.mark.parametrize(
    ("zone", "offset"), [("UTC", "+0000"), ("America/Los_Angeles", "-0800"), ("Asia/Kolkata", "+0530")]
)
def test_the_offset_is_written_in_whole(endpoint: RunningEndpoint, zone: str, offset: str) -> None:
    with endpoint.connect(session_parameters={"TIMEZONE": zone}) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT t::VARCHAR, TO_CHAR(t, 'HH24:MI TZHTZM'), TO_CHAR(t, '\"at\" HH24 TZH:TZM'),"
            " TO_CHAR('2024-01-01 10:00'::TIMESTAMP_LTZ, 'HH24 TZH:TZM') FROM (SELECT '2024-01-01 10:00'::TIMESTAMP_LTZ AS t)"
        )
        colon = f"{offset[:3]}:{offset[3:]}"
        assert cursor.fetchone() == (
            f"2024-01-01 10:00:00.000 {offset}",
            f"10:00 {offset}",
            f"at 10 {colon}",
            f"10 {colon}",
        )


@pytest.mark.integration
def test_output_formats_of_a_statement_and_of_a_call(endpoint: RunningEndpoint) -> None:
    """See: https://docs.snowflake.com/en/sql-reference/date-time-input-output"""
    formats = {
        "DATE_OUTPUT_FORMAT": "DD.MM.YYYY",
        "TIMESTAMP_NTZ_OUTPUT_FORMAT": "DD.MM.YYYY HH24:MI",
        "TIMESTAMP_OUTPUT_FORMAT": "MM/DD/YYYY HH24:MI TZHTZM",
        "TIMEZONE": "America/Los_Angeles",
    }
    moment = "TO_TIMESTAMP_LTZ(1704067200)"
    query = (
        f"SELECT d::VARCHAR, TO_CHAR(d), TO_CHAR(d, 'YYYY'), n::VARCHAR, {moment}::VARCHAR"
        " FROM (SELECT DATE_FROM_PARTS(2024, 2, 1) AS d, TO_TIMESTAMP_NTZ(1704067200) AS n)"
    )
    usual = ("2024-02-01", "2024-02-01", "2024", "2024-01-01 00:00:00.000", "2024-01-01 00:00:00.000 +0000")
    other = ("01.02.2024", "01.02.2024", "2024", "01.01.2024 00:00", "12/31/2023 16:00 -0800")
    with endpoint.connect(session_parameters={"TIMEZONE": "UTC"}) as connection, connection.cursor() as cursor:
        assert cursor.execute(query).fetchall() == [usual]
        assert cursor.execute(query, _statement_params=formats).fetchall() == [other]
        cursor.execute(
            "CREATE OR REPLACE PROCEDURE written() RETURNS STRING LANGUAGE PYTHON RUNTIME_VERSION='3.11'"
            " PACKAGES=('snowflake-snowpark-python') HANDLER='run' EXECUTE AS OWNER AS $$\n"
            "def run(session):\n    return session.sql('SELECT DATE_FROM_PARTS(2024, 2, 1)::VARCHAR').collect()[0][0]\n$$"
        )
        assert cursor.execute("CALL written()").fetchall() == [("2024-02-01",)]
        assert cursor.execute("CALL written()", _statement_params=formats).fetchall() == [("01.02.2024",)]


_DETECTED = {
    "'1/31/2024'::DATE": dt.date(2024, 1, 31), "TO_DATE('31-Jan-2024')": dt.date(2024, 1, 31), "TRY_TO_DATE('31/1/2024')": None,
    "'20240102'::DATE": dt.date(1970, 8, 23), "'1/31/2024 10:11:12'::TIMESTAMP": dt.datetime(2024, 1, 31, 10, 11, 12),
    "TO_TIMESTAMP('Thu, 21 Dec 2000 16:01:07 +0200')": dt.datetime(2000, 12, 21, 16, 1, 7),
    "'Mon Jul 08 18:09:51 +0000 2013'::TIMESTAMP_NTZ": dt.datetime(2013, 7, 8, 18, 9, 51),
    "TO_TIMESTAMP('1704067200000')": dt.datetime(2024, 1, 1), "x::DATE": dt.date(2024, 2, 1), "d = '2/1/2024'": True,
    "d IN ('1-Feb-2024')": True, "d > '1/31/2024'": True, "d BETWEEN '1/31/2024' AND '2/1/2024'": True,
    "TO_TIMESTAMP('2024-01-02 15:04', 'YYYY-MM-DD HH:MI')": dt.datetime(2024, 1, 2, 15, 4),
    "TO_CHAR(t, 'HH:MI:SS.FF3 HH12 AM DY')": "15:04:05.678 03 PM Tue",
    "TIMESTAMP_NTZ_FROM_PARTS(y, 1, 2, 3, 4, 5, 6000)": dt.datetime(2024, 1, 2, 3, 4, 5, 6),
    "TIMESTAMP_LTZ_FROM_PARTS(y, 1, 2, 3, 4, 5, 6000)::TIMESTAMP_NTZ": dt.datetime(2024, 1, 2, 3, 4, 5, 6),
    "TIMESTAMP_TZ_FROM_PARTS(y, 1, 2, 3, 4, 5, 6000, 'Asia/Kolkata')::TIMESTAMP_LTZ::VARCHAR": "2024-01-01 21:34:05.000 +0000",
    "MONTHS_BETWEEN('2020-05-01 13:11:20'::TIMESTAMP, '2020-08-21 01:30:05'::TIMESTAMP)": Decimal("-3.629452"),
    "MONTHS_BETWEEN('2019-03-31'::DATE, '2019-02-28'::DATE)": 1,
    "REGEXP_REPLACE('abcabc', 'B', '<\\\\0>', 1, 2, 'i')": "abca<b>c",
    "REGEXP_REPLACE('abcabc', 'b', 'x', 3)": "abcaxc", "REGEXP_REPLACE('abcabc', '(b)(c)', '\\\\2\\\\1', 1, 0)": "acbacb",
}  # fmt: skip


@pytest.mark.integration
def test_times_in_every_form_that_is_detected(endpoint: RunningEndpoint) -> None:
    """And functions of times and texts with all their arguments."""
    with endpoint.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(_DETECTED)} FROM (SELECT '2/1/2024' AS x, '2024-02-01'::DATE AS d, 2024::INT AS y,"
            " '2024-01-02 15:04:05.678'::TIMESTAMP AS t FROM DUAL)"
        )
        assert dict(zip(_DETECTED, cursor.fetchone(), strict=True)) == _DETECTED
        cursor.execute("CREATE OR REPLACE TEMPORARY TABLE dated (d DATE, t TIMESTAMP)")
        cursor.execute("INSERT INTO dated VALUES ('1/31/2024', '31-Jan-2024')")
        cursor.execute("UPDATE dated SET t = '2/1/2024 10:00' WHERE d = '1/31/2024'")
        assert cursor.execute("SELECT * FROM dated").fetchall() == [(dt.date(2024, 1, 31), dt.datetime(2024, 2, 1, 10))]
        cursor.execute("ALTER SESSION SET DATE_INPUT_FORMAT = 'DD/MM/YYYY'")
        assert cursor.execute("SELECT '1/2/2024'::DATE").fetchone() == (dt.date(2024, 2, 1),)
