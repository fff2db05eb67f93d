"""Functions through Snowpark: values and types as Snowflake's documentation and Snowpark's own tests have them."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from snowflake.snowpark import Session, Window
from snowflake.snowpark import functions as f
from snowflake.snowpark.exceptions import SnowparkSQLException

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def session(endpoint: Any) -> Iterator[Session]:
    options = {**endpoint.connection_parameters, "database": "TEST", "schema": "PUBLIC"}
    created = Session.builder.configs(options).create()
    yield created
    created.close()


def one(session: Session, expression: str) -> Any:
    (row,) = session.sql(f"SELECT {expression}").collect()
    return row[0] if len(row) == 1 else tuple(row)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("LTRIM('  a '), RTRIM('  a '), TRIM('  a ')", ("a ", "  a", "a")),
        ("GETBIT(11, 0), GETBIT(11, 2), GETBIT(11, 3), CBRT(27), CBRT(-8)", (1, 0, 1, 3.0, -2.0)),
        ("CEIL(-3.25, 1), FLOOR(-3.25, 1), CEIL(3.21, 1)", (Decimal("-3.2"), Decimal("-3.3"), Decimal("3.3"))),
        ("FLOOR(1234, -2), CEIL(1234, -2), CEIL(-1234, -2), FLOOR(1.2345::FLOAT, 2)", (1200, 1300, -1200, 1.23)),
        ("'2018-04-15'::DATE + INTERVAL '1 day, 2 months'", dt.date(2018, 6, 16)),
        ("MAX(d) - INTERVAL '1 y' FROM VALUES ('2024-02-29'::DATE) AS t(d)", dt.date(2023, 2, 28)),
        ("'2018-04-15'::DATE + INTERVAL '1 day' + INTERVAL '3 hours'", dt.datetime(2018, 4, 16, 3)),
        ("TIMESTAMP_NTZ_FROM_PARTS(2024, 13, 1, 25, 100, -1)", dt.datetime(2025, 1, 2, 2, 39, 59)),
        ("TIMESTAMP_NTZ_FROM_PARTS(2024, 1, 2, 3, 4, 5, 678901999)", dt.datetime(2024, 1, 2, 3, 4, 5, 678901)),
        ("TIME_FROM_PARTS(12, 55, 65, 123456789), TIME_FROM_PARTS(0, 100, 0)", (dt.time(12, 56, 5, 123456), dt.time(1, 40))),
        ("ARRAY_AGG(x) WITHIN GROUP (ORDER BY y)::VARCHAR, ARRAY_AGG(DISTINCT x) WITHIN GROUP (ORDER BY x DESC)::VARCHAR,"
         " ARRAY_AGG(IFF(y > 1, y, NULL))::VARCHAR FROM VALUES ('b', 1), (NULL, 2), ('a', 3) AS t(x, y)",
         ('["b","a"]', '["b","a"]', "[2,3]")),
        ("LTRIM('xxax', 'x'), RTRIM('xxax', 'x')", ("ax", "xxa")),
        ("ABS('-3'), SQRT('4'), ROUND('2.5'), CEIL(t), POWER('2', 3), -t FROM VALUES ('1.5') AS v(t)",
         (3, 2.0, 3, 2, 8.0, Decimal("-1.50000"))),
        ("SUM(t), AVG(t), SUM(PARSE_JSON(t)), SUM(n) FROM VALUES ('5', NULL), ('7.5', NULL) AS v(t, n)",
         (12.5, 6.25, 12.5, None)),
        ("SQRT(SUM(x)), LN(1), LOG(2, 8), SQRT(NULL) FROM VALUES (4), (5) AS t(x)", (3.0, 0.0, 3.0, None)),
        ("t::BOOLEAN, TO_BOOLEAN('on'), TRY_CAST('OFF' AS BOOLEAN), TRY_CAST('x' AS BOOLEAN) FROM VALUES ('ON') AS v(t)",
         (True, True, False, None)),
        ("LISTAGG(x, ','), LISTAGG(x) WITHIN GROUP (ORDER BY x) || '.' FROM VALUES (NULL::VARCHAR) AS t(x)", ("", ".")),
        ("TO_DATE('31536000'), TRY_TO_DATE('31536000000'), TO_DATE('1/2/2024', 'AUTO'), TRY_TO_DATE('x', 'auto')",
         (dt.date(1971, 1, 1), dt.date(1971, 1, 1), dt.date(2024, 1, 2), None)),
        ("TO_TIMESTAMP_NTZ(t, 'AUTO'), '2024-01-02T03'::TIMESTAMP FROM VALUES ('2024-01-02 03') AS v(t)",
         (dt.datetime(2024, 1, 2, 3),) * 2),
        ("TO_TIME('10:11', 'AUTO')", dt.time(10, 11)),
        ("DATE_PART(EPOCH, t)::VARCHAR, EXTRACT(EPOCH_SECOND FROM t), DATE_PART('epoch', t::DATE),"
         " DATE_PART(EPOCH_MILLISECOND, t) FROM (SELECT '1969-12-31 23:59:58.7'::TIMESTAMP_NTZ AS t)", ("-2", -2, -86400, -1300)),
        ("DATE_TRUNC('month', '2024-05-17')", dt.datetime(2024, 5, 1)),
        ("COUNT(t.*), COUNT(*) FROM VALUES (1, 'a'), (2, NULL), (NULL, 'c') AS t(x, y)", (1, 3)),
        ("a = b, a = c, a = d FROM (SELECT HASH(*) AS a, HASH(t.*) AS b, HASH(x, y) AS c, HASH(y, x) AS d FROM VALUES (1, 'a')"
         " AS t(x, y))", (True, True, False)),
        ("HASH_AGG(*) = (SELECT HASH_AGG(*) FROM VALUES (2), (2), (1)), HASH_AGG(DISTINCT x) = (SELECT HASH_AGG(*) FROM VALUES"
         " (1), (2)), HASH_AGG(x) = HASH_AGG(DISTINCT x) FROM VALUES (1), (2), (2) AS t(x)", (True, True, False)),
        ("HASH_AGG(x) FROM VALUES (1) AS t(x) WHERE FALSE", 0),
        ("OBJECT_CONSTRUCT(* EXCLUDE y)::VARCHAR, {* ILIKE 'y%'}::VARCHAR FROM VALUES (1, 'a') AS t(x, y)",
         ('{"X":1}', '{"Y":"a"}')),
        ("TRY_BASE64_DECODE_STRING('@'), TRY_BASE64_DECODE_STRING('YQ=='), TRY_HEX_DECODE_STRING('z')", (None, "a", None)),
        ("TRY_HEX_DECODE_BINARY('61'), TRY_BASE64_DECODE_BINARY('YQ==')", (b"a", b"a")),
        ("COUNT(DISTINCT s) FROM (SELECT SEQ4() AS s FROM TABLE(GENERATOR(ROWCOUNT => 3)) a,"
         " TABLE(GENERATOR(ROWCOUNT => 2)) b)", 6),
        ("CHR(a), FACTORIAL(b), TRUNC(3.14::FLOAT, c) FROM VALUES (84, 4, 1) AS t(a, b, c)", ("T", 24, 3.1)),
        ("TRUNC(-0.4::FLOAT, 0)::VARCHAR", "0"),
        ("SHA2('snow', 512), SHA2('snow', 224)", tuple(hashlib.new(f"sha{n}", b"snow").hexdigest() for n in (512, 224))),
        ("CONTAINS(12345, 34)", True),
        ("ARRAY_TO_STRING([1, 2], s) FROM VALUES ('; ') AS t(s)", "1; 2"),
        ("ARRAY_CONSTRUCT_COMPACT(1, 'a', NULL)", '[\n  1,\n  "a"\n]'),
        ("OBJECT_INSERT({'a': 1}, 'b', 2):b::INT, OBJECT_INSERT({'a': 1}, 'a', 2, TRUE):a::INT", (2, 2)),
        ("OBJECT_PICK({'a': 1, 'b': 2}, ['a'])", '{\n  "a": 1\n}'),
        ("PARSE_JSON('{a: [1, 2,], ''b'': ''x''}')", '{\n  "a": [\n    1,\n    2\n  ],\n  "b": "x"\n}'),
        ("PARSE_JSON('[{\"a\": {\"b\": [1, 2]}}]')[0]['a']['b'][1]", "2"),
        ("TRY_PARSE_JSON('[{\"a\": 1, \"a\": 2}]'), TRY_PARSE_JSON('[{\"a\": 1, \"b\": 1e400}]'):x", (None, None)),
        ("TRY_PARSE_JSON('{\"b\": 1.50, \"a\": {\"c\": 1, \"c\": 2}, \"b\": 3}', 'd')",
         '{\n  "a": {\n    "c": 2\n  },\n  "b": 3\n}'),
        ("PARSE_JSON('{\"a\": 1, \"a\": 2}', 'd'):a::INT, TRY_PARSE_JSON('{\"a\": 1', 'd')", (2, None)),
        ("CHECK_JSON('{\"a\": 1, \"a\": 2}')", 'duplicate object attribute "a", pos 13'),
        ("CHECK_JSON('{\"a\": null'), CHECK_JSON('{\"a: \"b\"}'), CHECK_JSON('[1]')",
         ("incomplete object value, pos 11", "missing colon, pos 7", None)),
        ("APPROX_PERCENTILE(a, 0.5) FROM VALUES (1), (2) AS t(a)", 1.5),
        ("APPROX_PERCENTILE_ESTIMATE(APPROX_PERCENTILE_ACCUMULATE(a), 0.5) FROM VALUES (1), (2), (NULL) AS t(a)", 1.5),
        ("AS_NUMBER(1.23::VARIANT, 6, 2), AS_NUMBER(1.23::VARIANT)", (Decimal("1.23"), 1)),
        ("BIT_LENGTH('abc'), OCTET_LENGTH(TO_BINARY('ab', 'UTF-8'))", (24, 2)),
        # As Snowflake's pages have them; the sum needs more than 64 bits.
        ("MD5_NUMBER_LOWER64(a), MD5_NUMBER_UPPER64(a) FROM VALUES ('Snowflake') AS t(a)",
         (9203306159527282910, 17145559544104499780)),
        ("SUM(MD5_NUMBER_LOWER64(a)), SUM(MD5_NUMBER_UPPER64(a)) FROM VALUES ('test'), ('hello'), (NULL) AS t(a)",
         (14618207765679027446 + 13362634815750784402, 688887797400064883 + 6719722671305337462)),
        ("MD5_NUMBER_LOWER64(1) = MD5_NUMBER_LOWER64('1'), MD5_NUMBER_LOWER64(TO_BINARY('1', 'UTF-8')) = MD5_NUMBER_LOWER64('1')",
         (True, True)),
        # A DATE stays one; https://docs.snowflake.com/en/sql-reference/functions/date_trunc
        ("DATE_TRUNC('quarter', d), DATE_TRUNC('month', d::TIMESTAMP), DATE_TRUNC('week', MAX(d))"
         " FROM (SELECT '2024-05-15'::DATE d) GROUP BY d", (dt.date(2024, 4, 1), dt.datetime(2024, 5, 1), dt.date(2024, 5, 13))),
        # Interval constants: https://docs.snowflake.com/en/sql-reference/data-types-datetime
        ("'2019-02-28'::TIMESTAMP + INTERVAL '1 day, 1 year', '2024-01-15'::TIMESTAMP + INTERVAL '1 y, 2 mm, 2 m, 3'",
         (dt.datetime(2020, 2, 29), dt.datetime(2025, 3, 15, 0, 2, 3))),
        ("TO_VARCHAR(TO_BINARY('abc', 'UTF-8'), 'HEX'), TO_CHAR(TO_BINARY('YWJj', 'BASE64'), 'UTF-8'),"
         " TO_VARCHAR(TO_BINARY('616263'), 'BASE64')",
         ("616263", "abc", "YWJj")),
        ("BOOLXOR(TRUE, FALSE), BOOLXOR(2, -2), BOOLAND(1, 0.4), BOOLOR(0, 0.6), BOOLNOT(0)", (True, False, False, True, True)),
        ("YEAR('2024-01-15'), DAYNAME('2024-01-15 23:59:59'), LAST_DAY('2024-02-10')", (2024, "Mon", dt.date(2024, 2, 29))),
        ("{*} FROM VALUES (1, 'x') t(a, b)", '{\n  "A": 1,\n  "B": "x"\n}'),
        # Format models of numbers, as their page has them: https://docs.snowflake.com/en/sql-reference/sql-format-models
        ("LISTAGG(TO_CHAR(a, '\">\"$99.0\"<\"')), LISTAGG(TO_VARCHAR(a, '\">\"B9,999.0\"<\"'))"
         " FROM VALUES (-12.391), (0), (3987) AS t(a)",
         (">-$12.4<>  $0.0<> $##.#<", ">   -12.4<>      .0<> 3,987.0<")),
        ("TO_CHAR(-12.391, '\">\"TME\"<\"'), TO_CHAR(-12.391, 'TM9'), TO_CHAR(-12.391, '0XXX'), TO_CHAR(3987, 'S0XXX'),"
         " TO_VARCHAR(-123.45, '999.99MI'), TO_CHAR(1234567.5::FLOAT, 'FM9,999,990.00')",
         (">-1.2391E1<", "-12.391", "FFF4", "+0F93", "123.45-", "1,234,567.50")),
        ("TO_NUMBER('12,345.67', '999,999.99', 10, 2), TO_DECIMAL('-$1.50', '$9.99', 5, 2), TO_NUMBER('1a', 'XX'),"
         " TRY_TO_NUMBER('1,2x', '9,999'), TO_NUMBER('5-', '9MI')", (Decimal("12345.67"), Decimal("-1.50"), 26, None, -5)),
        ("x + 1, 2 * x FROM (SELECT PARSE_JSON('{\"a\": 7}'):a AS x)", (8, 14)),
        # Backslashes are halved once: https://docs.snowflake.com/en/sql-reference/functions-regexp
        (r"REGEXP_REPLACE('Customers - (NY)', '\\(|\\)', ''), REGEXP_REPLACE('a\\b', '\\\\', '/'), REGEXP_SUBSTR('a\\b', '\\\\')",
         ("Customers - NY", "a/b", "\\")),
        ("PARSE_URL('HTTP://USER:PASS@EXAMPLE.INT:4345/HELLO.PHP?USER=1')",
         '{\n  "fragment": null,\n  "host": "USER:PASS@EXAMPLE.INT",\n  "parameters": {\n    "USER": "1"\n  },\n'
         '  "path": "HELLO.PHP",\n  "port": "4345",\n  "query": "USER=1",\n  "scheme": "http"\n}'),
        ("PARSE_URL('example.int/hello.php', 1):error::STRING, PARSE_URL('mailto:abc@xyz.com'):path::STRING, PARSE_URL(NULL)",
         ("scheme not specified", "abc@xyz.com", None)),
        ("PARSE_IP(a, 'INET'):ipv4_range_start::INT, PARSE_IP(a, 'INET'):ipv4_range_end::INT"
         " FROM VALUES ('192.168.242.188/24') t(a)",
         (3232297472, 3232297727)),
        ("PARSE_IP('fe80::20c:29ff:fe2c:429/64', 'INET'):hex_ipv6_range_end::STRING, PARSE_IP('x', 'INET', 1):ipv4",
         ("FE80000000000000FFFFFFFFFFFFFFFF", None)),
        ("HASH(1) = HASH(1), HASH(1) BETWEEN -9223372036854775808 AND 9223372036854775807", (True, True)),
    ],
)  # fmt: skip
def test_value(session: Session, expression: str, value: Any) -> None:
    assert one(session, expression) == value


def test_kinds_of_times_in_a_variant(session: Session) -> None:
    kinds = session.sql(
        "SELECT '2024-01-02'::DATE::VARIANT AS d, '2024-01-02 03:04:05'::TIMESTAMP_NTZ::VARIANT AS n,"
        " '2024-01-02 03:04:05 +0000'::TIMESTAMP_LTZ::VARIANT AS l, '03:04:05'::TIME::VARIANT AS t"
    )
    told = kinds.select(
        *[test(name) for test in (f.is_date, f.is_timestamp_ntz, f.is_timestamp_ltz, f.is_time) for name in "DNLT"]
    )
    assert [list(told.collect()[0])[i : i + 4].index(True) for i in (0, 4, 8, 12)] == [0, 1, 2, 3]
    assert kinds.select(f.as_time("d"), f.as_timestamp_ntz("n"), f.as_date("n")).collect() == [
        (None, dt.datetime(2024, 1, 2, 3, 4, 5), None)
    ]


def test_days_added_to_a_date_give_a_date(session: Session) -> None:
    dates = session.create_dataframe([[dt.date(2024, 1, 31)]], schema=["d"])
    shifted = dates.select(f.dateadd("month", f.lit(1), "d"), f.add_months("d", 1), f.dateadd("hour", f.lit(1), "d"))
    assert shifted.collect() == [(dt.date(2024, 2, 29), dt.date(2024, 2, 29), dt.datetime(2024, 1, 31, 1))]


def test_statistics_of_numbers_are_numbers(session: Session) -> None:
    values = session.create_dataframe([[1, 1.0], [2, 2.0], [4, 4.0]], schema=["n", "x"])
    found = values.select(f.variance("n"), f.var_pop("n"), f.median("n"), f.variance("x"))
    assert found.collect() == [(Decimal("2.333333"), Decimal("1.555556"), Decimal("2.000"), pytest.approx(7 / 3))]
    assert [str(field.datatype) for field in found.schema.fields][:3] == [
        "DecimalType(38, 6)", "DecimalType(38, 6)", "DecimalType(38, 3)",
    ]  # fmt: skip
    deviations = values.select(f.stddev("n"), f.stddev_pop("n"), f.stddev_pop("x"), f.round(f.skew("n"), f.lit(9)))
    assert deviations.collect() == [(2.333333**0.5, 1.555556**0.5, pytest.approx((14 / 9) ** 0.5), 0.935219530)]
    over = values.select(
        f.stddev_pop("n").over(Window.partition_by(f.lit(1))), f.skew("n").over(Window.partition_by("x"))
    )
    assert set(over.collect()) == {(1.555556**0.5, None)}
    windowed = values.select(f.median("n").over(Window.partition_by(f.lit(1)))).collect()
    assert {row[0] for row in windowed} == {Decimal("2.000")}


def test_xml(session: Session) -> None:
    text = '<a x="1">3<b>foo</b><b>bar &amp; baz</b></a>'
    xml = session.create_dataframe([[text]], schema=["v"]).select(f.parse_xml("v").alias("v"))
    assert xml.collect()[0][0] == '<a x="1">\n  3\n  <b>foo</b>\n  <b>bar &amp; baz</b>\n</a>'
    second = f.xmlget("v", f.lit("b"), f.lit(1))
    assert xml.select(f.get(second, f.lit("$")), f.get("v", f.lit("@x")), f.xmlget("v", f.lit("c"))).collect() == [
        ('"bar & baz"', "1", None)
    ]
    assert one(session, "CHECK_XML('<a></b>'), CHECK_XML('<a><a>')") == (
        "no opening tag for </b>, pos 7",
        "missing closing tags: </a></a>, pos 6",
    )
    assert one(session, "TO_XML(1)") == '<SnowflakeData type="INTEGER">1</SnowflakeData>'
    with pytest.raises(SnowparkSQLException, match="Error parsing XML: no opening tag"):
        session.sql("SELECT PARSE_XML('<a></b>')").collect()


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("NTILE(0) OVER (ORDER BY 1)", "NTILE argument must be at least 1"),
        ("OBJECT_INSERT({'a': 1}, 'a', 2)", "duplicate field key"),
        ("'a' REGEXP '+*'", "Invalid regular expression"),
        ("MAX(1 AS b)", "You can only define aliases for the root"),  # Snowpark's words for "unexpected 'AS'"
        ("(1 AS b + 10)", "You can only define aliases for the root"),
        ("1 +) 2", "syntax error line 1 at position 10 unexpected '\\)'"),
        ("SQRT(-1)", r"Invalid floating point operation: sqrt\(-1\)"),
        ("LN(x) FROM VALUES (0) AS t(x)", r"Invalid floating point operation: ln\(0\)"),
        ("LOG(2, 0)", "Invalid floating point operation"),
        ("SUM(x) FROM VALUES ('a') AS t(x)", "Numeric value 'a' is not recognized"),
        ("AVG(x) OVER () FROM VALUES ('a') AS t(x)", "Numeric value 'a' is not recognized"),
        ("ABS(x) FROM VALUES ('a') AS t(x)", "Numeric value 'a' is not recognized"),
        ("SUM(x = 1) FROM VALUES (1) AS t(x)", r"Invalid argument types for function 'SUM': \(BOOLEAN\)"),
        ("'maybe'::BOOLEAN", "Boolean value 'maybe' is not recognized"),
        ("SHA2('a', 100)", "Invalid value \\[100\\] for function 'SHA2'"),
        ("APPROX_PERCENTILE_ESTIMATE(APPROX_PERCENTILE_ACCUMULATE(1), -1)", "Invalid value \\[-1.0\\] for function"),
    ],
)
def test_refusal(session: Session, expression: str, message: str) -> None:
    with pytest.raises(SnowparkSQLException, match=message):
        session.sql(f"SELECT {expression}").collect()
