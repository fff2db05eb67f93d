"""CSV files under every option of Snowflake's CREATE FILE FORMAT, through the real connector.

Source: https://docs.snowflake.com/en/sql-reference/sql/create-file-format
"""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import itertools
import zlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from snowflake.connector.errors import DatabaseError

from tests.conftest import RunningEndpoint

Load = Callable[..., list[tuple[Any, ...]]]
_NUMBERS = itertools.count(1)
_ADVICE = "If you would like to continue loading when an error is encountered"


@pytest.fixture(scope="module")
def bucket(endpoint: RunningEndpoint) -> Path:
    folder = endpoint.s3_root / "csv-files"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def cursor(endpoint: RunningEndpoint, bucket: Path) -> Iterator[Any]:
    with endpoint.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE STAGE csv_files URL = 's3://csv-files/'")
        yield cursor


@pytest.fixture
def load(cursor: Any, bucket: Path) -> Load:
    """Load a content into a new table `t`; its rows, in the order of the file. copied: the answer of COPY goes there."""

    def load(content: bytes | str, options: str = "", columns: str = "a STRING, b STRING, c STRING", more: str = "",
             name: str = "", copied: list[Any] | None = None) -> list[tuple[Any, ...]]:  # fmt: skip
        name = name or f"{next(_NUMBERS)}.csv"
        (bucket / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        cursor.execute(f"CREATE OR REPLACE TABLE t ({columns})")
        answer = cursor.execute(
            f"COPY INTO t FROM @csv_files/{name} FILE_FORMAT = (TYPE = CSV {options}) {more}"
        ).fetchall()
        if copied is not None:
            copied += answer
        return list(cursor.execute("SELECT * FROM t").fetchall())

    return load


QUOTED = "FIELD_OPTIONALLY_ENCLOSED_BY = '\"'"


@pytest.mark.parametrize(
    ("content", "options", "rows"),
    [
        # ESCAPE_UNENCLOSED_FIELD at its default, NULL_IF at its default
        ("1,foo\\,bar,x\n2,\\N,y\n3,a\\\\b,z\n", "",
         [("1", "foo,bar", "x"), ("2", None, "y"), ("3", "a\\b", "z")]),
        ("1,a\\\n2,c\n3,d,e\n", "", [("1", "a\n2", "c"), ("3", "d", "e")]),
        ("1,a\\\r\n2,c\r\n3,d,e\r\n", "", [("1", "a\r\n2", "c"), ("3", "d", "e")]),
        ("1,\\x,\\1\n", "", [("1", "\\x", "\\1")]),
        ("1,\\\\N,x\n", "", [("1", "\\N", "x")]),
        ("1,foo\\,x\n2,\\N,y\n3,a\\\\b,z\\\n", "ESCAPE_UNENCLOSED_FIELD = NONE",
         [("1", "foo\\", "x"), ("2", None, "y"), ("3", "a\\\\b", "z\\")]),
        ("1,a^,b,c\n", "ESCAPE_UNENCLOSED_FIELD = '^'", [("1", "a,b", "c")]),
        # ESCAPE: for enclosed and other fields; it goes before ESCAPE_UNENCLOSED_FIELD
        ('1,"a\\"b, c",x\n2,\\"q,\\,\n', f"ESCAPE = '\\\\' {QUOTED}", [("1", 'a"b, c', "x"), ("2", '"q', ",")]),
        ('1,"a^"b",x^,y\n', f"ESCAPE = '^' {QUOTED}", [("1", 'a"b', "x,y")]),
        ('1,"a\\b",x\\,y\n', f"ESCAPE = '^' {QUOTED} ERROR_ON_COLUMN_COUNT_MISMATCH = FALSE", [("1", "a\\b", "x\\")]),
        # FIELD_OPTIONALLY_ENCLOSED_BY
        ('1,"a""b","x\ny"\n', QUOTED, [("1", 'a"b', "x\ny")]),
        ("1,'a''b','x,y'\n", "FIELD_OPTIONALLY_ENCLOSED_BY = ''''", [("1", "a'b", "x,y")]),
        ("1,'a''b','x,y'\n", "FIELD_OPTIONALLY_ENCLOSED_BY = '0x27'", [("1", "a'b", "x,y")]),
        ('1, "a",x"y\n', QUOTED, [("1", ' "a"', 'x"y')]),
        ('1,"a" ,"b"\n', QUOTED, [("1", "a", "b")]),
        ('1,"a",b\n', "", [("1", '"a"', "b")]),
        # EMPTY_FIELD_AS_NULL and quoted empty fields
        ('1,,""\n', QUOTED, [("1", None, "")]),
        ('1,,""\n', f"{QUOTED} EMPTY_FIELD_AS_NULL = FALSE", [("1", "", "")]),
        # NULL_IF: of fields with quotes too; several
        ('1,NULL,"NULL"\n', f"{QUOTED} NULL_IF = ('NULL')", [("1", None, None)]),
        ('1,\\N,""\n', f"{QUOTED} NULL_IF = ('')", [("1", "\\N", None)]),
        ("x,y,z\n", "NULL_IF = ('x', 'y')", [(None, None, "z")]),
        ("\\N,y,z\n", "NULL_IF = ()", [("\\N", "y", "z")]),
        # TRIM_SPACE
        (' 1 , " x y " ,  \n', f"{QUOTED} TRIM_SPACE = TRUE", [("1", " x y ", None)]),
        (" 1 , x ,  \n", "TRIM_SPACE = TRUE", [("1", "x", None)]),
        (" 1 , x ,  \n", "", [(" 1 ", " x ", "  ")]),
        # delimiters: several characters, escape sequences, octal and hexadecimal codes, NONE
        ("1||2||3\n", "FIELD_DELIMITER = '||'", [("1", "2", "3")]),
        ("1\t2\t3\n", "FIELD_DELIMITER = '\\t'", [("1", "2", "3")]),
        ("1\t2\t3\n", "FIELD_DELIMITER = '\\\\t'", [("1", "2", "3")]),
        ("1\x012\x013\n", "FIELD_DELIMITER = '\\\\001'", [("1", "2", "3")]),
        ("1¢2¢3\n", "FIELD_DELIMITER = '\\\\xC2\\\\xA2'", [("1", "2", "3")]),
        ("1Þ2Þ3\n", "FIELD_DELIMITER = '0xDE'", [("1", "2", "3")]),
        ("1,2,3\n", "FIELD_DELIMITER = NONE ERROR_ON_COLUMN_COUNT_MISMATCH = FALSE", [("1,2,3", None, None)]),
        ("1,2,3;4,5\n,6;", "RECORD_DELIMITER = ';'", [("1", "2", "3"), ("4", "5\n", "6")]),
        ("1,2,3||4,5,6", "RECORD_DELIMITER = '||'", [("1", "2", "3"), ("4", "5", "6")]),
        ("1,2,3\r4,5,6\r", "RECORD_DELIMITER = '\\r'", [("1", "2", "3"), ("4", "5", "6")]),
        ("1,2,3\r\n4,5,6\r\n", "", [("1", "2", "3"), ("4", "5", "6")]),
        ("1,2,3\r\n4,5,6\r\n", "RECORD_DELIMITER = '\\r\\n'", [("1", "2", "3"), ("4", "5", "6")]),
        ("1,2\n,3\n", "RECORD_DELIMITER = NONE", [("1", "2\n", "3\n")]),
        # SKIP_HEADER counts lines, whatever the record delimiter
        ("h,h\nh\n1,2,3\n", "SKIP_HEADER = 2", [("1", "2", "3")]),
        ("h;h\n1,2,3;4,5,6;", "SKIP_HEADER = 1 RECORD_DELIMITER = ';'", [("1", "2", "3"), ("4", "5", "6")]),
        ("h\n", "SKIP_HEADER = 5", []),
        ("", "", []),
        # SKIP_BLANK_LINES
        ("1,2,3\n\n4,5,6\n\n", "SKIP_BLANK_LINES = TRUE", [("1", "2", "3"), ("4", "5", "6")]),
        # ERROR_ON_COLUMN_COUNT_MISMATCH
        ("1\n1,2,3,4\n\n", "ERROR_ON_COLUMN_COUNT_MISMATCH = FALSE",
         [("1", None, None), ("1", "2", "3"), (None, None, None)]),
        # no new line at the end
        ("1,2,3\n4,5,6", "", [("1", "2", "3"), ("4", "5", "6")]),
        # SKIP_BYTE_ORDER_MARK
        (b"\xef\xbb\xbf1,2,3\n", "", [("1", "2", "3")]),
        (b"\xef\xbb\xbf1,2,3\n", "SKIP_BYTE_ORDER_MARK = FALSE", [("\ufeff1", "2", "3")]),
        # REPLACE_INVALID_CHARACTERS
        (b"1,caf\xe9,3\n", "REPLACE_INVALID_CHARACTERS = TRUE", [("1", "caf�", "3")]),
    ],
)  # fmt: skip
def test_options(load: Load, content: bytes | str, options: str, rows: list[tuple[Any, ...]]) -> None:
    assert load(content, options) == rows


@pytest.mark.parametrize(
    ("encoding", "codec", "text"),
    [
        ("ISO-8859-1", "latin-1", "café,ÿ"), ("ISO88591", "latin-1", "café,ÿ"), ("iso-8859-15", "iso8859_15", "€,é"),
        ("WINDOWS-1252", "cp1252", "“€”,é"), ("WINDOWS1251", "cp1251", "привет,я"), ("KOI8-R", "koi8_r", "привет,я"),
        ("SHIFT_JIS", "shift_jis", "日本,語"), ("EUC-JP", "euc_jp", "日本,語"), ("BIG5", "big5", "中文,字"),
        ("GB18030", "gb18030", "中文,€"), ("EUC-KR", "euc_kr", "한국,어"), ("UTF-16", "utf-16", "日本,é"),
        ("UTF16LE", "utf-16-le", "日本,é"), ("UTF-16BE", "utf-16-be", "日本,é"), ("UTF-16", "utf-16-be", "日本,é"),
        ("UTF-32", "utf-32", "日本,é"), ("UTF32BE", "utf-32-be", "日本,é"), ("UTF8", "utf-8", "日本,é"),
        ("ISO-2022-JP", "iso2022_jp", "日本,語"),
    ],
)  # fmt: skip
def test_encodings(load: Load, encoding: str, codec: str, text: str) -> None:
    content = f"{text}\nx,y\n".encode(codec)
    assert load(content, f"ENCODING = '{encoding}'", "a STRING, b STRING") == [tuple(text.split(",")), ("x", "y")]


@pytest.mark.parametrize(
    ("compression", "compress"),
    [
        ("GZIP", gzip.compress), ("BZ2", bz2.compress), ("ZSTD", lambda raw: pa.compress(raw, "zstd", asbytes=True)),
        ("BROTLI", lambda raw: pa.compress(raw, "brotli", asbytes=True)), ("DEFLATE", zlib.compress),
        ("RAW_DEFLATE", lambda raw: zlib.compress(raw, wbits=-15)), ("NONE", bytes),
    ],
)  # fmt: skip
@pytest.mark.parametrize("content", ["1,2,3\n", "1,a\\,b,3\n"])
def test_compressions(load: Load, compression: str, compress: Callable[[bytes], bytes], content: str) -> None:
    rows = load(content)
    assert load(compress(content.encode()), f"COMPRESSION = {compression}") == rows
    if compression in ("GZIP", "BZ2", "ZSTD", "NONE"):
        assert load(compress(content.encode())) == rows


@pytest.mark.parametrize(
    ("options", "kind", "text", "value"),
    [
        ("DATE_FORMAT = 'DD/MM/YYYY'", "DATE", "15/01/2024", dt.date(2024, 1, 15)),
        ("", "DATE", "15-JAN-2024", dt.date(2024, 1, 15)),
        ("", "DATE", "01/15/2024", dt.date(2024, 1, 15)),
        ("TIME_FORMAT = 'HH12:MI:SS AM'", "TIME", "10:20:30 PM", dt.time(22, 20, 30)),
        ("", "TIME", "22:20:30.5", dt.time(22, 20, 30, 500000)),
        ("TIMESTAMP_FORMAT = 'DD.MM.YYYY HH24:MI'", "TIMESTAMP_NTZ", "15.01.2024 10:20", dt.datetime(2024, 1, 15, 10, 20)),
        ("TIMESTAMP_FORMAT = 'YYYYMMDD\"T\"HH24MISS.FF3'", "TIMESTAMP_NTZ", "20240115T102030.123",
         dt.datetime(2024, 1, 15, 10, 20, 30, 123000)),
        ("", "TIMESTAMP_NTZ", "1705312800", dt.datetime(2024, 1, 15, 10)),
        ("", "TIMESTAMP_NTZ", "1705312800123", dt.datetime(2024, 1, 15, 10, 0, 0, 123000)),
        ("BINARY_FORMAT = BASE64", "BINARY", "aGk=", b"hi"),
        ("BINARY_FORMAT = UTF8", "BINARY", "hi", b"hi"),
        ("", "BINARY", "6869", b"hi"),
        ("", "BOOLEAN", "off", False),
        ("", "NUMBER(5,2)", "1.555", Decimal("1.56")),
        ("", "FLOAT", "1e3", 1000.0),
    ],
)  # fmt: skip
def test_values(load: Load, options: str, kind: str, text: str, value: Any) -> None:
    assert load(f"{text}\n", options, f"a {kind}") == [(value,)]
    assert load(f"{text}\n\\\\x\n", options, f"a {kind}", "ON_ERROR = CONTINUE") == (
        [(value,), (b"\\x",)] if "UTF8" in options else [(value,)]
    ), "by our own reader, with a value that does not convert"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("FIELD_OPTIONALLY_ENCLOSED_BY = '|'", "FIELD_OPTIONALLY_ENCLOSED_BY"),
        ("ESCAPE = 'ab'", "ESCAPE"),
        ("ESCAPE_UNENCLOSED_FIELD = 'é'", "ESCAPE_UNENCLOSED_FIELD"),
        ("FIELD_DELIMITER = ''", "FIELD_DELIMITER"),
        ("FIELD_DELIMITER = '|' RECORD_DELIMITER = '||'", "part of each other"),
        ("ENCODING = 'EBCDIC'", "EBCDIC"),
        ("ENCODING = 'IBM420'", "IBM420"),
        ("COMPRESSION = LZO", "COMPRESSION"),
        ("BINARY_FORMAT = OCT", "BINARY_FORMAT"),
        ("SKIP_HEADER = -1", "SKIP_HEADER"),
        ("SKIP_HEADER = 1 PARSE_HEADER = TRUE", "SKIP_HEADER"),
        ("TRIM_SPACE = 'maybe'", "TRIM_SPACE"),
        ("STRIP_OUTER_ARRAY = TRUE", "STRIP_OUTER_ARRAY"),
        ("VALIDATE_UTF8 = FALSE", "VALIDATE_UTF8"),
    ],
)
def test_values_that_are_refused(load: Load, cursor: Any, options: str, message: str) -> None:
    with pytest.raises(DatabaseError, match=message):
        cursor.execute(f"CREATE OR REPLACE FILE FORMAT wrong TYPE = CSV {options}")
    with pytest.raises(DatabaseError, match=message):
        load("1,2,3\n", options)


GOOD = "".join(f"{n},name {n},{n * 10}\n" for n in range(1, 31))
TYPED = "a INT, b STRING, c INT"


def _with(line: int, text: str) -> str:
    lines = GOOD.splitlines(keepends=True)
    return "".join([*lines[: line - 1], text, *lines[line - 1 :]])


@pytest.mark.parametrize("line", [1, 5, 31])
@pytest.mark.parametrize(
    ("text", "message", "places"),
    [
        ('7,"a"b,1\n', "Found character 'b' instead of field delimiter ','", (0, 6, 2)),
        ('7,"a,1\n', "matching enclosing character '\"' not found before end of file", (0, 3, 2)),
        ("7,a,1,9\n", "Field delimiter ',' found while expecting record delimiter '\\n'", (0, 6, 3)),
        ("7,a\n", 'End of record reached while expected to parse column \'"T"["C":3]\'', (0, 4, 3)),
        ("x,a,1\n", "Numeric value 'x' is not recognized", (0, 1, 1)),
        ('7,"a",x1\n', "Numeric value 'x1' is not recognized", (0, 7, 3)),
    ],
)
def test_one_bad_line_among_thirty(
    load: Load, line: int, text: str, message: str, places: tuple[int, int, int]
) -> None:
    copied: list[Any] = []
    rows = load(_with(line, text), QUOTED, TYPED, "ON_ERROR = CONTINUE", copied=copied)
    assert rows == [(n, f"name {n}", n * 10) for n in range(1, 31)]
    _, status, parsed, loaded, limit, errors, first, error_line, character, column = copied[0]
    assert (status, parsed, loaded, limit, errors) == ("PARTIALLY_LOADED", 31, 30, 31, 1)
    if line == 1 and text in ("7,a,1,9\n", "7,a\n"):
        count = text.count(",") + 1
        assert first == (
            f"Number of columns in file ({count}) does not match that of the corresponding table (3), use file format option"
            " error_on_column_count_mismatch=false to ignore this error"
        )
        assert (error_line, character, column) == (2, 1, '"T"[4]' if count == 4 else '"T"["B":2]')
    else:
        assert (first, error_line, character) == (message, line, places[1])
        assert column == f'"T"["{"ABC"[places[2] - 1]}":{places[2]}]'


@pytest.mark.parametrize(
    ("on_error", "status", "loaded", "limit"),
    [
        ("CONTINUE", "PARTIALLY_LOADED", 3, 5), ("SKIP_FILE", "LOAD_FAILED", 0, 1), ("SKIP_FILE_2", "LOAD_FAILED", 0, 2),
        ("SKIP_FILE_3", "PARTIALLY_LOADED", 3, 3), ("'SKIP_FILE_40%'", "LOAD_FAILED", 0, 2),
        ("'SKIP_FILE_60%'", "PARTIALLY_LOADED", 3, 3), ("'skip_file_3'", "PARTIALLY_LOADED", 3, 3),
    ],
)  # fmt: skip
def test_on_error(load: Load, on_error: str, status: str, loaded: int, limit: int) -> None:
    copied: list[Any] = []
    rows = load("1,a,1\nx,b,2\n3,c\n4,d,4\n5,e,5\n", "", TYPED, f"ON_ERROR = {on_error}", copied=copied)
    assert len(rows) == loaded
    assert copied[0][1:] == (
        status, 5, loaded, limit, 2, "Numeric value 'x' is not recognized", 2, 1, '"T"["A":1]',
    )  # fmt: skip


@pytest.mark.parametrize("content", ["1,a,1\nx,b,2\n", '1,"a\\b",1\nx,"b",2\n'])
def test_abort_says_where(load: Load, cursor: Any, content: str) -> None:
    with pytest.raises(DatabaseError) as raised:
        load(content, QUOTED, TYPED, name="where.csv")
    assert raised.value.errno == 100038
    assert raised.value.sqlstate == "22018"
    assert (
        "Numeric value 'x' is not recognized\n  File 's3://csv-files/where.csv', line 2, character 1\n"
        f'  Row 2, column "T"["A":1]\n  {_ADVICE}'
    ) in str(raised.value.msg)
    assert cursor.execute("SELECT COUNT(*) FROM t").fetchone() == (0,)


def test_on_error_is_one_of_snowflakes(load: Load) -> None:
    for value in ("IGNORE", "'SKIP_FILE_x'", "'SKIP_FILE_101%'"):
        with pytest.raises(DatabaseError, match="ON_ERROR"):
            load("1,2,3\n", more=f"ON_ERROR = {value}")


def test_other_errors_of_a_record(load: Load) -> None:
    copied: list[Any] = []
    rows = load(
        b"1,abc,1\n2,abcd,2\n,x,3\n4,\xff,4\n5,e,5\n", "", "a INT NOT NULL, b VARCHAR(3), c INT", "ON_ERROR = CONTINUE",
        copied=copied,
    )  # fmt: skip
    assert rows == [(1, "abc", 1), (5, "e", 5)]
    assert copied[0][5:] == (3, "User character length limit (3) exceeded by string 'abcd'", 2, 3, '"T"["B":2]')
    for content, message, errno in (
        (b",x,3\n", "NULL result in a non-nullable column", 100072),
        (b"1,\xff,3\n", "Invalid UTF8 detected in string '0xFF'", 100144),
        (b"1,abcd,3\n", r"User character length limit \(3\)", 100074),
        (b"1,a,99999999999999999999999999999999999999999\n", "Number out of representable range", 100132),
    ):
        with pytest.raises(DatabaseError, match=message) as raised:
            load(content, "", "a INT NOT NULL, b VARCHAR(3), c INT")
        assert raised.value.errno == errno
    cut = load("1,abcd,3\n", "", "a INT NOT NULL, b VARCHAR(3), c INT", "TRUNCATECOLUMNS = TRUE")
    assert cut == [(1, "abc", 3)]
    assert load("1,abcd,3\n", "", "a INT, b VARCHAR(3), c INT", "ENFORCE_LENGTH = FALSE") == [(1, "abc", 3)]


def test_multi_line(load: Load) -> None:
    content = '1,"a\nb",c\n2,d,e\n'
    assert load(content, QUOTED) == [("1", "a\nb", "c"), ("2", "d", "e")]
    with pytest.raises(DatabaseError, match="enclosing character"):
        load(content, f"{QUOTED} MULTI_LINE = FALSE")


def test_blank_lines_are_records(load: Load) -> None:
    copied: list[Any] = []
    assert load("1,2,3\n\n4,5,6\n", more="ON_ERROR = CONTINUE", copied=copied) == [("1", "2", "3"), ("4", "5", "6")]
    assert copied[0][2:] == (
        3, 2, 3, 1, "End of record reached while expected to parse column '\"T\"[\"B\":2]'", 2, 1, '"T"["B":2]',
    )  # fmt: skip
    assert load("1\n\n2\n", columns="v STRING") == [("1",), (None,), ("2",)]


def test_a_column_list_takes_what_is_there(load: Load, cursor: Any, bucket: Path) -> None:
    (bucket / "listed.csv").write_text("1\n2,b,x\n")
    cursor.execute("CREATE OR REPLACE TABLE listed (a INT, b STRING, c STRING)")
    cursor.execute("COPY INTO listed (b, c) FROM @csv_files/listed.csv FILE_FORMAT = (TYPE = CSV)")
    assert cursor.execute("SELECT * FROM listed").fetchall() == [(None, "1", None), (None, "2", "b")]


def test_columns_by_name(load: Load, cursor: Any) -> None:
    by_name = "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    header = "PARSE_HEADER = TRUE"
    assert load('c,"A"\n1,x\n2,\\N\n', f"{header} {QUOTED}", more=by_name) == [("x", None, "1"), (None, None, "2")]
    for content, message in (
        ("a,,c\n1,2,3\n", "empty string in the header"), ("a,a\n1,2\n", 'duplicated column names "a"'),
        ("a,b\n1,2,3\n", r"header defined \(2\) columns while data contains more columns"),
        ("a,b\n1\n", "header defined 2 columns while data contains 1 columns"),
    ):  # fmt: skip
        with pytest.raises(DatabaseError, match=message):
            load(content, header, more=by_name)
    with pytest.raises(DatabaseError, match="PARSE_HEADER"):
        load("a,b,c\n1,2,3\n", header)
    with pytest.raises(DatabaseError, match="PARSE_HEADER"):
        load("a,b,c\n1,2,3\n", more=by_name)


def test_queries_read_as_copy_does(cursor: Any, bucket: Path) -> None:
    (bucket / "query.csv").write_text('h\n1,"a""b",x\\,y\n2,,z\n"3,\n')
    cursor.execute(f"CREATE OR REPLACE FILE FORMAT queried TYPE = CSV SKIP_HEADER = 1 {QUOTED}")
    source = "@csv_files/query.csv (FILE_FORMAT => queried)"
    query = f"SELECT $1, $2, $3, $4, METADATA$FILE_ROW_NUMBER, METADATA$FILENAME FROM {source}"
    with pytest.raises(DatabaseError, match="matching enclosing character"):
        cursor.execute(query)
    (bucket / "query.csv").write_text('h\n1,"a""b",x\\,y\n2,,z\n')
    assert cursor.execute(query).fetchall() == [
        ("1", 'a"b', "x,y", None, 1, "query.csv"), ("2", None, "z", None, 2, "query.csv"),
    ]  # fmt: skip
    both = f"SELECT a.$2, b.$3 FROM {source} a, {source} b"
    assert len(cursor.execute(both).fetchall()) == 4
    cursor.execute("CREATE OR REPLACE TABLE picked (n INT, v STRING)")
    cursor.execute(
        "COPY INTO picked FROM (SELECT $1::INT * 2, UPPER($3) FROM @csv_files/query.csv) FILE_FORMAT = (FORMAT_NAME = queried)"
    )
    assert cursor.execute("SELECT * FROM picked ORDER BY n").fetchall() == [(2, "X,Y"), (4, "Z")]


def test_no_error_names_a_path_or_the_engine(load: Load, cursor: Any, bucket: Path) -> None:
    (bucket / "broken.csv.gz").write_bytes(gzip.compress(b"1,2,3\n" * 1000)[:-30] + b"x" * 40)
    (bucket / "broken.parquet").write_bytes(b"PAR1 not really")
    (bucket / "broken.json").write_text('{"a": 1}\n{"b": \n')
    cursor.execute("CREATE OR REPLACE FILE FORMAT broken_json TYPE = JSON")
    cursor.execute("CREATE OR REPLACE FILE FORMAT broken_parquet TYPE = PARQUET")
    cursor.execute("CREATE OR REPLACE TABLE t (v VARIANT)")
    for statement in (
        "COPY INTO t FROM @csv_files/broken.csv.gz FILE_FORMAT = (TYPE = CSV)",
        "COPY INTO t FROM @csv_files/broken.parquet FILE_FORMAT = (TYPE = PARQUET)",
        "COPY INTO t FROM @csv_files/broken.json FILE_FORMAT = (TYPE = JSON)",
        "SELECT $1 FROM @csv_files/broken.csv.gz",
        "SELECT $1 FROM @csv_files/broken.json (FILE_FORMAT => broken_json)",
        "SELECT $1 FROM @csv_files/broken.parquet (FILE_FORMAT => broken_parquet)",
        "SELECT * FROM TABLE(INFER_SCHEMA(LOCATION => '@csv_files/broken.parquet', FILE_FORMAT => 'broken_parquet'))",
        "SELECT * FROM TABLE(INFER_SCHEMA(LOCATION => '@csv_files/broken.json', FILE_FORMAT => 'broken_json'))",
    ):
        with pytest.raises(DatabaseError) as raised:
            cursor.execute(statement)
        text = str(raised.value)
        assert str(bucket.parent) not in text
        assert "/tmp" not in text
        assert not any(
            word in text for word in ("duckdb", "DuckDB", "read_csv", "read_json", "CSV Error", "sniff", "Traceback")
        )
        assert "broken." in text


def test_inferred_types(cursor: Any, bucket: Path) -> None:
    (bucket / "infer.csv").write_text(
        "id;money;ratio;flag;day;at;time;name\n1;1.25;1e3;true;2024-01-15;2024-01-15 10:00:00;10:20;x\n"
        "200;20.5;2;FALSE;2024-01-16;2024-01-15T10:00:00.5;23:00:01;\\;y\n"
    )
    cursor.execute("CREATE OR REPLACE FILE FORMAT inferring TYPE = CSV PARSE_HEADER = TRUE FIELD_DELIMITER = ';'")
    found = cursor.execute(
        "SELECT column_name, type FROM TABLE(INFER_SCHEMA(LOCATION => '@csv_files/infer.csv', FILE_FORMAT => 'inferring'))"
        " ORDER BY order_id"
    ).fetchall()
    assert found == [
        ("id", "NUMBER(3, 0)"), ("money", "NUMBER(4, 2)"), ("ratio", "REAL"), ("flag", "BOOLEAN"), ("day", "DATE"),
        ("at", "TIMESTAMP_NTZ"), ("time", "TIME"), ("name", "TEXT"),
    ]  # fmt: skip
