"""Snowpark's rewrites, SQL to SQL."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import duckdb
import pytest
import sqlglot

from local_stack.endpoint.language.missing import as_written
from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.language.text import with_literals
from local_stack.endpoint.messages import snowflake_message
from local_stack.endpoint.protocol.variant_text import variant_text
from local_stack.endpoint.statements import SqlError, Statement
from local_stack.endpoint.translation.context import Context
from local_stack.endpoint.translation.snowpark import (
    flatten,
    generator,
    json_path,
    named_values,
    pivots,
    plain_tables,
    positional_columns,
    samples,
)
from local_stack.endpoint.translation.snowpark_functions import functions

CONTEXT = Context(cast(Any, SimpleNamespace(database="D", schema="S")))


def rewritten(sql: str, *rewrites: Any) -> str:
    expression = sqlglot.parse_one(sql, read="snowflake")
    for rewrite in rewrites:
        expression = rewrite(expression, CONTEXT)
    return expression.sql(dialect="duckdb")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "SELECT $1 AS A, $2 AS B FROM VALUES (1, 'a')",
            'SELECT #1 AS A, #2 AS B FROM (VALUES (1, \'a\')) AS "_VALUES"("COLUMN1", "COLUMN2")',
        ),
        ("SELECT $1 FROM t", 'SELECT #1 AS "$1" FROM t'),
        ("SELECT 1 FROM t WHERE $2 = 3", "SELECT 1 FROM t WHERE #2 = 3"),
        ("SELECT x.$1 FROM VALUES (5) x", 'SELECT x."COLUMN1" AS "$1" FROM (VALUES (5)) AS x("COLUMN1")'),
        ("SELECT a FROM VALUES (1) AS t(a)", "SELECT a FROM (VALUES (1)) AS t(a)"),
        ("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)"),
    ],
)
def test_columns_by_position(sql: str, expected: str) -> None:
    assert rewritten(sql, named_values, positional_columns) == expected


def test_a_table_in_parentheses_is_a_table() -> None:
    assert rewritten("SELECT * FROM (T) AS X JOIN (U) ON X.a = U.a", plain_tables) == (
        "SELECT * FROM T AS X JOIN U ON X.a = U.a"
    )
    assert rewritten("SELECT * FROM (T AS X)", plain_tables) == "SELECT * FROM T AS X"


def test_generated_rows_count_from_zero() -> None:
    assert rewritten("SELECT SEQ8() FROM (TABLE(GENERATOR(ROWCOUNT => 3)))", generator) == (
        'SELECT "_SEQ" FROM (SELECT range AS "_SEQ" FROM RANGE(3)) AS "_GENERATOR"'
    )


def test_a_generator_by_time_is_refused_by_name() -> None:
    with pytest.raises(SqlError, match="TIMELIMIT"):
        rewritten("SELECT 1 FROM TABLE(GENERATOR(TIMELIMIT => 3))", generator)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("", "$"), ("a", "$.a"), ("[0]", "$[0]"), ("a.b[1].c", "$.a.b[1].c"), ("a['b c']", "$.a.b c")],
)
def test_paths_of_flatten(path: str, expected: str) -> None:
    assert json_path(path) == expected


def test_flatten_passes_every_argument() -> None:
    sql = "SELECT * FROM t, LATERAL FLATTEN(INPUT => v, PATH => 'a', OUTER => TRUE, RECURSIVE => TRUE, MODE => 'array')"
    assert "_SP_FLATTEN_TREE(v, '$.a', TRUE, 'ARRAY')" in rewritten(sql, flatten)


def test_samples_by_block_and_the_limit_of_rows() -> None:
    assert "BERNOULLI (10 PERCENT)" in rewritten("SELECT * FROM t SAMPLE BLOCK (10)", samples)
    with pytest.raises(SqlError, match="1000001"):
        rewritten("SELECT * FROM t SAMPLE (1000001 ROWS)", samples)


def test_pivoted_columns_have_snowflakes_names() -> None:
    sql = "SELECT * FROM t PIVOT(SUM(a) FOR b IN ('JAN', 1::INT, '2020-08-01'::DATE, NULL))"
    result = rewritten(sql, pivots)
    for name in ("'JAN'", "CAST(1 AS NUMBER(38,0))", "TO_DATE('2020-08-01')", "NULL"):
        assert f'AS "{name}"' in result


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT LTRIM(a, 'x')", "SELECT LTRIM(a, 'x')"),
        ("SELECT HLL(a)", "SELECT APPROX_COUNT_DISTINCT(a)"),
        ("SELECT '616263'::BINARY", "SELECT _FS_GLOBAL.MAIN._SF_BINARY('616263')"),
        (
            "SELECT TO_JSON(ARRAY_COMPACT(a))",
            "SELECT _FS_GLOBAL.MAIN._SF_TO_JSON(LIST_FILTER(a, _u -> NOT _u IS NULL))",
        ),
        ("SELECT TO_JSON(a)", "SELECT _FS_GLOBAL.MAIN._SF_TO_JSON(a)"),
        ("SELECT COVAR_POP(a, b)", "SELECT COVAR_POP(CAST(b AS DOUBLE), CAST(a AS DOUBLE))"),
    ],
)
def test_functions_in_duckdbs_form(sql: str, expected: str) -> None:
    assert rewritten(sql, functions) == expected


def test_a_digest_of_another_length_is_refused() -> None:
    with pytest.raises(SqlError, match=r"Invalid value \[100\] for function 'SHA2'"):
        rewritten("SELECT SHA2(a, 100)", functions)


def test_late_if_not_exists_moves_before_the_name() -> None:
    late = 'CREATE SCOPED TEMP TABLE "D"."S"."T" If  NOT  EXISTS ("A" INT)'
    assert parse(late) == parse('CREATE TEMP TABLE IF NOT EXISTS "D"."S"."T" ("A" INT)')


def test_binds_of_names_are_quoted() -> None:
    written = with_literals("PUT 'file:///a?b' ? -- ?", iter(["'@s/it''s'"]))
    assert written == "PUT 'file:///a?b' '@s/it''s' -- ?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", "[]"),
        ("[1,1.50]", "[\n  1,\n  1.50\n]"),
        ('{"b":{"c":null},"a":"ü"}', '{\n  "a": "ü",\n  "b": {\n    "c": null\n  }\n}'),
        ("1", "1"),
        ("[not json", "[not json"),
    ],
)
def test_variant_text(text: str, expected: str) -> None:
    assert variant_text(text) == expected


@pytest.mark.parametrize(
    ("sql", "name", "place"),
    [
        ("SELECT 1, NOPE FROM t", "NOPE", "line 1 at position 10"),
        ("SELECT 'nope' AS a, -- nope\n  t.nope FROM t", "T.NOPE", "line 2 at position 2"),
        ('SELECT "nope" FROM t', "nope", "line 1 at position 7"),
        ("SELECT * FROM v", "NOPE", "line 1 at position 0"),  # it is in the view
    ],
)
def test_a_wrong_identifier_has_its_place(sql: str, name: str, place: str) -> None:
    error = SqlError(f"SQL compilation error:\nerror line 1 at position 0\ninvalid identifier '{name}'", 904, "42000")
    assert as_written(error, Statement(sql)).message == error.message.replace("line 1 at position 0", place)


@pytest.mark.parametrize(
    ("sql", "errno", "words"),
    [
        ("SELECT * FROM nothing_there", 2003, "Object 'nothing_there' does not exist or not authorized."),
        ("SELECT x FROM (SELECT 1 AS a)", 904, "invalid identifier 'x'"),
        ("SELECT a FROM (SELECT 1 AS a) s, (SELECT 1 AS a) t", 2028, "ambiguous column name 'a'"),
        ("SELECT no_such_function(1)", 2140, "Unknown function NO_SUCH_FUNCTION"),
        ("SELECT CAST('x' AS INT)", 100038, "Numeric value 'x' is not recognized"),
        ("SELECT '2024-02-30'::DATE", 100040, "Date '2024-02-30' is not recognized"),
        ("SELECT 'x'::DATE", 100040, "Date 'x' is not recognized"),
        ("SELECT '2024-01-01 25:00:00'::TIMESTAMP", 100035, "Timestamp '2024-01-01 25:00:00' is not recognized"),
        ("SELECT '25:00'::TIME", 100108, "Time '25:00' is not recognized"),
    ],
)
def test_messages_are_snowflakes(sql: str, errno: int, words: str) -> None:
    with pytest.raises(duckdb.Error) as raised:
        duckdb.connect().execute(sql).fetchall()
    error = snowflake_message(raised.value, str(raised.value))
    assert error is not None
    assert (error.errno, words in error.message) == (errno, True)
