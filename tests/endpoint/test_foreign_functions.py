"""What other databases have and Snowflake does not is refused, although sqlglot reads it and DuckDB would run it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunningEndpoint
from tests.endpoint.rights import refused, run

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def client(endpoint: RunningEndpoint) -> Any:
    with endpoint.connect() as connection:
        yield connection


# Functions of PostgreSQL, MySQL, BigQuery, Spark and DuckDB.
_FOREIGN = (
    "strpos('abc', 'b')", "now()", "version()", "list_sort([1])", "unnest([1])", "epoch('2024-01-01'::timestamp)",
    "strftime('2024-01-01'::timestamp, '%Y')", "printf('%d', 1)", "range(3)", "if(TRUE, 1, 2)", "json_extract('{}', '$')",
    "array_length([1])", "group_concat('a')", "bool_or(TRUE)", "date_add('2024-01-01'::date, 1)", "instr('abc', 'b')",
    "count(*) + mad(1)", "generate_series(1, 2)", "safe_divide(1, 0)", "pg_typeof(1)", "md5_number_lower('a')",
)  # fmt: skip


def test_functions_that_snowflake_does_not_have_are_unknown(client: Any) -> None:
    for call in _FOREIGN:
        errno, message = refused(client, f"SELECT {call}")
        assert (errno, "Unknown function" in message) == (2140, True), (call, message)
    for query in (
        "SELECT * FROM range(3)",
        "SELECT * FROM read_csv('/etc/passwd')",
        "CREATE TABLE t AS SELECT now() n",
    ):
        assert refused(client, query)[0] == 2140, query
    assert "Unknown function NOSUCH" in refused(client, "SELECT nosuch(1)")[1]


def test_the_same_names_are_names_elsewhere(client: Any) -> None:
    run(client, "CREATE OR REPLACE TABLE range (list INT, age INT)", "INSERT INTO range (list, age) VALUES (1, 2)")
    assert run(client, "WITH version (epoch) AS (SELECT age FROM range) SELECT epoch FROM version AS list (epoch)") == [
        (2,)
    ]
    assert run(client, "SELECT range.list + (age) FROM range WHERE range.list IN (1)") == [(3,)]
    run(client, "CREATE OR REPLACE FUNCTION strpos(x VARCHAR) RETURNS INT AS 'LENGTH(x)'")
    assert run(client, "SELECT strpos('abc'), test.public.strpos('ab')") == [(3, 2)]
    run(client, "DROP FUNCTION strpos(VARCHAR)", "DROP TABLE range")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 5 ^ 2",
        "SELECT 'a' SIMILAR TO 'a'",
        "SELECT DISTINCT ON (1) 1",
        "SELECT 5 BETWEEN SYMMETRIC 9 AND 1",
        "SELECT * EXCEPT (a) FROM (SELECT 1 a, 2 b)",
        "SELECT 5 & 3",
        "SELECT 5 | 3",
        "SELECT 1 << 2",
        "SELECT 1 <=> 2",
        "SELECT '1'::BLOB",
        "SELECT 1 WHERE 'b' IN ('a' 'b')",
        "SELECT MAX(1) FILTER (WHERE TRUE)",
        "SELECT 1 :: hugeint",
        "SELECT 1 FROM (SELECT 1) USING SAMPLE 1",
        "INSERT INTO t VALUES (1) RETURNING a",
        "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING",
        "DELETE FROM t RETURNING a",
        "CREATE TABLE t (a INT) PARTITION BY (a)",
    ],
)
def test_syntax_that_snowflake_does_not_have_is_refused(client: Any, query: str) -> None:
    errno, message = refused(client, query)
    assert (errno, "unexpected" in message) == (1003, True)


def test_words_of_that_syntax_are_names_and_texts_elsewhere(client: Any) -> None:
    run(client, "CREATE OR REPLACE FILE FORMAT piped TYPE = CSV FIELD_DELIMITER = '|' ESCAPE = '&'")
    assert run(client, "SELECT x.long || '&' AS blob FROM (SELECT 2 AS long) AS x") == [("2&",)]
    assert run(client, "SELECT 'it''s', ' ' AS filter, 'a' LIKE 'a' ESCAPE '^'") == [("it's", " ", True)]
    assert run(client, "SELECT symmetric, '^' FROM (SELECT 1 AS symmetric, 2 AS b) EXCEPT SELECT 2, ''") == [(1, "^")]


def test_insert_takes_semi_structured_values_from_a_query_alone(client: Any) -> None:
    """See: https://docs.snowflake.com/en/sql-reference/sql/insert"""
    run(client, "CREATE OR REPLACE TABLE docs (v VARIANT, n INT)")
    for value in ("PARSE_JSON('{}')", "OBJECT_CONSTRUCT('a', 1)", "[1, 2]", "TO_VARIANT(1)", "1::VARIANT"):
        errno, message = refused(client, f"INSERT INTO docs (v) VALUES ({value})")
        assert (errno, "in VALUES clause" in message) == (2014, True), value
    run(client, "INSERT INTO docs SELECT PARSE_JSON('{\"a\": 1}'), 1", "INSERT INTO docs (n) VALUES (ABS(-2))")
    run(
        client,
        "MERGE INTO docs USING (SELECT 3 AS m) ON n = m WHEN NOT MATCHED THEN INSERT (v) VALUES (PARSE_JSON('3'))",
    )
    assert run(client, "SELECT v:a::INT, v::VARCHAR FROM docs ORDER BY 2 NULLS FIRST") == [
        (None, None), (None, "3"), (1, '{"a":1}'),
    ]  # fmt: skip
    errno, message = refused(client, "INSERT INTO docs (n, nosuch) VALUES (1, 2)")
    assert (errno, "invalid identifier 'NOSUCH'" in message) == (904, True)


def test_a_point_leads_to_columns_and_not_into_documents(client: Any) -> None:
    run(client, 'CREATE OR REPLACE TABLE docs AS SELECT PARSE_JSON(\'{"a": {"b": [7]}}\') AS v, 1 AS n')
    for query in ("SELECT v.a FROM docs", "SELECT d.n FROM docs WHERE v.a = 1", "DELETE FROM docs WHERE v.a.b = 1"):
        assert refused(client, query)[0] == 904, query
    run(client, "CREATE OR REPLACE SEQUENCE numbers")
    assert run(
        client,
        "WITH w AS (SELECT * FROM docs) SELECT d.v:a.b[0]::INT, f.value::INT, w.n, docs.n, numbers.nextval, x.y"
        " FROM docs AS d, w, test.public.docs, LATERAL FLATTEN(d.v:a.b) f, (VALUES (5)) AS x (y) WHERE d.n = w.n",
    ) == [(7, 7, 1, 1, 1, 5)]


def test_times_without_parentheses_are_no_columns(client: Any) -> None:
    """See: https://docs.snowflake.com/en/sql-reference/functions/current_date (without parentheses)"""
    run(client, "CREATE OR REPLACE TABLE times AS SELECT CURRENT_DATE, CURRENT_TIMESTAMP, LOCALTIME, LOCALTIMESTAMP")
    run(client, "INSERT INTO times SELECT CURRENT_DATE, CURRENT_TIMESTAMP, CURRENT_TIME, LOCALTIMESTAMP")
    query = 'SELECT COUNT("CURRENT_TIMESTAMP"), COUNT("LOCALTIME"), COUNT("LOCALTIMESTAMP"), MAX("CURRENT_DATE") - CURRENT_DATE'
    assert run(client, f"{query} FROM times")[0][:3] == (2, 2, 2)
    assert run(client, "SELECT d.* FROM (SELECT CURRENT_DATE) d UNION SELECT CURRENT_DATE()")[0][0] is not None


def test_names_are_found_in_their_own_case_only(client: Any) -> None:
    """See: https://docs.snowflake.com/en/sql-reference/identifiers-syntax (double-quoted identifiers)"""
    run(client, 'CREATE OR REPLACE TABLE cased (i INT, "low" INT)', "INSERT INTO cased VALUES (1, 2)")
    run(client, 'CREATE OR REPLACE TABLE "small" AS SELECT 1 AS x')
    for query in (
        'SELECT "i" FROM cased', 'SELECT c."i" FROM cased c', "SELECT low FROM cased", 'SELECT "LOW" FROM cased',
        'SELECT 1 FROM cased WHERE "i" = 1', 'SELECT COUNT(*) FROM cased GROUP BY "i"', "UPDATE cased SET low = 1",
        'DELETE FROM cased WHERE "i" = 1', 'INSERT INTO cased ("I", low) VALUES (1, 2)', 'CREATE VIEW v AS SELECT "i" FROM cased',
        'MERGE INTO cased USING (SELECT 1 AS k) s ON "i" = k WHEN MATCHED THEN DELETE',
        'SELECT "a" FROM (SELECT i AS a FROM cased)',
    ):  # fmt: skip
        assert refused(client, query)[0] == 904, query
    for query in (
        'SELECT * FROM "cased"', "SELECT * FROM small", 'INSERT INTO "cased" (i) VALUES (1)', 'DROP TABLE "cased"',
        'DESCRIBE TABLE "cased"', 'TRUNCATE TABLE "cased"', 'SELECT * FROM test."public".cased', "CREATE TABLE l LIKE small",
        'ALTER TABLE "cased" ADD COLUMN k INT',
    ):  # fmt: skip
        assert refused(client, query)[0] == 2003, query
    assert refused(client, 'USE SCHEMA "public"')[0] == 2043
    found = run(
        client,
        'WITH s AS (SELECT i AS a, "low" FROM cased) SELECT "I", s.a, s."low", l."low", (SELECT MAX(c.i) FROM cased c WHERE'
        ' c."low" = l."low"), n.x AS "x", "x" + 1 FROM cased l JOIN s ON l."low" = s."low", "small" n ORDER BY "x"',
    )
    assert found == [(1, 1, 2, 2, 1, 1, 2)]
    run(client, 'DROP TABLE "small"', "DROP TABLE cased", "SHOW ROLES LIKE 'PUBLIC'")
    assert run(client, 'SELECT "name" AS name, r."owner" FROM TABLE(RESULT_SCAN(LAST_QUERY_ID())) r') == [
        ("PUBLIC", "")
    ]
    assert run(client, "SELECT * FROM (SELECT 1 AS a, 2 AS a, 3 AS b) WHERE b = 3") == [(1, 2, 3)]
    for query in (
        "SELECT a FROM (SELECT 1 AS a, 2 AS a)",
        "WITH q AS (SELECT 1 AS a, 2 AS a) SELECT 1 FROM q WHERE q.a = 1",
    ):
        assert refused(client, query)[0] == 2028, query
    run(client, "SHOW ROLES LIKE 'PUBLIC'")
    assert refused(client, "SELECT name FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))")[0] == 904
