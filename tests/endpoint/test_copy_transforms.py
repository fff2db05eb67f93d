"""COPY with a transformation, and the connector's write_pandas, through the real connector."""

from __future__ import annotations

import datetime as dt
import json
import warnings
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from snowflake.connector.errors import DatabaseError
from snowflake.connector.pandas_tools import write_pandas

from local_stack.endpoint.features.stages.columns import TargetColumn
from local_stack.endpoint.features.stages.plain_transforms import plain_transformation
from snowpark_procs.batch_columns import BATCH_COLUMNS, loaded_columns
from tests.conftest import RunningEndpoint


@pytest.fixture
def cursor(endpoint: RunningEndpoint, tmp_path: Path) -> Iterator[Any]:
    with endpoint.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE OR REPLACE STAGE transformed")
        cursor.execute("CREATE OR REPLACE TABLE c (id INT, props VARIANT)")
        for name, texts in (
            ("good", ['{"a": {"b": [1, "x"]}}', "[1, 2]", '"text"', "null", "", None]),
            ("bad", ['{"a": 1}', "not json"]),
        ):
            table = pa.table({"Id": list(range(len(texts))), "Props": pa.array(texts, pa.string())})
            pq.write_table(table, tmp_path / f"{name}.parquet")
            cursor.execute(f"PUT file://{tmp_path}/{name}.parquet @transformed AUTO_COMPRESS = FALSE")
        yield cursor


COPY = "COPY INTO c (id, props) FROM (SELECT $1:Id, {} FROM @transformed/{}.parquet) FILE_FORMAT = (TYPE = PARQUET)"
SHOWN = "SELECT id, TYPEOF(props), props:a.b[1]::STRING FROM c ORDER BY id"


@pytest.mark.parametrize("parse", ["PARSE_JSON($1:Props)", "PARSE_JSON($1:Props::STRING)", "TRY_PARSE_JSON($1:Props)"])
def test_text_of_a_parquet_column_is_parsed(cursor: Any, parse: str) -> None:
    cursor.execute(COPY.format(parse, "good"))
    assert cursor.execute(SHOWN).fetchall() == [
        (0, "OBJECT", "x"), (1, "ARRAY", None), (2, "VARCHAR", None), (3, "NULL_VALUE", None), (4, None, None),
        (5, None, None),
    ]  # fmt: skip
    assert json.loads(cursor.execute("SELECT props FROM c WHERE id = 0").fetchone()[0]) == {"a": {"b": [1, "x"]}}


def test_text_that_is_no_json_is_refused(cursor: Any) -> None:
    for parse in ("PARSE_JSON($1:Props)", "PARSE_JSON($1:Props::STRING)"):
        with pytest.raises(DatabaseError, match="Error parsing JSON") as raised:
            cursor.execute(COPY.format(parse, "bad"))
        assert raised.value.errno == 100069
        assert "duckdb" not in str(raised.value).lower()
        assert cursor.execute("SELECT COUNT(*) FROM c").fetchone() == (0,)
    cursor.execute(COPY.format("TRY_PARSE_JSON($1:Props)", "bad"))
    assert cursor.execute("SELECT id, props:a::INT FROM c ORDER BY id").fetchall() == [(0, 1), (1, None)]


def test_parse_json_of_a_variant_that_holds_text(cursor: Any) -> None:
    cursor.execute("CREATE OR REPLACE TABLE v AS SELECT TO_VARIANT('{\"a\": 1}') AS t, TO_VARIANT('no') AS n")
    assert cursor.execute("SELECT TRY_PARSE_JSON(t):a::INT, TRY_PARSE_JSON(n), PARSE_JSON(t):a::INT FROM v").fetchone() == (
        1, None, 1,
    )  # fmt: skip
    with pytest.raises(DatabaseError, match="Error parsing JSON"):
        cursor.execute("SELECT PARSE_JSON(n) FROM v")


FRAME = pd.DataFrame(
    {
        "utc": pd.to_datetime(["2024-01-15 10:00:00.000001", None]).tz_localize("UTC"),
        "zone": pd.to_datetime(["2024-01-15 10:00:00", None]).tz_localize("Europe/Berlin"),
        "plain": pd.to_datetime(["2024-01-15 10:00:00.123456", None]),
        "seconds": pd.to_datetime(["2024-01-15 10:00:00", None]).astype("datetime64[s]"),
        "day": [dt.date(2024, 1, 15), None],
        "time": [dt.time(10, 20, 30, 5), None],
        "small": pd.array([1, None], "Int8"),
        "big": [2**62, 0],
        "flag": pd.array([True, None], "boolean"),
        "ratio": [0.5, None],
        "money": [Decimal("1.25"), None],
        "text": ["é'\n", None],
        "kind": pd.Categorical(["a", None]),
        "list": [[1, 2], None],
        "object": [{"a": 1}, None],
    }
)
TYPES = {
    "utc": "TIMESTAMP_LTZ(9)", "zone": "TIMESTAMP_LTZ(9)", "plain": "TIMESTAMP_NTZ(9)", "seconds": "TIMESTAMP_NTZ(9)",
    "day": "DATE", "time": "TIME(9)", "small": "NUMBER(38,0)", "big": "NUMBER(38,0)", "flag": "BOOLEAN", "ratio": "FLOAT",
    "money": "NUMBER(3,2)", "text": "VARCHAR(16777216)", "kind": "VARCHAR(16777216)",
    "list": "ARRAY", "object": "OBJECT",
}  # fmt: skip


@pytest.mark.parametrize("logical", [None, True])
def test_write_pandas_of_every_type(endpoint: RunningEndpoint, logical: bool | None) -> None:
    with endpoint.connect() as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the connector advises use_logical_type for zoned times
        ok, _, rows, _ = write_pandas(
            connection, FRAME, "EVERY_TYPE", auto_create_table=True, overwrite=True, use_logical_type=logical
        )
        assert (ok, rows) == (True, 2)
        cursor = connection.cursor()
        described = {row[0]: row[1] for row in cursor.execute("DESCRIBE TABLE every_type").fetchall()}
        assert described == TYPES
        first, second = cursor.execute('SELECT * FROM every_type ORDER BY "text" NULLS LAST').fetchall()
    found = dict(zip(FRAME.columns, first, strict=True))
    assert found["utc"] == dt.datetime(2024, 1, 15, 10, 0, 0, 1, dt.UTC)
    assert found["zone"] == dt.datetime(2024, 1, 15, 9, tzinfo=dt.UTC)
    assert found["plain"] == dt.datetime(2024, 1, 15, 10, 0, 0, 123456)
    assert found["seconds"] == dt.datetime(2024, 1, 15, 10)
    assert (found["day"], found["time"]) == (dt.date(2024, 1, 15), dt.time(10, 20, 30, 5))
    assert [found[n] for n in ("small", "big", "flag", "ratio", "money", "text", "kind")] == [
        1, 2**62, True, 0.5, Decimal("1.25"), "é'\n", "a",
    ]  # fmt: skip
    assert (json.loads(found["list"]), json.loads(found["object"])) == ([1, 2], {"a": 1})
    assert [v for n, v in zip(FRAME.columns, second, strict=True) if n != "big"] == [None] * 14


LAKE = pa.schema(
    [
        ("event_id", pa.string()), ("timestamp", pa.timestamp("us", tz="UTC")), ("plain", pa.timestamp("us")), ("n", pa.int32()),
        ("money", pa.decimal128(10, 2)), ("flag", pa.bool_()), ("day", pa.date32()), ("properties", pa.string()),
    ]
)  # fmt: skip
TAKEN = (
    "$1:event_id::STRING, $1:timestamp::TIMESTAMP_NTZ, $1:plain::TIMESTAMP_NTZ, $1:n::NUMBER(38, 0), $1:money::NUMBER(10, 2),"
    " $1:flag::BOOLEAN, $1:day::DATE, $1:properties::STRING::VARIANT, $1:EVENT_ID::STRING, 'b''1', METADATA$FILENAME, {}"
)
SCANNED = "METADATA$START_SCAN_TIME::TIMESTAMP_NTZ"


def test_columns_taken_as_they_are_load_alike_together_and_by_query(cursor: Any, tmp_path: Path) -> None:
    """A transformation of columns with casts, constants and metadata is loaded many files at once, any other one by one."""
    at = dt.datetime(2024, 1, 15, 10, 0, 0, 123456)
    row: list[Any] = ["e'1", at.replace(tzinfo=dt.UTC), at, 7, Decimal("12.30"), True, at.date(), '{"a": 1}']
    for name, rows in (("one", [row, [None] * 8]), ("two", [["e2", *row[1:]]])):
        columns = {field.name: [each[n] for each in rows] for n, field in enumerate(LAKE)}
        pq.write_table(pa.table(columns, schema=LAKE), tmp_path / f"{name}.parquet")
        cursor.execute(f"PUT file://{tmp_path}/{name}.parquet @transformed/lake AUTO_COMPRESS = FALSE")
    loaded = []
    for scanned in (SCANNED, f"COALESCE({SCANNED}, NULL)"):
        cursor.execute(
            "CREATE OR REPLACE TABLE events (event_id STRING, timestamp TIMESTAMP_NTZ, plain TIMESTAMP_NTZ, n NUMBER(38, 0),"
            " money NUMBER(10, 2), flag BOOLEAN, day DATE, properties VARIANT, other STRING, batch_id STRING, file_name STRING,"
            " loaded_at TIMESTAMP_NTZ, never STRING DEFAULT 'default')"
        )
        names = "event_id, timestamp, plain, n, money, flag, day, properties, other, batch_id, file_name, loaded_at"
        found = cursor.execute(
            f"COPY INTO events ({names}) FROM (SELECT {TAKEN.format(scanned)} FROM @transformed/lake/)"
            " FILES = ('one.parquet', 'two.parquet') FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE) FORCE = TRUE"
        ).fetchall()
        assert [each[1:4] for each in found] == [("LOADED", 2, 2), ("LOADED", 1, 1)]
        loaded.append(
            cursor.execute("SELECT * EXCLUDE loaded_at, loaded_at IS NULL FROM events ORDER BY 1, 3").fetchall()
        )
    assert loaded[0] == loaded[1]
    text = '"{\\"a\\": 1}"'
    whole = "SELECT $1:properties::VARIANT FROM @transformed/lake/one.parquet"
    cursor.execute(f"COPY INTO c (props) FROM ({whole}) FILE_FORMAT = (TYPE = PARQUET) FORCE = TRUE")
    assert cursor.execute("SELECT props FROM c WHERE props IS NOT NULL AND TYPEOF(props) = 'VARCHAR'").fetchall() == [
        (text,)
    ]
    assert loaded[0][0] == (
        "e'1", at, at, 7, Decimal("12.30"), True, at.date(), text, None, "b'1", "lake/one.parquet", "default", False,
    )  # fmt: skip
    assert loaded[0][2][:8] == (None,) * 8


@pytest.mark.parametrize("dataset", sorted(BATCH_COLUMNS))
def test_what_ships_is_loaded_many_files_at_once(dataset: str) -> None:
    types = {"STRING": "VARCHAR", "VARIANT": "JSON", "TIMESTAMP_NTZ": "TIMESTAMP", "NUMBER(38, 0)": "HUGEINT"}
    columns = loaded_columns(dataset)
    values = ", ".join(column.value for column in columns)
    query = f"SELECT {values}, 'b', METADATA$FILENAME, {SCANNED} FROM @raw.lake"
    kinds = [types.get(column.type, column.type.replace("NUMBER", "DECIMAL").replace(" ", "")) for column in columns]
    targets = [TargetColumn(str(n), kind, True) for n, kind in enumerate([*kinds, "VARCHAR", "VARCHAR", "TIMESTAMP"])]
    assert plain_transformation(query, targets) is not None
    for other in ("SELECT DISTINCT", "SELECT UPPER('b'),", "SELECT 7,"):
        assert plain_transformation(query.replace("SELECT", other), targets) is None
