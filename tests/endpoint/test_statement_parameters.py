"""Parameters that a client sends with one statement hold for that statement and for what it runs, no longer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import RunningEndpoint


@pytest.fixture(scope="module")
def cursor(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as connection:
        yield connection.cursor()


def run(cursor: Any, sql: str, **parameters: Any) -> Any:
    """The first value of a statement's result."""
    return cursor.execute(sql, _statement_params=parameters).fetchone()[0]


def shown(cursor: Any, name: str, **parameters: Any) -> str:
    return str(cursor.execute(f"SHOW PARAMETERS LIKE '{name}'", _statement_params=parameters).fetchone()[1])


@pytest.mark.parametrize(
    ("name", "value", "sql", "expected"),
    [
        ("DATE_INPUT_FORMAT", "DD/MM/YYYY", "SELECT TO_VARCHAR('03/02/2024'::DATE)", "2024-02-03"),
        ("TIMESTAMP_INPUT_FORMAT", "DD.MM.YYYY HH24:MI", "SELECT YEAR('03.02.2024 10:00'::TIMESTAMP)", 2024),
        ("TIMEZONE", "Asia/Tokyo", "SELECT TO_VARCHAR('2024-01-01 00:00:00Z'::TIMESTAMP_LTZ::TIMESTAMP_NTZ)",
         "2024-01-01 09:00:00.000"),
    ],
)  # fmt: skip
def test_a_parameter_changes_its_statement_and_the_procedures_that_it_calls(
    cursor: Any, name: str, value: str, sql: str, expected: Any
) -> None:
    body = f"DECLARE r VARCHAR; BEGIN {sql} INTO :r; RETURN r; END"
    cursor.execute(f"CREATE OR REPLACE PROCEDURE given() RETURNS VARCHAR LANGUAGE SQL EXECUTE AS CALLER AS $${body}$$")
    assert run(cursor, sql, **{name: value}) == expected
    assert str(run(cursor, "CALL given()", **{name: value})) == str(expected)
    assert str(run(cursor, f"EXECUTE IMMEDIATE $${body}$$", **{name: value})) == str(expected)
    assert shown(cursor, name) != value


def test_a_query_tag_is_the_statements_own(cursor: Any) -> None:
    cursor.execute("ALTER SESSION SET QUERY_TAG = 'mine'")
    assert shown(cursor, "QUERY_TAG", QUERY_TAG="this one's") == "this one's"
    assert shown(cursor, "QUERY_TAG") == "mine"


def test_the_zone_of_a_statement_is_the_one_its_client_shows(cursor: Any) -> None:
    moment = "SELECT '2024-01-01 00:00:00Z'::TIMESTAMP_LTZ"
    assert run(cursor, moment, TIMEZONE="Asia/Tokyo").isoformat() == "2024-01-01T09:00:00+09:00"
    assert run(cursor, moment).isoformat() == "2024-01-01T00:00:00+00:00"


def test_a_failed_statement_leaves_no_parameter_behind(cursor: Any) -> None:
    with pytest.raises(Exception, match="does not exist"):
        run(cursor, "SELECT * FROM nowhere", TIMEZONE="Asia/Tokyo")
    assert shown(cursor, "TIMEZONE") == "Etc/UTC"
    assert run(cursor, "SELECT HOUR('2024-01-01 00:00:00Z'::TIMESTAMP_LTZ)") == 0


def test_parameters_of_snowflakes_own_are_taken_and_values_that_would_be_ignored_are_not(cursor: Any) -> None:
    assert run(cursor, "SELECT 1", SF_PARTNER="FAKE_PARTNER") == 1
    with pytest.raises(Exception, match="QUOTED_IDENTIFIERS_IGNORE_CASE"):
        run(cursor, "SELECT 1", QUOTED_IDENTIFIERS_IGNORE_CASE="true")
    with pytest.raises(Exception, match="TIMEZONE"):
        run(cursor, "SELECT 1", TIMEZONE="Nowhere/Land")


def test_current_statement_is_the_text_as_the_client_sent_it(cursor: Any) -> None:
    sql = "SELECT  current_statement() AS s, 1 -- a remark"
    assert run(cursor, sql) == sql


def test_a_parameter_that_nothing_follows_keeps_its_default(cursor: Any) -> None:
    for setting in (
        "WEEK_START = 1", "ROWS_PER_RESULTSET = 10", "BINARY_OUTPUT_FORMAT = BASE64", "JSON_INDENT = 0",
        "TIME_OUTPUT_FORMAT = 'HH24'", "ERROR_ON_NONDETERMINISTIC_MERGE = FALSE", "TWO_DIGIT_CENTURY_START = 1980",
    ):  # fmt: skip
        with pytest.raises(Exception, match="not supported by the local endpoint"):
            cursor.execute(f"ALTER SESSION SET {setting}")
    cursor.execute(
        "ALTER SESSION SET WEEK_START = 0, BINARY_OUTPUT_FORMAT = 'hex', ERROR_ON_NONDETERMINISTIC_MERGE = TRUE"
    )
