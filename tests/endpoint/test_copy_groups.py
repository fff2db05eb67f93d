"""COPY of many Parquet files in few statements: rows, answer, load metadata and errors as when each is loaded alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from snowflake.connector.errors import DatabaseError

from local_stack.endpoint.features.stages.footers import neighbours, read_footers
from local_stack.endpoint.features.stages.location import StagedFile
from tests.conftest import RunningEndpoint

_COLUMNS = (
    "(id NUMBER(10,0) NOT NULL, name STRING, amount NUMBER(10,2), at TIMESTAMP_NTZ, late STRING, file_name STRING,"
    " row_number NUMBER, modified TIMESTAMP_NTZ, content STRING, loaded_at TIMESTAMP_NTZ)"
)
_COPY = """
    COPY INTO {table} FROM @grouped/{folder}/ {files}
    FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE
    INCLUDE_METADATA = (file_name = METADATA$FILENAME, row_number = METADATA$FILE_ROW_NUMBER,
        modified = METADATA$FILE_LAST_MODIFIED, content = METADATA$FILE_CONTENT_KEY,
        loaded_at = METADATA$START_SCAN_TIME)
    ON_ERROR = {on_error} {more}
"""
_AT = dt.datetime(2024, 1, 15, 23, 59, 59, 123456)


def _rows(first: int, count: int, **columns: pa.Array) -> pa.Table:
    numbers = range(first, first + count)
    return pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "name": pa.array([f"n{n}" if n % 3 else None for n in numbers], pa.string()),
            "amount": pa.array([Decimal(n) / 100 for n in numbers], pa.decimal128(12, 2)),
            "at": pa.array([_AT + dt.timedelta(hours=n) for n in numbers], pa.timestamp("us", "UTC")),
            **columns,
        }
    )


def _same_and_other_schemas() -> dict[str, pa.Table]:
    """Files whose neighbours have one schema, another one, none of the rows, or columns that hide the reader's own."""
    late = {"late": pa.array(["x", "y"], pa.string())}
    hiding = {name: pa.array([7, 8], pa.int64()) for name in ("filename", "file_index", "file_row_number")}
    return {
        "a1.parquet": _rows(1, 3),
        "a2.parquet": _rows(4, 1),
        "a3 ü [1] it's*.parquet": _rows(5, 4),
        "b1.parquet": _rows(20, 2, **late),
        "b2.parquet": _rows(22, 0),
        "b3.parquet": _rows(23, 2),
        "c1.parquet": _rows(30, 2, **hiding),
        "c2.parquet": _rows(32, 2, **hiding),
        "d1.parquet": _rows(40, 2).set_column(0, "id", pa.array(["40", "41"], pa.string())),
        "e1.parquet": _rows(50, 2).drop_columns(["name", "at"]),
        "e2.parquet": _rows(52, 2).drop_columns(["name", "at"]),
    }


@pytest.fixture
def bucket(endpoint: RunningEndpoint) -> Path:
    folder = endpoint.s3_root / "grouped"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def cursor(endpoint: RunningEndpoint, bucket: Path) -> Iterator[Any]:
    with endpoint.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE STAGE IF NOT EXISTS grouped URL = 's3://grouped/'")
        for table in ("together", "alone"):
            cursor.execute(f"CREATE OR REPLACE TABLE {table} {_COLUMNS}")
        yield cursor


def _write(bucket: Path, folder: str, tables: dict[str, pa.Table]) -> list[str]:
    (bucket / folder).mkdir(exist_ok=True)
    for name, table in tables.items():
        pq.write_table(table, bucket / folder / name)
    return sorted(tables)


def _copy(
    cursor: Any, table: str, folder: str, *names: str, more: str = "", on_error: str = "ABORT_STATEMENT"
) -> list[Any]:
    listed = ", ".join("'" + name.replace("'", "''") + "'" for name in names)
    files = f"FILES = ({listed})" if names else ""
    return list(
        cursor.execute(_COPY.format(table=table, folder=folder, files=files, more=more, on_error=on_error)).fetchall()
    )


def _contents(cursor: Any, table: str) -> list[Any]:
    return list(cursor.execute(f"SELECT * EXCLUDE loaded_at FROM {table} ORDER BY file_name, row_number").fetchall())


def _loads(cursor: Any, table: str) -> list[Any]:
    sql = (
        "SELECT file_name, status, row_count, row_parsed, error_count FROM information_schema.load_history"
        f" WHERE table_name = '{table.upper()}' ORDER BY last_load_time, file_name"
    )
    return list(cursor.execute(sql).fetchall())


def _failure(cursor: Any, table: str, folder: str, *names: str) -> tuple[int | None, str]:
    with pytest.raises(DatabaseError) as caught:
        _copy(cursor, table, folder, *names)
    return caught.value.errno, str(caught.value.raw_msg)


def test_neighbours_of_one_schema_are_read_together(tmp_path: Path) -> None:
    names = _write(tmp_path, "mixed", _same_and_other_schemas())
    files = [StagedFile(tmp_path / "mixed" / name, name, name, name) for name in names]
    files.append(files[-1])
    with duckdb.connect() as reader:
        groups = list(neighbours(files, read_footers(reader, files)))
    assert [[file.key[:2] for file in group] for group in groups] == [
        ["a1", "a2", "a3"], ["b1"], ["b2", "b3"], ["c1"], ["c2"], ["d1"], ["e1", "e2"], ["e2"],
    ]  # fmt: skip


def test_a_footer_is_read_again_where_the_file_has_changed(tmp_path: Path) -> None:
    name = "a.parquet"
    _write(tmp_path, "changing", {name: _rows(1, 3)})
    file = StagedFile(tmp_path / "changing" / name, name, name, name)
    with duckdb.connect() as reader:
        first = read_footers(reader, [file])
        assert read_footers(reader, [file])[str(file.path)] is first[str(file.path)]
        _write(tmp_path, "changing", {name: _rows(1, 4)})
        assert read_footers(reader, [file])[str(file.path)].rows == 4


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles"])
def test_rows_answer_and_load_metadata_are_those_of_single_files(cursor: Any, bucket: Path, zone: str) -> None:
    names = _write(bucket, "mixed", _same_and_other_schemas())
    cursor.execute(f"ALTER SESSION SET TIMEZONE = '{zone}'")
    together = _copy(cursor, "together", "mixed")
    alone = [row for name in names for row in _copy(cursor, "alone", "mixed", name)]
    assert together == alone
    assert [row[1:4] for row in together if "b" in row[0].rpartition("/")[2][:1]] == [
        ("LOADED", 2, 2), ("LOADED", 0, 0), ("LOADED", 2, 2),
    ]  # fmt: skip
    rows = _contents(cursor, "together")
    assert rows == _contents(cursor, "alone")
    assert [(row[0], row[5], row[6]) for row in rows if row[5].startswith("mixed/a")] == [
        *((n, "mixed/a1.parquet", n) for n in (1, 2, 3)),
        (4, "mixed/a2.parquet", 1),
        *((n, "mixed/a3 ü [1] it's*.parquet", n - 4) for n in (5, 6, 7, 8)),
    ]
    assert len({row[8] for row in rows}) == len(names) - 1, "every file with rows has a content key of its own"
    assert cursor.execute("SELECT COUNT(DISTINCT loaded_at) FROM together").fetchone() == (1,)
    assert sorted(_loads(cursor, "together")) == sorted(_loads(cursor, "alone"))
    assert len(_loads(cursor, "together")) == len(names)


def test_what_is_loaded_is_skipped_file_by_file(cursor: Any, bucket: Path) -> None:
    names = _write(bucket, "again", {f"{n}.parquet": _rows(10 * n, 2) for n in range(6)})
    _copy(cursor, "together", "again", *names[1:3])
    pq.write_table(_rows(90, 3), bucket / "again" / names[2])
    found = _copy(cursor, "together", "again", *names, names[0])
    assert [row[1] for row in found] == ["LOADED", "LOAD_SKIPPED", *["LOADED"] * 4, "LOAD_SKIPPED"]
    assert cursor.execute("SELECT COUNT(*) FROM together").fetchone() == (4 + 5 * 2 + 1,)
    found = _copy(cursor, "together", "again", *names, names[0], more="FORCE = TRUE")
    assert [row[1] for row in found] == ["LOADED"] * 7
    assert cursor.execute("SELECT COUNT(*) FROM together").fetchone() == (15 + 13 + 2,)


def _with_faults(bucket: Path, folder: str, *faults: str) -> list[str]:
    """Six files; what is wrong with some of them: `<number>:<kind>`."""
    tables = {f"{n}.parquet": _rows(10 * n, 3) for n in range(6)}
    for fault in faults:
        number, kind = fault.split(":")
        table = tables[f"{number}.parquet"]
        if kind == "too large":
            table = table.set_column(2, "amount", pa.array([1, 999_999_999, 2], pa.decimal128(12, 2)))
        elif kind == "no id":
            table = table.set_column(0, "id", pa.array([1, 2, None], pa.int64()))
        tables[f"{number}.parquet"] = table
    names = _write(bucket, folder, tables)
    for fault in faults:
        number, kind = fault.split(":")
        path = bucket / folder / f"{number}.parquet"
        if kind == "cut off":
            path.write_bytes(path.read_bytes()[:-5])
        elif kind == "no pages":  # a whole footer over column data that cannot be read
            whole = path.read_bytes()
            path.write_bytes(whole[:4] + b"\xff" * 80 + whole[84:])
    return names


@pytest.mark.parametrize(
    ("faults", "first"),
    [
        (("3:too large",), 3),
        (("2:no id",), 2),
        (("4:cut off",), 4),
        (("1:no pages",), 1),
        (("2:too large", "4:cut off"), 2),
        (("4:too large", "3:no id", "5:no pages"), 3),
    ],
)
def test_the_first_bad_file_is_named_and_nothing_is_loaded(
    cursor: Any, bucket: Path, faults: tuple[str, ...], first: int
) -> None:
    folder = "bad-" + "-".join(fault.replace(":", "").replace(" ", "") for fault in faults)
    names = _with_faults(bucket, folder, *faults)
    together = _failure(cursor, "together", folder)
    assert together == _failure(cursor, "alone", folder, names[first])
    assert f"{folder}/{first}.parquet" in together[1]
    for table in ("together", "alone"):
        assert _contents(cursor, table) == []
        assert _loads(cursor, table) == []


def test_a_bad_file_within_a_transaction_undoes_the_whole_copy(cursor: Any, bucket: Path) -> None:
    _with_faults(bucket, "transaction", "3:too large")
    cursor.execute("BEGIN")
    assert "transaction/3.parquet" in _failure(cursor, "together", "transaction")[1]
    cursor.execute("ROLLBACK")
    assert _contents(cursor, "together") == []
    names = [f"{n}.parquet" for n in (0, 1, 2, 4, 5)]
    assert [row[1] for row in _copy(cursor, "together", "transaction", *names)] == ["LOADED"] * 5


@pytest.mark.parametrize(
    ("on_error", "status"), [("SKIP_FILE", ("LOAD_FAILED", 3, 0)), ("CONTINUE", ("PARTIALLY_LOADED", 3, 2))]
)
def test_lenient_copies_judge_each_file(cursor: Any, bucket: Path, on_error: str, status: tuple[Any, ...]) -> None:
    _with_faults(bucket, "lenient", "3:too large")
    found = _copy(cursor, "together", "lenient", on_error=on_error)
    assert [row[1:4] for row in found] == [*[("LOADED", 3, 3)] * 3, status, *[("LOADED", 3, 3)] * 2]
    again = _copy(cursor, "together", "lenient", on_error="SKIP_FILE")
    assert [row[1] for row in again].count("LOAD_SKIPPED") == (6 if on_error == "CONTINUE" else 5)


def test_a_temporary_table_takes_many_files(cursor: Any, bucket: Path) -> None:
    _write(bucket, "temporary", {f"{n}.parquet": _rows(10 * n, 2) for n in range(3)})
    cursor.execute(f"CREATE OR REPLACE TEMPORARY TABLE scratch {_COLUMNS}")
    assert [row[1:4] for row in _copy(cursor, "scratch", "temporary")] == [("LOADED", 2, 2)] * 3
    assert [row[1] for row in _copy(cursor, "scratch", "temporary")] == ["LOAD_SKIPPED"] * 3
    assert cursor.execute("SELECT COUNT(DISTINCT file_name), SUM(row_number) FROM scratch").fetchone() == (3, 9)


def test_one_variant_column_takes_whole_rows_of_many_files(cursor: Any, bucket: Path) -> None:
    _write(bucket, "documents", {f"{n}.parquet": _rows(10 * n, 2) for n in range(3)})
    cursor.execute("CREATE OR REPLACE TABLE documents (d VARIANT)")
    sql = "COPY INTO documents FROM @grouped/documents/ FILE_FORMAT = (TYPE = PARQUET)"
    assert [row[1:4] for row in cursor.execute(sql).fetchall()] == [("LOADED", 2, 2)] * 3
    assert cursor.execute("SELECT SUM(d:id::INT) FROM documents").fetchone() == (0 + 1 + 10 + 11 + 20 + 21,)
