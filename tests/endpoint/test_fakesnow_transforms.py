"""Leaving out transforms that have nothing to look at changes no statement, and the list is fakesnow's own."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fakesnow
import fakesnow.transforms
import pytest
import sqlglot
from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot import Expr

from local_stack.endpoint.translation.fakesnow import LEFT_OUT, TRANSFORMS, Run, Transform, transform

REPOSITORY = Path(__file__).parents[2]

# At least one statement for each transform.
_STATEMENTS = """
SELECT CURRENT_VERSION()
CREATE TABLE t (id INT, name VARCHAR(10))
ALTER TABLE t ADD COLUMN more VARCHAR(20)
SELECT * FROM information_schema.tables
SELECT * FROM information_schema.databases
CREATE TAG cost
SELECT a::VARIANT, b::ARRAY, c::OBJECT, d::TIMESTAMP_NTZ, e::FLOAT, f::NUMBER(38, 0), g::INT FROM t
SELECT SPLIT(a, ',') FROM t
SELECT TRIM(a) FROM t
SELECT a[0], a['k'], a['k']::VARCHAR FROM t
SELECT a:k::VARCHAR, UPPER(a:k), LOWER(a:k.l), a:k = 1 FROM t
SELECT REGEXP_REPLACE(a, 'x') FROM t
SELECT REGEXP_SUBSTR(a, 'x(.)', 1, 1, 'e') FROM t
SELECT q.NEXTVAL
SELECT * FROM VALUES (1, 'a'), (2, 'b')
SELECT TO_DATE(a), a::DATE, '2024-01-01 00:00:00 +01:00'::TIMESTAMP_TZ FROM t
SELECT TO_DECIMAL(a), TO_NUMBER(a, 10, 2), TRY_TO_NUMBER(a) FROM t
SELECT TO_TIMESTAMP(a), TO_TIMESTAMP_NTZ(b), TO_TIMESTAMP(5), c::TIMESTAMP FROM t
SELECT TO_VARIANT(a) FROM t
SELECT OBJECT_CONSTRUCT('a', 1), OBJECT_CONSTRUCT(*), OBJECT_CONSTRUCT_KEEP_NULL('a', NULL) FROM t
SELECT * FROM t SAMPLE (10)
CREATE TABLE w (a TIMESTAMP_NTZ, b REAL, c NUMBER)
SELECT ARRAY_SIZE(a) FROM t
SELECT RANDOM(7), RANDOM() FROM t
SELECT ARRAY_AGG(a) WITHIN GROUP (ORDER BY b), ARRAY_AGG(a), ARRAY_AGG(a) OVER (PARTITION BY b) FROM t
SELECT OBJECT_AGG(a, b) FROM t
SELECT ARRAY_CONSTRUCT(1, 2), ARRAY_CONSTRUCT_COMPACT(1, NULL), ARRAY_CAT(a, b) FROM t
SELECT DATEADD(day, 1, a::DATE), DATEADD(hour, 1, '2024-01-01'), DATEDIFF(day, '2024-01-01', b) FROM t
SHOW PRIMARY KEYS
SHOW UNIQUE KEYS
SHOW IMPORTED KEYS
SELECT HAVERSINE(1, 2, 3, 4)
SELECT X'41'
SELECT SHA2('a'), SHA2('a', 256), SHA2_HEX('a'), SHA2_BINARY('a')
SELECT a AS k, b FROM t JOIN u ON k = u.x
SELECT OBJECT_CONSTRUCT('a', a) AS o FROM t WHERE o = 1
ALTER TABLE t CLUSTER BY (a)
ALTER TABLE t RESUME RECLUSTER
SELECT SUM(a), AVG(b), STDDEV(c), MEDIAN(d), VAR_POP(e) AS v FROM t
INSERT INTO t (id, name) SELECT id, TO_DATE(name) FROM u WHERE id > 1
DELETE FROM t USING u WHERE t.id = u.id
""".strip().splitlines()


@pytest.fixture(scope="module")
def cursor() -> Iterator[FakeSnowflakeCursor]:
    """A cursor of fakesnow, without the transforms that we leave out."""
    with fakesnow.patch(), pytest.MonkeyPatch.context() as patched:
        import snowflake.connector

        connection: Any = snowflake.connector.connect(database="D", schema="S")
        for name in LEFT_OUT:
            patched.setattr(fakesnow.transforms, name, lambda tree, *_, **__: tree)
        yield connection.cursor()


def _both(cursor: FakeSnowflakeCursor, text: str) -> tuple[Any, Any]:
    """Return what fakesnow makes of a statement and what we do, with all notes left on the root."""

    def shown(change: Any) -> Any:
        try:
            (parsed,) = sqlglot.parse(text, read="snowflake")
            assert parsed is not None
            changed: Expr = change(parsed)
        except Exception as error:
            return type(error), str(error)
        notes = {key: str(value) for key, value in changed.args.items() if not isinstance(value, Expr | list)}
        # The differences: our integers have 38 digits, and our times since 1970 are UTC and keep their type.
        sql = changed.sql(dialect="duckdb").replace("INT128", "BIGINT").replace("DECIMAL(38, 0)", "BIGINT")
        sql = sql.replace("_FS_GLOBAL.MAIN._SF_TIMESTAMP(", "_FS_TO_TIMESTAMP(")
        sql = re.sub(r"TIMEZONE\('UTC', (_FS_TO_TIMESTAMP\(\d+, \d\))\)", r"\1", sql)
        return re.sub(r"\d{4}-\d\d-\d\dT[\d:.+]+", "<now>", sql), notes

    run = Run("D", "S")
    return shown(lambda tree: cursor._transform(tree, None)), shown(lambda tree: transform(tree, run))


@pytest.mark.parametrize("text", _STATEMENTS)
def test_each_statement_becomes_what_fakesnow_makes_of_it(cursor: FakeSnowflakeCursor, text: str) -> None:
    theirs, ours = _both(cursor, text)
    assert ours == theirs


def test_every_shipped_statement_too(cursor: FakeSnowflakeCursor) -> None:
    """The migrations and the procedures' SQL, a name in each placeholder: what matters is that the trees are large."""
    files = [*(REPOSITORY / "migrations").glob("*.sql"), *(REPOSITORY / "snowpark_procs" / "sql").glob("*.sql")]
    compared = 0
    for path in files:
        text = re.sub(r"\{[%#].*?[%#]\}", "", path.read_text(encoding="utf-8"), flags=re.S)
        text = re.sub(r"\{\{.*?\}\}|&\{\w+\}", "x", text)
        try:
            trees = [tree for tree in sqlglot.parse(text, read="snowflake") if tree]
        except sqlglot.ParseError:
            continue  # no SQL without what its template fills in
        for tree in trees:
            theirs, ours = _both(cursor, tree.sql(dialect="snowflake"))
            assert ours == theirs, path.name
            compared += 1
    assert compared > 150


def test_every_transform_is_reached_by_some_statement(cursor: FakeSnowflakeCursor) -> None:
    """A transform that no statement above needs could be left out by mistake, and no test would see it."""
    changed: set[str] = set()
    run = Run("D", "S")
    for text in _STATEMENTS:
        (tree,) = sqlglot.parse(text, read="snowflake")
        assert tree is not None
        for step in TRANSFORMS:
            before = (repr(tree), sorted(tree.args))
            try:
                tree = step.apply(tree, run)
            except Exception:
                changed.add(_name(step))
                break
            if (repr(tree), sorted(tree.args)) != before:
                changed.add(_name(step))
    assert {_name(step) for step in TRANSFORMS} - changed == set()


def test_the_list_is_fakesnows_own() -> None:
    """A new version of fakesnow that adds, drops or moves a transform fails here; what is left out has a reason."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(FakeSnowflakeCursor._transform)))
    calls = [
        (node.end_lineno, node.end_col_offset, node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "transforms"
    ]
    theirs = [name for _, _, name in sorted(calls)]
    assert [name for name in theirs if name not in LEFT_OUT] == [_name(step) for step in TRANSFORMS]
    assert set(LEFT_OUT) < set(theirs)
    assert all(LEFT_OUT.values())


def _name(step: Transform) -> str:
    return step.function.__name__
