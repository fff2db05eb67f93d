"""INFER_SCHEMA over staged files, and the clients' calls that stand on it."""

from __future__ import annotations

import datetime as dt
import gzip
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import snowflake.connector
from snowflake.connector.pandas_tools import write_pandas
from snowflake.snowpark import Session

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration

FRAME = pd.DataFrame(
    {
        "id": [1, 2, 3],
        "Name": ["a", "b'c", None],
        "price": [Decimal("1.25"), Decimal("20.50"), Decimal("0.00")],
        "ratio": [0.5, 1.5, 2.5],
        "at": pd.to_datetime(["2024-01-15 10:00:00.000001"] * 3),
    }
)


def test_parquet(endpoint: RunningEndpoint, tmp_path: Path) -> None:
    first, second = tmp_path / "one.parquet", tmp_path / "two.parquet"
    pq.write_table(
        pa.table(
            {
                "n": pa.array([1], pa.int32()),
                "money": pa.array([Decimal("1.5")], pa.decimal128(10, 2)),
                "day": [dt.date(2024, 1, 15)],
            }
        ),
        first,
    )
    pq.write_table(
        pa.table({"n": [1], "money": pa.array([Decimal("1.555")], pa.decimal128(6, 3)), "Tags": [["x"]]}), second
    )
    with endpoint.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE OR REPLACE STAGE inferred")
        cursor.execute("CREATE OR REPLACE FILE FORMAT columns_of TYPE = PARQUET")
        for path in (first, second):
            cursor.execute(f"PUT file://{path} @inferred AUTO_COMPRESS = FALSE")
        sql = "SELECT * FROM TABLE(INFER_SCHEMA(LOCATION => '@inferred', FILE_FORMAT => 'columns_of'{})) ORDER BY order_id"
        rows = cursor.execute(sql.format("")).fetchall()
        assert [column[0] for column in cursor.description] == [
            "COLUMN_NAME", "TYPE", "NULLABLE", "EXPRESSION", "FILENAMES", "ORDER_ID",
        ]  # fmt: skip
        assert rows == [
            ("n", "NUMBER(38, 0)", True, "$1:n::NUMBER(38, 0)", "one.parquet, two.parquet", 0),
            ("money", "NUMBER(11, 3)", True, "$1:money::NUMBER(11, 3)", "one.parquet, two.parquet", 1),
            ("day", "DATE", True, "$1:day::DATE", "one.parquet", 2),
            ("Tags", "ARRAY", True, "$1:Tags::ARRAY", "two.parquet", 3),
        ]
        described = (
            "SELECT ARRAY_AGG(OBJECT_CONSTRUCT(*)) WITHIN GROUP (ORDER BY order_id) FROM TABLE(INFER_SCHEMA({}))"
        )
        made = described.format("LOCATION => '@inferred', FILE_FORMAT => 'columns_of'")
        cursor.execute(f"CREATE OR REPLACE TABLE made USING TEMPLATE ({made}) COMMENT = 'as the files'")
        assert [row[:2] for row in cursor.execute("DESCRIBE TABLE made").fetchall()] == [
            ("n", "NUMBER(38,0)"), ("money", "NUMBER(11,3)"), ("day", "DATE"), ("Tags", "ARRAY"),
        ]  # fmt: skip
        assert cursor.execute("SHOW TABLES LIKE 'MADE'").fetchall()[0][5] == "as the files"
        for query in ("SELECT 1", "SELECT ARRAY_CONSTRUCT(OBJECT_CONSTRUCT('COLUMN_NAME', 'a', 'TYPE', 'INT, b INT'))"):
            with pytest.raises(snowflake.connector.errors.ProgrammingError):
                cursor.execute(f"CREATE TABLE never USING TEMPLATE ({query})")
        upper = cursor.execute(sql.format(", IGNORE_CASE => TRUE, FILES => ('two.parquet')")).fetchall()
        assert [row[0] for row in upper] == ["N", "MONEY", "TAGS"]
        names = ", ".join(f"'{n}.parquet'" for n in range(1001))
        for wrong, message in (
            ("LOCATION => '@inferred'", "FILE_FORMAT"),
            ("LOCATION => '@nowhere', FILE_FORMAT => 'columns_of'", "NOWHERE"),
            ("LOCATION => '@inferred', FILE_FORMAT => 'columns_of', MORE => 1", "MORE"),
            (
                "LOCATION => '@inferred/', FILE_FORMAT => 'columns_of', FILES => ('no.parquet')",
                "Remote file 'inferred/no",
            ),
            (f"LOCATION => '@inferred/', FILE_FORMAT => 'columns_of', FILES => ({names})", "maximum number of files"),
        ):
            with pytest.raises(snowflake.connector.errors.ProgrammingError, match=message):
                cursor.execute(f"SELECT * FROM TABLE(INFER_SCHEMA({wrong}))")


def test_csv_and_json(endpoint: RunningEndpoint, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("who,amount,day\nx,1.25,2024-01-15\n")
    with gzip.open(tmp_path / "b.json.gz", "wt") as stream:
        stream.write('{"a": 1, "b": {"c": 2}}\n{"a": 2, "d": "x"}\n')
    with endpoint.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE OR REPLACE STAGE texts")
        cursor.execute("CREATE OR REPLACE FILE FORMAT headed TYPE = CSV PARSE_HEADER = TRUE")
        cursor.execute("CREATE OR REPLACE FILE FORMAT documents TYPE = JSON")
        cursor.execute(f"PUT file://{tmp_path}/a.csv @texts AUTO_COMPRESS = FALSE")
        cursor.execute(f"PUT file://{tmp_path}/b.json.gz @texts AUTO_COMPRESS = FALSE")
        sql = "SELECT column_name, type FROM TABLE(INFER_SCHEMA(LOCATION => '@texts/{}', FILE_FORMAT => '{}')) ORDER BY order_id"
        headed = cursor.execute(sql.format("a.csv", "headed")).fetchall()
        assert [row[0] for row in headed] == ["who", "amount", "day"]
        assert (headed[0][1], headed[2][1]) == ("TEXT", "DATE")
        documents = cursor.execute(sql.format("b.json.gz", "documents")).fetchall()
        assert documents == [("a", "NUMBER(38, 0)"), ("b", "OBJECT"), ("d", "TEXT")]


@pytest.mark.parametrize("quoted", [True, False])
def test_write_pandas_creates_the_table(endpoint: RunningEndpoint, quoted: bool) -> None:
    table = f"frame_{quoted}".upper()
    with endpoint.connect() as connection:
        for _ in range(2):
            ok, chunks, rows, _ = write_pandas(
                connection, FRAME, table, auto_create_table=True, overwrite=True, quote_identifiers=quoted
            )
            assert (ok, chunks, rows) == (True, 1, 3)
        names = '"id", "Name", "price", "ratio", "at"' if quoted else "id, name, price, ratio, at"
        found = connection.cursor().execute(f"SELECT {names} FROM {table} ORDER BY 1").fetchall()
    assert [row[:4] for row in found] == [
        (1, "a", Decimal("1.25"), 0.5),
        (2, "b'c", Decimal("20.50"), 1.5),
        (3, None, Decimal("0.00"), 2.5),
    ]
    assert found[0][4] == dt.datetime(2024, 1, 15, 10, 0, 0, 1)


def test_snowpark_frames_from_pandas(endpoint: RunningEndpoint) -> None:
    # Closed at the end: Snowpark's decorators refuse to guess between several sessions of one process.
    with endpoint.connect() as connection, Session.builder.configs({"connection": connection}).create() as session:
        frame = session.create_dataframe(FRAME[["id", "Name", "ratio"]])
        rows = [tuple(row) for row in frame.sort('"id"').collect()]
        assert rows == [(1, "a", 0.5), (2, "b'c", 1.5), (3, None, 2.5)]
        assert frame.to_pandas()["ratio"].sum() == 4.5


def test_copy_into_a_temporary_table_has_load_metadata_of_its_own(endpoint: RunningEndpoint, tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [1, 2]}), tmp_path / "n.parquet")
    load = "COPY INTO loaded FROM @numbers FILE_FORMAT = (TYPE = PARQUET) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    with endpoint.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE OR REPLACE STAGE numbers")
        cursor.execute(f"PUT file://{tmp_path}/n.parquet @numbers AUTO_COMPRESS = FALSE")

        def statuses() -> list[str]:
            return [row[1] for row in cursor.execute(load).fetchall()]

        cursor.execute("CREATE OR REPLACE TABLE loaded (n INT)")
        assert statuses() == ["LOADED"]
        cursor.execute("CREATE TEMPORARY TABLE loaded (n INT)")
        assert (statuses(), statuses()) == (["LOADED"], ["LOAD_SKIPPED"])
        cursor.execute("TRUNCATE TABLE loaded")
        assert (statuses(), statuses()) == (["LOADED"], ["LOAD_SKIPPED"])
        cursor.execute("CREATE OR REPLACE TEMPORARY TABLE loaded (n INT)")
        assert statuses() == ["LOADED"]
        cursor.execute("DROP TABLE loaded")
        assert statuses() == ["LOAD_SKIPPED"]  # the permanent table is seen again
