"""Stages, LIST/PUT/GET/REMOVE, COPY INTO in both directions, queries over files: through the real connector."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import snowflake.connector

from tests.conftest import RunningEndpoint

COPY_SESSIONS = """
    COPY INTO sessions FROM @landing/user_sessions/batch_id=b1/ {files}
    FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE USE_VECTORIZED_SCANNER = TRUE)
    MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE
    INCLUDE_METADATA = (file_name = METADATA$FILENAME, loaded_at = METADATA$START_SCAN_TIME)
    ON_ERROR = ABORT_STATEMENT {force}
"""


@pytest.fixture
def bucket(endpoint: RunningEndpoint) -> Path:
    folder = endpoint.s3_root / "ecommerce-landing"
    batch = folder / "user_sessions" / "batch_id=b1"
    batch.mkdir(parents=True, exist_ok=True)
    start = dt.datetime(2024, 1, 15, 23, 59, 59, 123456)
    for number in (1, 2):
        table = pa.table(
            {
                "session_id": pa.array([f"s{number}", None], pa.string()),
                "started": pa.array([start, None], pa.timestamp("us", "UTC")),
                "total": pa.array([Decimal("12.34"), None], pa.decimal128(38, 2)),
                "props": pa.array(['{"a": 1}', "not json"], pa.string()),
                "extra": pa.array([1, 2], pa.int32()),
            }
        )
        pq.write_table(table, batch / f"part-{number}.parquet")
    return folder


@pytest.fixture
def cursor(endpoint: RunningEndpoint, bucket: Path) -> Iterator[Any]:
    with endpoint.connect() as connection:
        cursor = connection.cursor()
        cursor.execute(
            "CREATE STORAGE INTEGRATION IF NOT EXISTS lake_s3 TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = S3 ENABLED = TRUE"
            " STORAGE_AWS_ROLE_ARN = 'arn' STORAGE_ALLOWED_LOCATIONS = ('s3://ecommerce-landing/')"
        )
        cursor.execute(
            "CREATE STAGE IF NOT EXISTS landing URL = 's3://ecommerce-landing/' STORAGE_INTEGRATION = lake_s3"
        )
        cursor.execute("CREATE FILE FORMAT IF NOT EXISTS json_documents TYPE = JSON")
        cursor.execute(
            "CREATE OR REPLACE TABLE sessions (session_id STRING, started TIMESTAMP_NTZ, total NUMBER(38,2), props VARIANT,"
            " missing NUMBER DEFAULT 7, loaded_at TIMESTAMP_NTZ, file_name STRING)"
        )
        yield cursor


def copy(cursor: Any, files: str = "", force: str = "") -> list[Any]:
    return list(cursor.execute(COPY_SESSIONS.format(files=files, force=force)).fetchall())


def test_copy_matches_by_name_and_adds_metadata(cursor: Any) -> None:
    rows = copy(cursor, "FILES = ('part-1.parquet')")
    assert rows == [
        (
            "s3://ecommerce-landing/user_sessions/batch_id=b1/part-1.parquet",
            "LOADED",
            2,
            2,
            1,
            0,
            None,
            None,
            None,
            None,
        )
    ]
    first = cursor.execute("SELECT * FROM sessions WHERE session_id = 's1'").fetchone()
    assert first[:3] == ("s1", dt.datetime(2024, 1, 15, 23, 59, 59, 123456), Decimal("12.34"))
    assert first[4] is None, "an unmatched column takes NULL, not its default"
    assert abs((dt.datetime.now(dt.UTC).replace(tzinfo=None) - first[5]).total_seconds()) < 60
    assert first[6] == "user_sessions/batch_id=b1/part-1.parquet"
    parsed = cursor.execute(
        "SELECT TYPEOF(props), TRY_PARSE_JSON(props::STRING):a::INT FROM sessions ORDER BY session_id NULLS LAST"
    ).fetchall()
    assert parsed == [("VARCHAR", 1), ("VARCHAR", None)]


def test_loaded_files_are_skipped_until_force_or_truncate(cursor: Any) -> None:
    assert [row[1] for row in copy(cursor)] == ["LOADED", "LOADED"]
    cursor.execute("DELETE FROM sessions")
    assert [row[1] for row in copy(cursor)] == ["LOAD_SKIPPED", "LOAD_SKIPPED"]
    assert [row[1] for row in copy(cursor, force="FORCE = TRUE")] == ["LOADED", "LOADED"]
    cursor.execute("TRUNCATE TABLE sessions")
    assert [row[1] for row in copy(cursor)] == ["LOADED", "LOADED"]


def test_a_rolled_back_load_is_not_remembered(cursor: Any) -> None:
    cursor.execute("BEGIN")
    copy(cursor)
    cursor.execute("ROLLBACK")
    assert cursor.execute("SELECT COUNT(*) FROM sessions").fetchone() == (0,)
    assert [row[1] for row in copy(cursor)] == ["LOADED", "LOADED"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("COPY INTO sessions FROM @landing FILES = ('nope.parquet') FILE_FORMAT = (TYPE = PARQUET)", "was not found"),
        (
            "COPY INTO sessions FROM (SELECT $1:a FROM @landing) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE",
            "COPY transform",
        ),
        ("COPY INTO sessions FROM @landing INCLUDE_METADATA = (file_name = METADATA$FILENAME)", "requires MATCH_BY"),
        ("COPY INTO sessions FROM @landing FILES = (" + ",".join(["'f'"] * 1001) + ")", "1000"),
        ("COPY INTO sessions FROM @landing NONSENSE = TRUE", "NONSENSE"),
        ("COPY INTO sessions FROM @landing FILE_FORMAT = (TYPE = PARQUET SKIP_HEADER = 1)", "SKIP_HEADER"),
        ("COPY INTO sessions FROM @no_stage", "does not exist"),
        ("COPY INTO no_table FROM @landing FILE_FORMAT = (TYPE = PARQUET)", "does not exist"),
    ],
)
def test_wrong_copies_are_refused(cursor: Any, sql: str, message: str) -> None:
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match=message):
        cursor.execute(sql)


def test_a_corrupt_file_is_named_and_nothing_is_loaded(cursor: Any, bucket: Path) -> None:
    (bucket / "user_sessions/batch_id=b1/part-9.parquet").write_bytes(b"PAR1 not really")
    try:
        with pytest.raises(snowflake.connector.errors.ProgrammingError, match=r"part-9\.parquet"):
            copy(cursor)
    finally:
        (bucket / "user_sessions/batch_id=b1/part-9.parquet").unlink()
    assert cursor.execute("SELECT COUNT(*) FROM sessions").fetchone() == (0,)


def test_utc_adjusted_times_are_converted_by_the_session_time_zone(cursor: Any) -> None:
    cursor.execute("ALTER SESSION SET TIMEZONE = 'America/Los_Angeles'")
    copy(cursor, "FILES = ('part-1.parquet')")
    assert cursor.execute("SELECT started FROM sessions WHERE session_id = 's1'").fetchone() == (
        dt.datetime(2024, 1, 15, 15, 59, 59, 123456),
    )
    same = "SELECT '2024-01-01 00:00:00 +0000'::TIMESTAMP_LTZ::TIMESTAMP_NTZ = '2024-01-01 00:00:00'::TIMESTAMP_NTZ"
    assert cursor.execute(same).fetchone() == (False,)
    cursor.execute("ALTER SESSION UNSET TIMEZONE")
    assert cursor.execute(same).fetchone() == (True,)


def test_documents_are_queried_in_place(cursor: Any, bucket: Path) -> None:
    manifests = bucket / "_manifests"
    manifests.mkdir(exist_ok=True)
    for name in ("a", "b"):
        (manifests / f"{name}.json").write_text(json.dumps({"batch_id": name, "nested": {"rows": [1, 2]}}, indent=1))
    (manifests / "a.loaded").write_text("{}")
    sql = "SELECT METADATA$FILENAME, $1:batch_id::STRING, $1:nested.rows[1]::INT FROM @landing/_manifests/{} ORDER BY 1"
    folder = sql.format("(FILE_FORMAT => json_documents, PATTERN => '.*[.]json')")
    assert cursor.execute(folder).fetchall() == [("_manifests/a.json", "a", 2), ("_manifests/b.json", "b", 2)]
    assert len(cursor.execute(sql.format("a.json (FILE_FORMAT => 'JSON_DOCUMENTS')")).fetchall()) == 1
    assert cursor.execute("SELECT $1 FROM @landing/nothing_here/ (FILE_FORMAT => json_documents)").fetchall() == []
    listed = cursor.execute("LIST @landing/_manifests/ PATTERN = '.*[.]json'").fetchall()
    assert [row[0] for row in listed] == [f"s3://ecommerce-landing/_manifests/{n}.json" for n in "ab"]
    assert listed[0][1] == (manifests / "a.json").stat().st_size


def test_unload_one_json_file(cursor: Any, bucket: Path) -> None:
    sql = (
        "COPY INTO @landing/_manifests/x.loaded FROM (SELECT OBJECT_CONSTRUCT('batch_id', 'x', 'rows', 2)) "
        "FILE_FORMAT = (TYPE = JSON COMPRESSION = NONE) SINGLE = TRUE{}"
    )
    assert cursor.execute(sql.format(" OVERWRITE = TRUE")).fetchone()[0] == 1
    assert json.loads((bucket / "_manifests/x.loaded").read_text()) == {"batch_id": "x", "rows": 2}
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match="overwrite"):
        cursor.execute(sql.format(""))


def test_unload_a_file_for_each_partition(cursor: Any, bucket: Path) -> None:
    cursor.execute(
        "CREATE OR REPLACE TABLE parts AS SELECT column1 AS a, column2 AS b FROM VALUES ('x', 1), ('y', 2), (NULL, 3)"
    )
    cursor.execute("INSERT INTO parts VALUES ('x', 4)")
    sql = "COPY INTO @landing/out FROM parts PARTITION BY ('a=' || a) FILE_FORMAT = (TYPE = CSV COMPRESSION = NONE)"
    assert cursor.execute(sql + " HEADER = TRUE").fetchone()[0] == 4
    found = {path.parent.name: sorted(path.read_text().split()) for path in (bucket / "out").rglob("*.csv")}
    assert found == {"a=x": ["A,B", "x,1", "x,4"], "a=y": ["A,B", "y,2"], "_NULL_": ["A,B", "\\N,3"]}
    assert cursor.execute(sql).fetchone()[0] == 4
    assert len(list((bucket / "out").rglob("*.csv"))) == 6
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match="OVERWRITE = TRUE is not supported"):
        cursor.execute(sql + " OVERWRITE = TRUE")
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match="invalid stage path"):
        cursor.execute("COPY INTO @landing/out FROM parts PARTITION BY '../../../x'")


def test_put_list_get_remove_round_trip(cursor: Any, tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text('id,name\n1,"a,b"\n2,\n')
    cursor.execute('CREATE OR REPLACE STAGE "Odd stage"')
    put = cursor.execute(f'PUT \'file://{source}\' \'@"TEST"."PUBLIC"."Odd stage"/in\' AUTO_COMPRESS = TRUE').fetchone()
    assert (put[1], put[6]) == ("rows.csv.gz", "UPLOADED")
    assert [row[0] for row in cursor.execute('LIST @"Odd stage"').fetchall()] == ['"odd stage"/in/rows.csv.gz']
    cursor.execute("CREATE OR REPLACE TABLE loaded (id INT, name STRING)")
    cursor.execute(
        "COPY INTO loaded FROM '@\"Odd stage\"/in' "
        "FILE_FORMAT = (TYPE = CSV SKIP_HEADER = 1 FIELD_OPTIONALLY_ENCLOSED_BY = '\"')"
    )
    assert cursor.execute("SELECT * FROM loaded ORDER BY id").fetchall() == [(1, "a,b"), (2, None)]
    target = tmp_path / "out"
    target.mkdir()
    cursor.execute(f'GET @"Odd stage"/in/ file://{target}')
    assert (target / "rows.csv.gz").exists()
    cursor.execute('REMOVE @"Odd stage"/in')
    assert cursor.execute('LIST @"Odd stage"').fetchall() == []


def test_files_are_copied_from_stage_to_stage(cursor: Any, bucket: Path, tmp_path: Path) -> None:
    """An external one too, which PUT is not for; a file of the same name is replaced, paths below the source stay."""
    source = tmp_path / "one.txt"
    cursor.execute("CREATE OR REPLACE STAGE outgoing")
    for text in ("first", "second"):
        source.write_text(text)
        for folder in ("a", "a/b"):
            cursor.execute(f"PUT file://{source} @outgoing/{folder} AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
        found = cursor.execute("COPY FILES INTO @landing/copied/ FROM @outgoing/a/").fetchall()
        assert sorted(found) == [("b/one.txt",), ("one.txt",)]
        assert (bucket / "copied/b/one.txt").read_text() == (bucket / "copied/one.txt").read_text() == text
    counted = "COPY FILES INTO @outgoing/back FROM @landing/copied FILES = ('b/one.txt') DETAILED_OUTPUT = FALSE"
    assert cursor.execute(counted).fetchall() == [(1,)]
    assert cursor.execute("COPY FILES INTO @outgoing/x/ FROM @landing/copied/ PATTERN = '.*nothing.*'").fetchall() == []
    assert [row[0] for row in cursor.execute("LIST @outgoing/back").fetchall()] == ["outgoing/back/b/one.txt"]
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match=r"was not found"):
        cursor.execute("COPY FILES INTO @outgoing FROM @landing/copied/ FILES = ('three.txt')")
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match="named stages"):
        cursor.execute("COPY FILES INTO @~ FROM @landing/copied/")
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match="FORCE"):
        cursor.execute("COPY FILES INTO @outgoing FROM @landing/copied/ FORCE = TRUE")


def test_copy_with_a_transformation(cursor: Any) -> None:
    cursor.execute("CREATE OR REPLACE TABLE picked (id STRING, twice NUMBER(38,2))")
    cursor.execute(
        "COPY INTO picked (id, twice) FROM (SELECT UPPER(t.$1:session_id::STRING), t.$1:total::NUMBER(38,2) * 2 "
        "FROM @landing/user_sessions/ t) FILE_FORMAT = (TYPE = PARQUET)"
    )
    assert cursor.execute("SELECT * FROM picked WHERE id IS NOT NULL ORDER BY id").fetchall() == [
        ("S1", Decimal("24.68")),
        ("S2", Decimal("24.68")),
    ]


def test_on_error_continue_loads_the_good_rows(cursor: Any, bucket: Path) -> None:
    (bucket / "numbers.csv").write_text("1\nx\n3\n")
    cursor.execute("CREATE OR REPLACE TABLE numbers (n INT)")
    row = cursor.execute("COPY INTO numbers FROM @landing/numbers.csv ON_ERROR = CONTINUE").fetchone()
    assert row[1:4] == ("PARTIALLY_LOADED", 3, 2)
    assert cursor.execute("SELECT SUM(n) FROM numbers").fetchone() == (4,)


def test_a_stage_keeps_to_what_its_integration_allows(cursor: Any) -> None:
    for sql, number in (
        ("CREATE STAGE other URL = 's3://ecommerce-landing/' STORAGE_INTEGRATION = nothing", 2003),
        ("CREATE STAGE other URL = 's3://ecommerce-landing-2/' STORAGE_INTEGRATION = lake_s3", 3140),
        ("ALTER STAGE landing SET URL = 's3://elsewhere/'", 3140),
        ("ALTER STAGE landing SET STORAGE_INTEGRATION = nothing", 2003),
    ):
        with pytest.raises(snowflake.connector.errors.ProgrammingError) as refusal:
            cursor.execute(sql)
        assert refusal.value.errno == number, sql
    cursor.execute("CREATE STAGE deeper URL = 's3://ecommerce-landing/user_sessions' STORAGE_INTEGRATION = lake_s3")
    cursor.execute("ALTER STAGE deeper SET URL = 's3://ecommerce-landing/' STORAGE_INTEGRATION = lake_s3")
