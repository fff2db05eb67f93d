"""ARRAY and OBJECT columns: read off a query, and told by results, DESCRIBE and Snowpark's schemas."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlglot
from snowflake.connector import ProgrammingError
from snowflake.connector.constants import FIELD_ID_TO_NAME
from snowflake.snowpark import Session
from snowflake.snowpark.types import ArrayType, MapType, VariantType

from local_stack.endpoint.translation.known_columns import Known
from local_stack.endpoint.translation.result_columns import columns_of_query
from tests.conftest import RunningEndpoint

_TABLE = (Known("A", "ARRAY"), Known("O", "OBJECT"), Known("V"), Known("K", nullable=False))
_ALL = [("A", "ARRAY"), ("O", "OBJECT"), ("V", None), ("K", None)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a, v AS w, o FROM t", [("A", "ARRAY"), ("W", None), ("O", "OBJECT")]),
        ("SELECT * FROM t", _ALL),
        ("SELECT * FROM (SELECT a AS b FROM (SELECT * FROM t))", [("B", "ARRAY")]),
        ("SELECT v::ARRAY AS x, (o) AS y, a[0] AS z FROM t", [("X", "ARRAY"), ("Y", "OBJECT"), ("Z", None)]),
        ("SELECT ARRAY_AGG(v), OBJECT_CONSTRUCT('k', 1) AS \"c\" FROM t", [("", "ARRAY"), ("c", "OBJECT")]),
        ("(SELECT a FROM t) UNION ALL (SELECT v FROM t)", [("A", None)]),
        ("(SELECT a AS x FROM t) UNION ALL (SELECT a FROM t)", [("X", "ARRAY")]),
        ("SELECT t.a, u.o FROM t JOIN t u", [("A", "ARRAY"), ("O", "OBJECT")]),
        ("SELECT *, 1 AS n FROM t", [*_ALL, ("N", None)]),
        ("SELECT u.* FROM (SELECT 1 AS x) q, t u", _ALL),
        ("WITH q AS (SELECT o AS p FROM t) SELECT p, v::TIMESTAMP_TZ AS z FROM q, t", [("P", "OBJECT"), ("Z", "TIMESTAMP_TZ")]),
        ("SELECT * FROM t PIVOT (SUM(v) FOR k IN (1, 2))", None),
        ("SELECT * FROM t JOIN t u USING (k)", None),
        ("SELECT $1 AS x FROM VALUES (ARRAY_CONSTRUCT(1))", [("X", "ARRAY")]),
        ("SELECT STRTOK_TO_ARRAY('a'), ARRAY_UNIQUE_AGG(v), ARRAY_FLATTEN(a) FROM t", [("", "ARRAY")] * 3),
        ("SELECT OBJECT_INSERT(o, 'k', 1), ARRAYS_TO_OBJECT(a, a) FROM t", [("", "OBJECT")] * 2),
    ],
)  # fmt: skip
def test_read_off_a_query(sql: str, expected: object) -> None:
    known = columns_of_query(sqlglot.parse_one(sql, read="snowflake"), lambda _: _TABLE)
    assert (None if known is None else [(column.name, column.kind) for column in known]) == expected


@pytest.mark.parametrize(
    ("expression", "nullable"),
    [
        ("k", False), ("v", True), ("1", False), ("NULL", True), ("k + 1", False), ("k + v", True), ("k = v", True),
        ("v IS NULL", False), ("COALESCE(v, 0)", False), ("COALESCE(v, o)", True), ("IFF(v, 1, 2)", False),
        ("IFF(k, 1, v)", True),
        ("CASE WHEN v THEN 1 END", True), ("CASE WHEN v THEN 1 ELSE 2 END", False), ("k::VARCHAR", False),
        ("TRY_CAST('x' AS INT)", True), ("TRY_TO_DATE('x')", True), ("UPPER('x')", False), ("LOWER(v)", True),
        ("COUNT(v)", False),
        ("SUM(k)", True), ("MAX(k)", True), ("ROW_NUMBER() OVER (ORDER BY v)", False), ("LAG(k) OVER (ORDER BY k)", True),
        ("PARSE_JSON('null')", True), ("o:k", True), ("a[0]", True), ("ARRAY_CONSTRUCT(v)", False), ("CURRENT_DATE()", False),
        ("(SELECT 1)", True), ("f(k)", True), ("k IN (1, 2)", False), ("k IN (SELECT 1)", True), ("-k", False), ("?", True),
        ("NULLIF(k, 1)", True), ("TO_CHAR(k)", False), ("DATEADD(day, k, '2024-01-01'::DATE)", False),
    ],
)  # fmt: skip
def test_what_can_be_null(expression: str, nullable: bool) -> None:
    known = columns_of_query(sqlglot.parse_one(f"SELECT {expression} AS x FROM t", read="snowflake"), lambda _: _TABLE)
    assert known is not None
    assert known[0].nullable == nullable


@pytest.mark.parametrize(
    ("sql", "nullable"),
    [
        ("SELECT t.k, u.k FROM t JOIN t u ON t.k = u.k", [False, False]),
        ("SELECT t.k, u.k FROM t LEFT JOIN t u ON t.k = u.k", [False, True]),
        ("SELECT * FROM (SELECT k FROM t) q RIGHT JOIN (SELECT k AS l FROM t) u ON k = l", [True, False]),
        ("SELECT t.k, u.k FROM t FULL JOIN t u ON t.k = u.k", [True, True]),
        ("SELECT k FROM t UNION SELECT 1", [False]),
        ("SELECT k FROM t UNION SELECT NULL", [True]),
        ("SELECT k, COUNT(*) FROM t GROUP BY k", [False, False]),
        ("SELECT k, COUNT(*) FROM t GROUP BY ROLLUP (k)", [True, True]),
        ("SELECT $1, $2 FROM VALUES (1, 'a'), (2, NULL)", [False, True]),
        ("SELECT c FROM (VALUES (1), (2)) AS v (c)", [False]),
    ],
)
def test_what_joins_and_sets_make_of_null(sql: str, nullable: list[bool]) -> None:
    known = columns_of_query(sqlglot.parse_one(sql, read="snowflake"), lambda _: _TABLE)
    assert known is not None
    assert [column.nullable for column in known] == nullable


@pytest.fixture
def cursor(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect(paramstyle="qmark") as connection, connection.cursor() as opened:
        opened.execute("CREATE OR REPLACE TABLE t (a ARRAY, o OBJECT, v VARIANT)")
        opened.execute("INSERT INTO t SELECT [1], {'k': 2}, PARSE_JSON('3')")
        yield opened


def kinds(cursor: Any, sql: str) -> list[str]:
    cursor.execute(sql)
    return [FIELD_ID_TO_NAME[column.type_code] for column in cursor.description]


@pytest.mark.integration
def test_results_and_describe(cursor: Any) -> None:
    expected = ["ARRAY", "OBJECT", "VARIANT"]
    assert kinds(cursor, "SELECT * FROM t") == kinds(cursor, "SELECT a AS x, o AS y, v FROM t") == expected
    assert [FIELD_ID_TO_NAME[c.type_code] for c in cursor.describe("SELECT * FROM t")] == expected
    assert [row[1] for row in cursor.execute("DESCRIBE TABLE t").fetchall()] == expected
    cursor.execute("CREATE OR REPLACE TEMPORARY TABLE u AS SELECT o, a FROM t")
    assert kinds(cursor, "SELECT * FROM u") == ["OBJECT", "ARRAY"]


_TYPED = {
    "1.5::FLOAT": ("DOUBLE", "1.500000000000000e+00", 1.5), "1.50": ("DECIMAL", "1.5", Decimal("1.5")),
    "15": ("INTEGER", "15", 15), "'2024-01-02'": ("VARCHAR", '"2024-01-02"', "2024-01-02"), "TRUE": ("BOOLEAN", "true", True),
    "'2024-01-02'::DATE": ("DATE", '"2024-01-02"', dt.date(2024, 1, 2)),
    "'03:04:05.6'::TIME": ("TIME", '"03:04:05"', dt.time(3, 4, 5, 600000)),
    "'2024-01-02 03:04'::TIMESTAMP_NTZ":
        ("TIMESTAMP_NTZ", '"2024-01-02 03:04:00.000"', dt.datetime(2024, 1, 2, 3, 4)),
    "'2024-01-02 03:04:05.6789 +01:00'::TIMESTAMP_LTZ":
        ("TIMESTAMP_LTZ", '"2024-01-02 02:04:05.678 +0000"', dt.datetime(2024, 1, 2, 2, 4, 5, 678900, dt.UTC)),
    "TO_TIMESTAMP_TZ('2024-01-02 03:04:05 +1')":
        ("TIMESTAMP_TZ", '"2024-01-02 02:04:05.000 +0000"', dt.datetime(2024, 1, 2, 2, 4, 5, 0, dt.UTC)),
    "TO_BINARY('AB', 'HEX')": ("BINARY", '"AB"', b"\xab"),
}  # fmt: skip


@pytest.mark.integration
def test_a_variant_keeps_the_type_of_a_value(cursor: Any) -> None:
    rows = [f"SELECT {n}, {value}::VARIANT" for n, value in enumerate(_TYPED)]
    cursor.execute("CREATE OR REPLACE TABLE kept (n INT, v VARIANT)")
    cursor.execute("INSERT INTO kept " + " UNION ALL ".join(rows))
    found = cursor.execute("SELECT TYPEOF(v), v, TO_JSON(v), v::VARCHAR FROM kept ORDER BY n").fetchall()
    assert [row[:2] for row in found] == [(kind, text) for kind, text, _ in _TYPED.values()]
    assert [row[2] for row in found][1:] == [text for _, text, _ in _TYPED.values()][1:]
    assert [row[3] for row in found][1:] == [text.strip('"') for _, text, _ in _TYPED.values()][1:]
    for n, (kind, _, value) in enumerate(_TYPED.values()):
        name = {"DECIMAL": "NUMBER", "INTEGER": "NUMBER"}.get(kind, kind)
        size = ", 10, 1" if kind == "DECIMAL" else ""
        cursor.execute(f"SELECT n, AS_{name}(v{size}) FROM kept WHERE IS_{kind}(v) ORDER BY n")
        assert (n, value) in cursor.fetchall()
    cursor.execute("SELECT COUNT_IF(IS_DECIMAL(v)), COUNT_IF(IS_REAL(v)), COUNT_IF(IS_CHAR(v)) FROM kept")
    assert cursor.fetchone() == (2, 3, 1)
    cursor.execute(
        "SELECT v::DATE, v = '2024-01-02'::DATE, OBJECT_CONSTRUCT('k', v):k::DATE FROM kept WHERE IS_DATE(v)"
    )
    assert cursor.fetchone() == (dt.date(2024, 1, 2), True, dt.date(2024, 1, 2))


@pytest.mark.integration
def test_elements_keep_their_types(cursor: Any) -> None:
    """In an ARRAY and an OBJECT, however it is made; FLOAT aside, which is a number there."""
    kept = {value: row for value, row in _TYPED.items() if "FLOAT" not in value}
    for value, (kind, text, _) in kept.items():
        name = {"DECIMAL": "NUMBER(9, 1)", "INTEGER": "NUMBER"}.get(kind, kind)
        made = [
            f"[{value}][0]", f"{{'k': {value}}}:k", f"OBJECT_CONSTRUCT('k', {value}):k", f"OBJECT_AGG('k', {value}):k",
            f"(SELECT f.value FROM TABLE(FLATTEN([{value}])) f)",
        ]  # fmt: skip
        if kind != "TIMESTAMP_TZ":  # an instant in a column, as TIMESTAMP_LTZ is
            made += [
                f"ARRAY_APPEND([1], {value})[1]", f"OBJECT_INSERT({{}}, 'k', {value}):k", f"ARRAY_AGG({value})[0]",
                f"ARRAY_UNIQUE_AGG({value})[0]", f"(SELECT OBJECT_CONSTRUCT(*):X FROM (SELECT {value} AS x))",
            ]  # fmt: skip
        cursor.execute(f"SELECT {', '.join(f'TYPEOF({one})' for one in made)}")
        assert dict(zip(made, cursor.fetchone(), strict=True)) == dict.fromkeys(made, kind)
        cursor.execute(f"SELECT [{value}], TO_JSON({{'k': {value}}}), [{value}]::VARCHAR, x::{name} = {value}, x::VARCHAR"
                       f" FROM (SELECT [{value}][0] AS x)")  # fmt: skip
        assert cursor.fetchone() == (f"[\n  {text}\n]", f'{{"k":{text}}}', f"[{text}]", True, text.strip('"'))
    cursor.execute("SELECT ARRAY_CONTAINS(d::VARIANT, [1, d]), {'k': d}:k = d, {'k': d}:k < CURRENT_DATE(), {'k': d}:k || ''"
                   " FROM (SELECT '2024-01-02'::DATE AS d)")  # fmt: skip
    assert cursor.fetchone() == (True, True, True, "2024-01-02")


@pytest.mark.integration
def test_an_element_that_is_null_is_undefined(cursor: Any) -> None:
    cursor.execute(
        "SELECT [NULL, 1], PARSE_JSON('[1,,undefined]'), ARRAY_INSERT([], 1, 2), TO_JSON([NULL]), [PARSE_JSON('null')]"
    )
    assert [text.replace("\n  ", "").replace("\n", "") for text in cursor.fetchone()] == [
        "[undefined,1]", "[1,undefined,undefined]", "[undefined,2]", "[undefined]", "[null]",
    ]  # fmt: skip
    true = (
        "[NULL][0] IS NULL", "GET([NULL], 0) IS NULL", "a[i] IS NULL", "a[0]::INT IS NULL", "a[0]::VARCHAR IS NULL",
        "IS_NULL_VALUE(a[1])", "ARRAY_SIZE(a) = 3", "ARRAY_COMPACT(a) = [1]", "ARRAY_TO_STRING(a, ',') = ',,1'",
        "(SELECT COUNT(f.value) FROM TABLE(FLATTEN([NULL, 1])) f) = 1",
    )  # fmt: skip
    cursor.execute(f"SELECT {', '.join(true)} FROM (SELECT 0 AS i, [NULL, PARSE_JSON('null'), 1] AS a)")
    assert dict(zip(true, cursor.fetchone(), strict=True)) == dict.fromkeys(true, True)


@pytest.mark.integration
def test_an_object_of_aggregates(cursor: Any) -> None:
    cursor.execute(
        "SELECT OBJECT_CONSTRUCT('n', COUNT(*), 'o', {'x': x, 'none': NULL}) FROM (SELECT 'a' AS x) GROUP BY x"
    )
    assert cursor.fetchone() == ('{\n  "n": 1,\n  "o": {\n    "x": "a"\n  }\n}',)
    with pytest.raises(ProgrammingError, match="duplicate field key"):
        cursor.execute("SELECT OBJECT_CONSTRUCT('a', 1, 'a', 2)")


@pytest.mark.integration
def test_a_variant_beside_text_is_text(cursor: Any) -> None:
    """In comparisons, choices and functions of text; bound values and columns of FLATTEN, too."""
    cursor.execute("CREATE OR REPLACE TABLE loose (v VARIANT, x VARCHAR)")
    cursor.execute('INSERT INTO loose SELECT PARSE_JSON(\'{"k": "a", "n": 5, "l": ["p", "q"]}\'), \'a\'')
    true = (
        "v:k = 'a'", "'b' <> v:k", "v:k IN ('a', 'b')", "v:k BETWEEN 'A' AND 'b'", "v:n = '5'", "v:n > 4", "v:k = x",
        "v:k IN (SELECT x FROM loose)", "v:k LIKE 'a%'", "v:k || x = 'aa'", "LENGTH(v:k) = 1", "UPPER(v:l[1]) = 'Q'",
        "EQUAL_NULL(v:k, 'a')", "NULLIF(v:k, 'a') IS NULL", "CASE v:k WHEN 'a' THEN TRUE END", "DECODE(v:k, 'a', TRUE)",
        "COALESCE(v:m, 'z') = 'z'", "IFF(TRUE, v:k, 'z') = 'a'", "CONCAT(v:k, '-', v:n) = 'a-5'", "STARTSWITH(v:k, 'a')",
        "GET(v, 'k') = 'a'", "SPLIT_PART(v:k, 'x', 1) = 'a'", "TO_BINARY(v:k || 'b') = TO_BINARY('AB')",
    )  # fmt: skip
    cursor.execute(f"SELECT {', '.join(true)} FROM loose")
    assert dict(zip(true, cursor.fetchone(), strict=True)) == dict.fromkeys(true, True)
    queries = {
        "SELECT f.value || f.index FROM loose, LATERAL FLATTEN(v:l) f WHERE f.value = 'q'": "q1",
        "SELECT v:k || 's' FROM loose GROUP BY v:k HAVING v:k = 'a'": "as",
        "SELECT v:k::VARCHAR AS k FROM loose GROUP BY v:k": "a",
        "SELECT v:k AS k, k = 'a' AS same FROM loose WHERE same AND k <> 'b'": '"a"',
        "SELECT x FROM loose UNION SELECT v:k FROM loose": "a",
    }
    assert {query: cursor.execute(query).fetchone()[0] for query in queries} == queries
    assert cursor.execute("SELECT COUNT(*) FROM loose WHERE v:k = ?", ["a"]).fetchone() == (1,)
    cursor.execute("DELETE FROM loose WHERE v:k = 'b'")
    assert cursor.rowcount == 0
    with pytest.raises(ProgrammingError, match='Failed to cast variant value "a" to FIXED'):
        cursor.execute("SELECT v:k > 1 FROM loose")


@pytest.mark.integration
def test_variants_are_ordered_by_their_values(cursor: Any) -> None:
    cursor.execute(
        "CREATE OR REPLACE TEMPORARY TABLE ordered AS SELECT f.value AS v FROM TABLE(FLATTEN([9, 'b', 10, 'a', 1.5])) f"
    )
    cursor.execute("SELECT v::VARCHAR FROM ordered ORDER BY v")
    assert [text for (text,) in cursor.fetchall()] == ["1.5", "9", "10", "a", "b"]
    cursor.execute(
        "SELECT MAX(v)::INT, MIN(v)::FLOAT, COUNT_IF(v < 10::VARIANT), MAX(n) FROM"
        " (SELECT v, ROW_NUMBER() OVER (ORDER BY v DESC) AS n FROM ordered WHERE IS_DECIMAL(v))"
    )
    assert cursor.fetchone() == (10, 1.5, 2, 3)
    cursor.execute("SELECT v AS n FROM ordered GROUP BY v ORDER BY n DESC LIMIT 1")
    assert cursor.fetchone() == ('"b"',)


_WRITTEN = (
    "(i INT, n NUMBER(9,2), x VARCHAR, d DATE, t TIMESTAMP_NTZ, v VARIANT, b BINARY)",
    "2.5::FLOAT, PARSE_JSON('2.555'), PARSE_JSON('\"q\"'), PARSE_JSON('\"2024-01-02\"'), '2024-01-02 03:04 +0500',"
    " '2024-01-02'::DATE, 'AB'",
    (3, Decimal("2.56"), "q", dt.date(2024, 1, 2), dt.datetime(2024, 1, 2, 3, 4), "DATE", b"\xab"),
)


@pytest.mark.integration
def test_what_is_written_is_converted(cursor: Any) -> None:
    """By INSERT, UPDATE and MERGE; what is not converted by itself is refused."""
    columns, values, expected = _WRITTEN
    cursor.execute(f"CREATE OR REPLACE TABLE target {columns}")
    names = [column.split()[0] for column in columns.strip("()").split(", ")]
    source = f"(SELECT {', '.join(f'c{n} AS s_{name}' for n, name in enumerate(names))} FROM (SELECT {values}) AS q" + (
        f" ({', '.join(f'c{n}' for n in range(len(names)))}))"
    )
    read = "SELECT i, n, x, d, t, TYPEOF(v), b FROM target"
    assigned = ", ".join(f"{name} = s_{name}" for name in names)
    for statement in (
        f"INSERT INTO target SELECT {values}",
        f"INSERT OVERWRITE INTO target SELECT * FROM {source}",
        f"UPDATE target SET {assigned} FROM {source} s",
        f"MERGE INTO target USING {source} s ON FALSE WHEN NOT MATCHED THEN INSERT VALUES ({', '.join('s_' + n for n in names)})",
        f"MERGE INTO target USING {source} s ON i = 3 WHEN MATCHED THEN UPDATE SET {assigned}",
    ):
        cursor.execute("DELETE FROM target" if "ON FALSE" in statement else "SELECT 1")
        cursor.execute(statement)
        assert cursor.execute(read).fetchall() == [expected], statement
    cursor.execute("UPDATE target SET x = d, n = '7', i = i + '1'")
    cursor.execute(
        "MERGE INTO target USING (SELECT 1) ON TRUE WHEN MATCHED THEN UPDATE SET x = t || '', i = IFF(i = 4, '6', i)"
    )
    assert cursor.execute("SELECT x, n, i FROM target").fetchone() == ("2024-01-02 03:04:00.000", 7, 6)
    cursor.execute("INSERT INTO target (x, v) VALUES (2::FLOAT, TRUE), ('2024-01-02'::TIMESTAMP, 1)")
    cursor.execute("SELECT x, TYPEOF(v) FROM target WHERE n IS NULL ORDER BY x")
    assert cursor.fetchall() == [("2", "BOOLEAN"), ("2024-01-02 00:00:00.000", "INTEGER")]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("INSERT INTO t (v) VALUES ('abc')", "expecting VARIANT but got VARCHAR(3) for column V"),
        ("INSERT INTO t (v) SELECT 'abc'", "expecting VARIANT but got VARCHAR(3) for column V"),
        ("UPDATE t SET a = 1.50", "expecting ARRAY but got NUMBER(3,2) for column A"),
        ("INSERT INTO t (o) SELECT a FROM t", "expecting OBJECT but got ARRAY for column O"),
        ("INSERT INTO t (v) VALUES (?)", "expecting VARIANT but got VARCHAR(1) for column V"),
        (
            "MERGE INTO t USING (SELECT CURRENT_DATE() AS c) ON TRUE WHEN MATCHED THEN UPDATE SET a = c",
            "expecting ARRAY but got DATE for",
        ),
    ],
)
def test_what_a_column_does_not_take(cursor: Any, statement: str, expected: str) -> None:
    with pytest.raises(ProgrammingError) as failure:
        cursor.execute(statement, ["1"] if "?" in statement else None)
    assert failure.value.errno == 2023
    assert f"Expression type does not match column data type, {expected}" in str(failure.value)


@pytest.mark.integration
def test_structured_types_are_objects_and_arrays(cursor: Any) -> None:
    cursor.execute("CREATE OR REPLACE TEMPORARY TABLE structured (m MAP(VARCHAR, INT), a ARRAY(FLOAT))")
    cursor.execute("INSERT INTO structured SELECT OBJECT_CONSTRUCT('k1', 1)::MAP(VARCHAR, INT), [1.5, 2]::ARRAY(FLOAT)")
    cursor.execute("SELECT m, m['k1']::INT FROM structured")
    assert cursor.fetchall() == [('{\n  "k1": 1\n}', 1)]


@pytest.mark.integration
def test_numbers_with_an_exponent_are_floats(cursor: Any) -> None:
    cursor.execute("SELECT PARSE_JSON('1.912e2'), TYPEOF(PARSE_JSON('1.912e2')), PARSE_JSON('[1e1, 2.5]'), 1::VARIANT")
    assert cursor.fetchone() == ("1.912000000000000e+02", "DOUBLE", "[\n  1.000000000000000e+01,\n  2.5\n]", "1")


@pytest.mark.integration
def test_it_goes_with_the_table(cursor: Any) -> None:
    for name in ("copied", "renamed", "swapped"):
        cursor.execute(f"DROP TABLE IF EXISTS {name}")
    cursor.execute("CREATE TABLE copied CLONE t")
    cursor.execute("ALTER TABLE copied RENAME TO renamed")
    cursor.execute("CREATE TABLE swapped (a VARIANT)")
    cursor.execute("ALTER TABLE renamed SWAP WITH swapped")
    assert kinds(cursor, "SELECT a FROM swapped") == ["ARRAY"]
    assert kinds(cursor, "SELECT a FROM renamed") == ["VARIANT"]
    cursor.execute("CREATE OR ALTER TABLE renamed (a VARIANT, n ARRAY)")
    assert kinds(cursor, "SELECT * FROM renamed") == ["VARIANT", "ARRAY"]
    cursor.execute("DROP TABLE swapped")
    cursor.execute("CREATE TABLE swapped (a VARIANT)")
    assert kinds(cursor, "SELECT a FROM swapped") == ["VARIANT"]


@pytest.mark.integration
def test_snowpark_knows_them(endpoint: RunningEndpoint) -> None:
    configuration = {**endpoint.connection_parameters, "database": "TEST", "schema": "PUBLIC"}
    with Session.builder.configs(configuration).create() as session:
        frame = session.create_dataframe([[[1, 2], {"k": 1}], [None, None]], schema=["a", "o"])
        assert [type(field.datatype) for field in frame.schema.fields] == [ArrayType, MapType]
        filled = frame.fillna([3]).collect()
        assert [row["A"] for row in filled] == ["[\n  1,\n  2\n]", "[\n  3\n]"]
        frame.write.save_as_table("kept", mode="overwrite")
        table = session.table("kept")
        assert [type(field.datatype) for field in table.schema.fields] == [ArrayType, MapType]
        assert [type(field.datatype) for field in table.select(table["a"][0]).schema.fields] == [VariantType]


@pytest.mark.integration
def test_results_tell_what_cannot_be_null(endpoint: RunningEndpoint) -> None:
    with endpoint.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE TABLE strict (id INT NOT NULL, name VARCHAR)")
        cursor.execute("CREATE OR REPLACE TEMPORARY TABLE passing (id INT NOT NULL, name VARCHAR)")
        for table in ("strict", "passing", "test.public.strict"):
            sql = f"SELECT id, name, id + 1 AS n, COUNT(*) OVER () AS c FROM {table}"
            assert [column.is_nullable for column in cursor.describe(sql)] == [False, True, False, False]
            cursor.execute(sql)
            assert [column.is_nullable for column in cursor.description] == [False, True, False, False]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("zone", "offset"), [("UTC", "+00:00"), ("America/Los_Angeles", "-08:00"), ("Asia/Kolkata", "+05:30")]
)
def test_a_timestamp_tz_is_told_as_one(endpoint: RunningEndpoint, zone: str, offset: str) -> None:
    with endpoint.connect(session_parameters={"TIMEZONE": zone}) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE TABLE zoned (z TIMESTAMP_TZ, l TIMESTAMP_LTZ, n TIMESTAMP_NTZ)")
        cursor.execute("INSERT INTO zoned SELECT '2024-01-01 10:00:00', '2024-01-01 10:00:00', '2024-01-01 10:00:00'")
        assert kinds(cursor, "SELECT *, z AS again FROM zoned") == [
            "TIMESTAMP_TZ", "TIMESTAMP_LTZ", "TIMESTAMP_NTZ", "TIMESTAMP_TZ",
        ]  # fmt: skip
        row = cursor.fetchone()
        assert [value.isoformat() for value in row[:3]] == [
            f"2024-01-01T10:00:00{offset}", f"2024-01-01T10:00:00{offset}", "2024-01-01T10:00:00",
        ]  # fmt: skip
        described = [line[1] for line in cursor.execute("DESC TABLE zoned").fetchall()]
        assert described == ["TIMESTAMP_TZ(9)", "TIMESTAMP_LTZ(9)", "TIMESTAMP_NTZ(9)"]
