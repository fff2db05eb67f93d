"""Sums, averages and quotients of NUMBER are exact, as text and on the endpoint."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, cast

import pytest
import snowflake.connector
import sqlglot

from local_stack.endpoint.session import Session
from local_stack.endpoint.translation import numbers as exact_numbers
from local_stack.endpoint.translation.context import Context
from tests.conftest import RunningEndpoint

NO_SESSION = Context(cast(Session, None))


def rewritten(sql: str) -> str:
    tree = exact_numbers.before(sqlglot.parse_one(sql, read="snowflake"), NO_SESSION)
    return tree.sql(dialect="duckdb").replace("_FS_GLOBAL.MAIN.", "")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a FROM t", "SELECT a FROM t"),
        ("SELECT a / b AS q FROM t", "SELECT _SF_DIVIDE(a, b, a, b) AS q FROM t"),
        ("SELECT a / b FROM t", "SELECT _SF_DIVIDE(a, b, a, b) FROM t"),
        ("SELECT SUM(a) AS s FROM t", "SELECT SUM(_SF_NUMBER(a, a)) AS s FROM t"),
        (
            "SELECT SUM(a) / COUNT(*) AS q FROM t",
            "SELECT _SF_DIVIDE(SUM(_SF_NUMBER(a, a)), COUNT(*), a, 1) AS q FROM t",
        ),
        (
            "SELECT AVG(a) OVER (PARTITION BY b) AS m FROM t",
            "SELECT _SF_DIVIDE(SUM(_SF_NUMBER(a, a)) OVER (PARTITION BY b), NULLIF(COUNT(a) OVER (PARTITION BY b), 0),"
            " a, NULLIF(1, 0)) AS m FROM t",
        ),
        (
            "SELECT SUM(a) AS s, s / 2 AS h FROM t",
            "SELECT SUM(_SF_NUMBER(a, a)) AS s, _SF_DIVIDE(s, 2, (a), 2) AS h FROM t",
        ),
        # No types to be had: left to floating point.
        ("SELECT ? / 2 AS q", "SELECT ? / 2 AS q"),
        ("SELECT (SELECT 1) / 2 AS q", "SELECT (SELECT 1) / 2 AS q"),
        ("SELECT b FROM t GROUP BY b HAVING MAX(a) / 2 > 1", "SELECT b FROM t GROUP BY b HAVING MAX(a) / 2 > 1"),
    ],
)
def test_rewrite(sql: str, expected: str) -> None:
    assert rewritten(sql) == expected


@pytest.fixture(scope="module")
def cursor(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as connection, connection.cursor() as opened:
        opened.execute(
            "CREATE TABLE prices (shop INT, price NUMBER(38, 2), pieces NUMBER(38, 0), weight FLOAT, label STRING)"
        )
        opened.execute(
            "INSERT INTO prices SELECT column1, column2, column3, column4, column5 FROM VALUES"
            " (1, 19.99, 2, 0.5, '3'), (1, 0.02, 3, 0.25, '4'), (2, 90071992547409.93, 7, 1.5, 'x')"
        )
        yield opened


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 / 3", "0.333333"),
        ("-1 / 3", "-0.333333"),
        ("2.01::NUMBER(38, 2) / 2", "1.005"),
        ("(2.01::NUMBER(38, 2) / 2)::NUMBER(38, 2)", "1.01"),
        ("(-2.01::NUMBER(38, 2) / 2)::NUMBER(38, 2)", "-1.01"),
        ("10.00::NUMBER(38, 2) / 3", "3.33333333"),
        ("1.0000::NUMBER(18, 4) / 3", "0.3333333333"),
        ("1::NUMBER(38, 12) / 3", "0.333333333333"),
        ("1::NUMBER(38, 16) / 3", "0.333333333333"),
        ("10 / 4 / 5", "0.5"),
        ("36893488147419103229::NUMBER(32, 6) / 2::NUMBER(32, 6)", "18446744073709551614.5"),
        ("-36893488147419103229::NUMBER(32, 6) / 7", "-5270498306774157604.142857142857"),
        ("2::NUMBER(32, 6) / (-3)", "-0.666666666667"),
        ("1000000000000000001::NUMBER(32, 6) / 18446744073709551615", "0.054210108624"),
        ("DIV0(1, 0)", "0"),
        ("DIV0NULL(2.01::NUMBER(38, 2), 2)", "1.005"),
        ("DIV0NULL(1, NULL)", "0"),
        ("DATEDIFF('second', '2024-01-01'::TIMESTAMP_NTZ, '2024-01-01 00:00:50'::TIMESTAMP_NTZ) / 60", "0.833333"),
    ],
)
def test_quotients(cursor: Any, expression: str, expected: str) -> None:
    assert cursor.execute(f"SELECT {expression}").fetchone()[0] == Decimal(expected)


def test_division_by_zero_is_an_error_and_of_nothing_is_nothing(cursor: Any) -> None:
    for zero in ("1 / 0", "1.5::NUMBER(5, 2) / 0", "1.5::FLOAT / 0"):
        with pytest.raises(snowflake.connector.errors.ProgrammingError, match="Division by zero"):
            cursor.execute(f"SELECT {zero}")
    assert cursor.execute("SELECT NULL / 2, 2 / NULL, AVG(pieces) FROM prices WHERE FALSE").fetchall() == [(None,) * 3]


def test_aggregates_keep_every_cent(cursor: Any) -> None:
    cursor.execute(
        "SELECT shop, SUM(price), AVG(price), SUM(price) / COUNT(DISTINCT label), SUM(DISTINCT pieces),"
        " SUM(SUM(price)) OVER () AS everything FROM prices GROUP BY shop ORDER BY SUM(price) / 2"
    )
    total = Decimal("90071992547429.94")
    assert cursor.fetchall() == [
        (1, Decimal("20.01"), Decimal("10.005"), Decimal("10.005"), 5, total),
        (2, *(Decimal("90071992547409.93"),) * 3, 7, total),
    ]
    assert [column.name for column in cursor.description][1:3] == ["SUM(PRICE)", "AVG(PRICE)"]


def test_floats_and_texts_stay_floating_point(cursor: Any) -> None:
    row = cursor.execute(
        "SELECT SUM(weight), AVG(weight), SUM(TRY_TO_DOUBLE(label)), MAX(weight) / 2, MAX(weight) / 4.0 FROM prices"
    ).fetchone()
    assert row == (2.25, 0.75, 7.0, 0.75, 0.375)
    assert all(isinstance(value, float) for value in row)


def test_a_view_divides_exactly_too(cursor: Any) -> None:
    cursor.execute("CREATE OR REPLACE VIEW per_shop AS SELECT shop, SUM(price) / 2 AS half FROM prices GROUP BY shop")
    assert cursor.execute("SELECT half FROM per_shop WHERE shop = 1").fetchone()[0] == Decimal("10.005")


def test_random_quotients_follow_snowflakes_rule(cursor: Any) -> None:
    source = random.Random(1)
    cases = []
    for _ in range(200):
        scale, divisor_scale = source.choice((0, 2, 4, 6, 12)), source.choice((0, 0, 2, 4))
        dividend = Decimal(source.randint(-(10**6), 10**6)).scaleb(-scale)
        divisor = Decimal(source.choice((-1, 1)) * source.randint(1, 3000)).scaleb(-divisor_scale)
        exact = dividend / divisor
        expected = exact.quantize(Decimal(1).scaleb(-max(scale, min(scale + 6, 12))), ROUND_HALF_UP)
        sql = f"({dividend:f})::NUMBER(38, {scale}) / ({divisor:f})::NUMBER(38, {divisor_scale})"
        cases.append((sql, expected))
    for start in range(0, len(cases), 20):
        part = cases[start : start + 20]
        row = cursor.execute("SELECT " + ", ".join(f"{sql} AS q{n}" for n, (sql, _) in enumerate(part))).fetchone()
        assert list(row) == [expected for _, expected in part]
