"""What COPY INTO <location> writes, COPY INTO <table> reads back: under random options, and through the real connector."""

from __future__ import annotations

import bz2
import gzip
import itertools
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from snowflake.connector.errors import DatabaseError

from local_stack.endpoint.features.stages.csv_dialect import CsvDialect, csv_dialect
from local_stack.endpoint.features.stages.csv_plain import plain_file
from local_stack.endpoint.features.stages.csv_records import CsvReader, Layout
from local_stack.endpoint.features.stages.csv_source import CsvFile, CsvSource, plain_relation
from local_stack.endpoint.features.stages.csv_writer import csv_content
from local_stack.endpoint.features.stages.formats import FileFormat
from local_stack.endpoint.outcome import ColumnInfo, Outcome
from tests.conftest import RunningEndpoint

_ALPHABET = "ab,|;\"'\\^\n\r \té漢N"
_TEXT = st.text(_ALPHABET, max_size=6)
# The escape has to be one that a record delimiter does not begin with.
OPTIONS = st.fixed_dictionaries(
    {
        "FIELD_DELIMITER": st.sampled_from([",", "|", "||", "\t", "漢", "a,"]),
        "RECORD_DELIMITER": st.sampled_from(["\n", ";", "\r", "é\n"]),
        "FIELD_OPTIONALLY_ENCLOSED_BY": st.sampled_from(["NONE", '"', "'"]),
        "ESCAPE": st.sampled_from(["NONE", "^", "\\"]),
        "ESCAPE_UNENCLOSED_FIELD": st.sampled_from(["\\", "^"]),
        "EMPTY_FIELD_AS_NULL": st.just(False),
        "NULL_IF": st.just(["<null>"]),
    }
)


def _write(rows: list[list[str | None]], form: FileFormat) -> bytes:
    width = len(rows[0])
    columns = tuple(ColumnInfo(f"C{n}", "TEXT") for n in range(width))
    table = pa.table({c.name: pa.array([row[n] for row in rows], pa.string()) for n, c in enumerate(columns)})
    return csv_content(Outcome(columns, table), form, csv_dialect(form), header=False)


def _read(content: str, dialect: CsvDialect, piece: int, width: int) -> list[list[str | None]]:
    pieces = (content[i : i + piece] for i in range(0, len(content), piece))
    reader = CsvReader(pieces, dialect, Layout(width, "table"))
    rows: list[list[str | None]] = []
    for batch in reader.batches():
        assert not batch.errors, batch.errors
        rows += [[None if batch.bare and v in dialect.bare_nulls else v for v in row] for row in batch.rows]
    return rows


@settings(max_examples=400, deadline=None)
@given(
    st.integers(1, 3).flatmap(lambda n: st.lists(st.lists(st.none() | _TEXT, min_size=n, max_size=n), min_size=1, max_size=5)),
    OPTIONS, st.integers(1, 40),
)  # fmt: skip
def test_what_is_written_is_read(rows: list[list[str | None]], options: dict[str, Any], piece: int) -> None:
    # "\r\n" is a new line too: a value that ends in "\r" cannot end a record without quotes.
    bare = options["FIELD_OPTIONALLY_ENCLOSED_BY"] == "NONE" and options["RECORD_DELIMITER"] == "\n"
    assume(not (bare and any((row[-1] or "").endswith("\r") for row in rows)))
    # "|" before "||" reads as "||" and "|": without quotes no file holds such a value.
    merges = options["FIELD_OPTIONALLY_ENCLOSED_BY"] == "NONE" and options["FIELD_DELIMITER"] == "||"
    assume(not (merges and any((value or "").endswith("|") for row in rows for value in row)))
    form = FileFormat("CSV", options)
    content = _write(rows, form).decode()
    assert _read(content, csv_dialect(form), piece, len(rows[0])) == rows


def _by_our_reader(file: CsvFile) -> list[tuple[Any, ...]]:
    source = CsvSource(file)
    reader = pa.RecordBatchReader.from_stream(source)
    return [tuple(row.values())[:-1] for row in reader.read_all().to_pylist()]


@example('"\na', '"', None, True)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["a", "é", ",", '"', '""', '"a"', "\n", " ", "\\", "1", ""]), max_size=14).map("".join),
       st.sampled_from([None, '"']), st.sampled_from([None, "\\"]), st.booleans())  # fmt: skip
def test_duckdbs_reader_is_used_only_where_it_is_exact(
    tmp_path: Path, content: str, quote: str | None, escape: str | None, header: bool
) -> None:
    import duckdb

    path = tmp_path / "any.csv"
    path.write_bytes(content.encode())
    dialect = CsvDialect(quote=quote, escape_unenclosed=escape, skip_header=int(header))
    plain = plain_file(path, dialect)
    if plain is None:
        return
    file = CsvFile(path, "any.csv", dialect, Layout(plain.width, "table"))
    relation = plain_relation(file)
    assert relation is not None
    with duckdb.connect() as duck:
        found = duck.execute(f"SELECT * FROM {relation}").fetchall()
    assert found == _by_our_reader(file)


def test_most_files_are_plain(tmp_path: Path) -> None:
    """The property above would hold for a check that says no to everything."""
    path = tmp_path / "plain.csv"
    for content, quote, plain in (
        ("1,a\n2,b\n", None, True), ('1,"a,""b\n"\n2,\n', '"', True), ("1,a\n2,b", None, True), ("1\n2\n", None, True),
        ("1,a\n\n", None, False), ('1,a"b\n', '"', False), ("1,a\n2\n", None, False), ("1,a\\b\n", None, False),
        ("1,a\r\n", None, False), ('1, "a"\n', '"', False), ('1,"a\n', '"', False),
    ):  # fmt: skip
        path.write_text(content, newline="")
        assert (plain_file(path, CsvDialect(quote=quote)) is not None) == plain, content


@pytest.fixture(scope="module")
def bucket(endpoint: RunningEndpoint) -> Path:
    folder = endpoint.s3_root / "round"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def cursor(endpoint: RunningEndpoint, bucket: Path) -> Iterator[Any]:
    with endpoint.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE STAGE round URL = 's3://round/'")
        cursor.execute(
            "CREATE TABLE source (n INT, s STRING, f FLOAT, d DATE, t TIME, ts TIMESTAMP_NTZ, b BOOLEAN, x BINARY, m NUMBER(9,2))"
        )
        cursor.execute(
            "INSERT INTO source SELECT 1, 'a,\"b\"\\n\\\\c', 1.5, '2024-01-15'::DATE, '10:20:30'::TIME,"
            " '2024-01-15 10:00:00.123'::TIMESTAMP_NTZ, TRUE, TO_BINARY('00FF'), 1.25"
        )
        cursor.execute("INSERT INTO source (n, s) VALUES (2, ''), (3, NULL)")
        yield cursor


_NUMBERS = itertools.count(1)


@pytest.mark.parametrize(
    "options",
    [
        "FIELD_OPTIONALLY_ENCLOSED_BY = '\"'",
        "FIELD_OPTIONALLY_ENCLOSED_BY = '\"' ESCAPE = '\\\\' NULL_IF = ('nothing') COMPRESSION = BZ2",
        "FIELD_DELIMITER = '||' RECORD_DELIMITER = ';;' EMPTY_FIELD_AS_NULL = FALSE COMPRESSION = NONE",
        "FIELD_OPTIONALLY_ENCLOSED_BY = '''' DATE_FORMAT = 'DD/MM/YYYY' TIME_FORMAT = 'HH24.MI.SS' BINARY_FORMAT = BASE64"
        " TIMESTAMP_FORMAT = 'YYYYMMDD HH24MISS.FF3' COMPRESSION = BROTLI",
        "FIELD_DELIMITER = '\\t' ESCAPE_UNENCLOSED_FIELD = '^' EMPTY_FIELD_AS_NULL = FALSE COMPRESSION = ZSTD",
    ],
)
def test_every_type_through_the_connector(cursor: Any, options: str) -> None:
    folder = f"r{next(_NUMBERS)}"
    cursor.execute(f"CREATE OR REPLACE FILE FORMAT round_trip TYPE = CSV {options}")
    cursor.execute(f"COPY INTO @round/{folder}/ FROM source FILE_FORMAT = (FORMAT_NAME = round_trip)")
    cursor.execute("CREATE OR REPLACE TABLE target LIKE source")
    cursor.execute(f"COPY INTO target FROM @round/{folder}/ FILE_FORMAT = (FORMAT_NAME = round_trip)")
    query = "SELECT * FROM {} ORDER BY n"
    assert cursor.execute(query.format("target")).fetchall() == cursor.execute(query.format("source")).fetchall()


@pytest.mark.parametrize(
    ("compression", "suffix", "unpack"),
    [
        ("NONE", "csv", bytes), ("AUTO", "csv.gz", gzip.decompress), ("GZIP", "csv.gz", gzip.decompress),
        ("BZ2", "csv.bz2", bz2.decompress), ("DEFLATE", "csv.deflate", zlib.decompress),
        ("RAW_DEFLATE", "csv.raw_deflate", lambda raw: zlib.decompress(raw, wbits=-15)),
    ],
)  # fmt: skip
def test_names_and_compressions(
    cursor: Any, bucket: Path, compression: str, suffix: str, unpack: Callable[[bytes], bytes]
) -> None:
    folder = f"r{next(_NUMBERS)}"
    cursor.execute(
        f"COPY INTO @round/{folder}/ FROM (SELECT 1 AS a, 'x' AS b) FILE_FORMAT = (TYPE = CSV COMPRESSION = {compression})"
        " HEADER = TRUE"
    )
    assert unpack((bucket / folder / f"data_0_0_0.{suffix}").read_bytes()) == b"A,B\n1,x\n"


def test_other_options_of_unloading(cursor: Any, bucket: Path) -> None:
    copy = "COPY INTO @round/{}/ FROM (SELECT 1 AS a) FILE_FORMAT = (TYPE = CSV COMPRESSION = NONE {}) {}"
    row = cursor.execute(copy.format("detailed", "FILE_EXTENSION = 'txt'", "DETAILED_OUTPUT = TRUE")).fetchall()
    assert [column[0] for column in cursor.description] == ["FILE_NAME", "FILE_SIZE", "ROW_COUNT"]
    assert row == [("detailed/data_0_0_0.txt", 2, 1)]
    cursor.execute(copy.format("labelled", "", "INCLUDE_QUERY_ID = TRUE"))
    (name,) = [path.name for path in (bucket / "labelled").iterdir()]
    assert len(name) == len("data_") + 36 + len("_0_0_0.csv")
    for wrong in ("SINGLE = TRUE", "OVERWRITE = TRUE"):
        with pytest.raises(DatabaseError, match="INCLUDE_QUERY_ID"):
            cursor.execute(copy.format("wrong", "", f"INCLUDE_QUERY_ID = TRUE {wrong}"))
    with pytest.raises(DatabaseError, match="ENCODING"):
        cursor.execute(copy.format("wrong", "ENCODING = 'UTF-16'", ""))


@pytest.mark.parametrize(
    "option",
    ["ENABLE_OCTAL = TRUE", "IGNORE_UTF8_ERRORS = TRUE",
     "REPLACE_INVALID_CHARACTERS = TRUE", "MULTI_LINE = FALSE", "SKIP_BYTE_ORDER_MARK = FALSE"],
)  # fmt: skip
def test_json_options_that_cannot_be_followed_are_refused_by_name(cursor: Any, option: str) -> None:
    with pytest.raises(DatabaseError, match=option.partition(" ")[0]):
        cursor.execute(f"CREATE OR REPLACE FILE FORMAT refused TYPE = JSON {option}")


def test_json_keys_that_are_repeated_and_nulls_that_are_stripped(cursor: Any, bucket: Path) -> None:
    (bucket / "repeated.json").write_text('{"a": 1, "b": null, "a": 2, "l": [null, 3, {"c": null}]}\n{"a": 4}\n')
    cursor.execute("CREATE OR REPLACE TABLE documents (v VARIANT)")
    copy = "COPY INTO documents FROM @round/repeated.json FILE_FORMAT = (TYPE = JSON {})"
    with pytest.raises(DatabaseError, match="Error parsing JSON"):
        cursor.execute(copy.format(""))
    cursor.execute(copy.format("ALLOW_DUPLICATE = TRUE STRIP_NULL_VALUES = TRUE"))
    assert [json.loads(v) for (v,) in cursor.execute("SELECT v FROM documents ORDER BY v:a").fetchall()] == [
        {"a": 2, "l": [3, {}]}, {"a": 4},
    ]  # fmt: skip
    cursor.execute("CREATE OR REPLACE FILE FORMAT lenient TYPE = JSON ALLOW_DUPLICATE = TRUE")
    (total,) = cursor.execute("SELECT SUM($1:a) FROM @round/repeated.json (FILE_FORMAT => 'lenient')").fetchone()
    assert total == 6


def test_json_texts_under_null_if_and_trim_space(cursor: Any, bucket: Path) -> None:
    (bucket / "texts.json").write_text('{"a": " x ", "d": "15/01/2024"}\n{"a": "none", "d": "none"}\n')
    cursor.execute("CREATE OR REPLACE TABLE texts (a STRING, d DATE)")
    cursor.execute(
        "COPY INTO texts FROM @round/texts.json MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
        " FILE_FORMAT = (TYPE = JSON TRIM_SPACE = TRUE NULL_IF = ('none') DATE_FORMAT = 'DD/MM/YYYY')"
    )
    lenient = cursor.execute(
        "COPY INTO texts FROM @round/texts.json MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE FORCE = TRUE ON_ERROR = CONTINUE"
        " FILE_FORMAT = (TYPE = JSON TRIM_SPACE = TRUE NULL_IF = ('none') DATE_FORMAT = 'DD/MM/YYYY')"
    ).fetchall()
    assert lenient[0][1:6] == ("LOADED", 2, 2, 2, 0)
    assert [(a, str(d)) for a, d in cursor.execute("SELECT DISTINCT a, d FROM texts ORDER BY a NULLS LAST").fetchall()] == [
        ("x", "2024-01-15"), (None, "None"),
    ]  # fmt: skip
