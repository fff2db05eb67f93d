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
