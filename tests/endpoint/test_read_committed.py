"""Transactions side by side, statement by statement: what each sees, against a model of READ COMMITTED."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from snowflake.connector.errors import ProgrammingError

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration

Row = tuple[int, int, str]


@pytest.fixture(scope="module")
def pair(endpoint: RunningEndpoint) -> Iterator[tuple[Any, Any]]:
    with endpoint.connect() as one, endpoint.connect() as other:
        one.cursor().execute("CREATE OR REPLACE TABLE t (id INT, n INT, s VARCHAR)")
        yield one.cursor(), other.cursor()


class Model:
    """The committed rows, and those that the open transaction sees: rows have numbers, so that equal ones are told apart."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.added: dict[int, Row] = {}
        self.gone: dict[int, None] = {}
        self.next = 0

    def seen(self) -> dict[int, Row]:
        return {**{k: v for k, v in self.rows.items() if k not in self.gone}, **self.added}

    def add(self, row: Row, own: bool) -> None:
        self.next += 1
        (self.added if own else self.rows)[self.next] = row

    def change(self, key: int, row: Row | None) -> None:
        """Replace a row, or delete it, in the open transaction."""
        if self.added.pop(key, None) is None:
            self.gone[key] = None
        if row is not None:
            self.add(row, own=True)

    def end(self, commit: bool) -> None:
        if commit:
            self.rows = self.seen()
        self.added, self.gone = {}, {}


STEPS = st.sampled_from(
    ["other", "other many", "insert", "copy own", "delete", "update", "merge", "fail", "fail read", "misspelt"]
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.generate),
    derandomize=True,
)
@given(steps=st.lists(st.tuples(STEPS, st.integers(0, 5)), min_size=3, max_size=12), commits=st.booleans())
def test_every_statement_sees_what_is_committed_and_its_own(
    pair: tuple[Any, Any], steps: list[tuple[str, int]], commits: bool
) -> None:
    one, other = pair
    one.execute("ROLLBACK")
    other.execute("DELETE FROM t")
    model = Model()
    for i in range(6):
        other.execute(f"INSERT INTO t VALUES ({i}, {i}, 'start')")
        model.add((i, i, "start"), own=False)
    one.execute("BEGIN")
    for step, k in steps:
        take(step, k, one, other, model)
        rows = one.execute("SELECT id, n, s FROM t ORDER BY id, n, s").fetchall()
        assert rows == sorted(model.seen().values()), (step, k)
        assert other.execute("SELECT id, n, s FROM t ORDER BY id, n, s").fetchall() == sorted(model.rows.values())
    one.execute("COMMIT" if commits else "ROLLBACK")
    model.end(commits)
    assert other.execute("SELECT id, n, s FROM t ORDER BY id, n, s").fetchall() == sorted(model.rows.values())


def take(step: str, k: int, one: Any, other: Any, model: Model) -> None:
    seen = model.seen()
    match step:
        case "other":
            other.execute(f"INSERT INTO t VALUES ({k}, 100, 'other')")
            model.add((k, 100, "other"), own=False)
        case "other many":
            other.execute("INSERT INTO t SELECT 7, SEQ4(), 'many' FROM TABLE(GENERATOR(ROWCOUNT => 50))")
            for i in range(50):
                model.add((7, i, "many"), own=False)
        case "insert":
            one.execute(f"INSERT INTO t VALUES ({k}, 1, 'own'), ({k}, 2, 'own')")
            model.add((k, 1, "own"), own=True)
            model.add((k, 2, "own"), own=True)
        case "copy own":
            one.execute(f"INSERT INTO t SELECT id, n + 1, s FROM t WHERE id = {k}")
            for row in seen.values():
                if row[0] == k:
                    model.add((row[0], row[1] + 1, row[2]), own=True)
        case "delete":
            one.execute(f"DELETE FROM t WHERE id = {k}")
            for key, row in seen.items():
                if row[0] == k:
                    model.change(key, None)
        case "update":
            one.execute(f"UPDATE t SET n = n + 10 WHERE id >= {k}")
            for key, row in seen.items():
                if row[0] >= k:
                    model.change(key, (row[0], row[1] + 10, row[2]))
        case "merge":
            one.execute(
                f"MERGE INTO t USING (SELECT {k} AS id, 'm' AS s) u ON t.id = u.id AND t.n < 50 WHEN MATCHED AND t.n > 4 "
                "THEN DELETE WHEN MATCHED THEN UPDATE SET s = u.s WHEN NOT MATCHED THEN INSERT VALUES (u.id, 60, u.s)"
            )
            matched = {key: row for key, row in seen.items() if row[0] == k and row[1] < 50}
            for key, row in matched.items():
                model.change(key, None if row[1] > 4 else (row[0], row[1], "m"))
            if not matched:
                model.add((k, 60, "m"), own=True)
        case "fail":
            with pytest.raises(ProgrammingError):
                one.execute("INSERT INTO t SELECT id, s::INT, s FROM t UNION ALL SELECT 1, 'x'::INT, 'x'")
        case "fail read":
            with pytest.raises(ProgrammingError):
                one.execute("SELECT 'x'::INT FROM t UNION ALL SELECT 'x'::INT")
        case "misspelt":  # a name that does not exist: found when the statement is compiled
            with pytest.raises(ProgrammingError):
                one.execute("UPDATE t SET nowhere = 1")


def test_two_statements_of_one_procedure_see_a_race(endpoint: RunningEndpoint, pair: tuple[Any, Any]) -> None:
    """The kind of mistake that one snapshot hides: what is counted is not what is deleted afterwards."""
    one, other = pair
    one.execute("ROLLBACK")
    one.execute("CREATE OR REPLACE TABLE pending (i INT)")
    one.execute("CREATE OR REPLACE TABLE done (i INT)")
    other.execute("INSERT INTO pending VALUES (1)")
    one.execute("BEGIN")
    one.execute("INSERT INTO done SELECT i FROM pending")
    other.execute("INSERT INTO pending VALUES (2)")
    one.execute("DELETE FROM pending")
    one.execute("COMMIT")
    assert other.execute("SELECT i FROM done").fetchall() == [(1,)]
    assert other.execute("SELECT i FROM pending").fetchall() == []


def test_temporary_tables_and_every_type_are_kept(endpoint: RunningEndpoint, pair: tuple[Any, Any]) -> None:
    one, other = pair
    one.execute("ROLLBACK")
    types = "a NUMBER(38,0), b NUMBER(20,5), c FLOAT, d VARCHAR, e BOOLEAN, f DATE, g TIME, h TIMESTAMP_NTZ, i TIMESTAMP_LTZ, "
    types += "j VARIANT, k ARRAY, l OBJECT, m BINARY"
    one.execute(f"CREATE OR REPLACE TABLE kinds ({types})")
    one.execute(f"CREATE OR REPLACE TEMPORARY TABLE own_kinds ({types})")
    for table in ("kinds", "own_kinds"):
        one.execute(f"INSERT INTO {table} (a) VALUES (0)")
    one.execute("BEGIN")
    row = (
        "SELECT 12345678901234567, 1.23456, 0.1::FLOAT, 'ü\\'', TRUE, '2024-02-29'::DATE, '12:34:56.789'::TIME, "
        "'2024-01-01 01:02:03.456789'::TIMESTAMP_NTZ, '2024-01-01 01:02:03.456789 +0200'::TIMESTAMP_LTZ, "
        "PARSE_JSON('{\"a\": [1, null]}'), ARRAY_CONSTRUCT(1, 'b'), OBJECT_CONSTRUCT('k', 1), TO_BINARY('00FF', 'HEX')"
    )
    for table in ("kinds", "own_kinds"):
        one.execute(f"INSERT INTO {table} {row}")
        one.execute(f"INSERT INTO {table} (d) VALUES (NULL)")
        one.execute(f"UPDATE {table} SET d = 'changed' WHERE a = 0")
    before = [one.execute(f"SELECT * FROM {table} ORDER BY a, d").fetchall() for table in ("kinds", "own_kinds")]
    assert len(before[0]) == len(before[1]) == 3
    other.execute("INSERT INTO t VALUES (1, 1, 'others commit')")
    with pytest.raises(ProgrammingError):
        one.execute("INSERT INTO own_kinds (a) SELECT 'x'::INT")
    after = [one.execute(f"SELECT * FROM {table} ORDER BY a, d").fetchall() for table in ("kinds", "own_kinds")]
    assert after == before
    one.execute("COMMIT")
    assert other.execute("SELECT * FROM kinds ORDER BY a, d").fetchall() == before[0]


def test_a_failed_statement_in_a_transaction_with_a_load(endpoint: RunningEndpoint, pair: tuple[Any, Any]) -> None:
    one, other = pair
    one.execute("ROLLBACK")
    folder = endpoint.s3_root / "race"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.csv").write_text("1,a\n2,b\n")
    (folder / "b.csv").write_text("3,c\nx,d\n")
    one.execute("CREATE OR REPLACE TABLE loads (i INT, s STRING)")
    one.execute("CREATE OR REPLACE STAGE race URL = 's3://race/'")
    copy = "COPY INTO loads FROM @race FILES = ('{}') FILE_FORMAT = (TYPE = CSV)"
    one.execute("BEGIN")
    one.execute(copy.format("a.csv"))
    with pytest.raises(ProgrammingError):
        one.execute(copy.format("b.csv"))
    assert one.execute(copy.format("a.csv")).fetchall()[0][1] == "LOAD_SKIPPED"
    one.execute("UPDATE loads SET s = 'loaded'")
    other.execute("INSERT INTO t VALUES (1, 1, 'others commit')")
    assert one.execute("SELECT i, s FROM loads ORDER BY i").fetchall() == [(1, "loaded"), (2, "loaded")]
    one.execute("COMMIT")
    assert other.execute(copy.format("a.csv")).fetchall()[0][1] == "LOAD_SKIPPED"
    assert other.execute("SELECT COUNT(*) FROM loads").fetchone() == (2,)


def test_a_table_that_another_session_changes_meanwhile(endpoint: RunningEndpoint, pair: tuple[Any, Any]) -> None:
    """INSERT takes no lock: the table may get a column, or go, while the transaction is open."""
    one, other = pair
    one.execute("ROLLBACK")
    one.execute("CREATE OR REPLACE TABLE grows (i INT)")
    one.execute("BEGIN")
    one.execute("INSERT INTO grows VALUES (1)")
    other.execute("ALTER TABLE grows ADD COLUMN s STRING")
    one.execute("INSERT INTO grows VALUES (2, 'b')")
    one.execute("COMMIT")
    assert other.execute("SELECT * FROM grows ORDER BY i").fetchall() == [(1, None), (2, "b")]
    one.execute("BEGIN")
    one.execute("INSERT INTO grows VALUES (3, 'c')")
    other.execute("DROP TABLE grows")
    with pytest.raises(ProgrammingError):
        one.execute("SELECT * FROM grows")
    one.execute("ROLLBACK")
    assert one.execute("SELECT CURRENT_TRANSACTION()").fetchone() == (None,)


def test_a_transaction_writes_to_one_database(endpoint: RunningEndpoint, pair: tuple[Any, Any]) -> None:
    """What DuckDB cannot is refused by name, and the transaction goes on."""
    one, other = pair
    one.execute("ROLLBACK")
    one.execute("DELETE FROM t")
    one.execute("CREATE DATABASE IF NOT EXISTS second")
    one.execute("CREATE OR REPLACE TABLE second.public.u (i INT)")
    one.execute("USE SCHEMA test.public")
    one.execute("BEGIN")
    one.execute("INSERT INTO t VALUES (1, 1, 'kept')")
    with pytest.raises(ProgrammingError, match="two databases"):
        one.execute("INSERT INTO second.public.u VALUES (1)")
    one.execute("COMMIT")
    assert other.execute("SELECT s FROM t").fetchall() == [("kept",)]
