"""Define Snowflake functions and conversions that DuckDB lacks, as macros in the endpoint's own database.

Branches on typeof(x) are decided when a statement is planned: they cost nothing per row.
"""

from __future__ import annotations

import re

import duckdb

from local_stack.endpoint.engine.macros.arrays import ARRAY_MACROS
from local_stack.endpoint.engine.macros.failing import failing
from local_stack.endpoint.engine.macros.home import HOME
from local_stack.endpoint.engine.macros.snowpark import MACROS as _SNOWPARK_MACROS
from local_stack.endpoint.engine.macros.variants import MACROS as VARIANT_MACROS
from local_stack.endpoint.engine.macros.variants import SHOWN
from local_stack.endpoint.errors import carried

_TEXT = "_fs_global.main._sf_json_text(x)"
_NO_JSON = carried("Error parsing JSON: \0", 100069, "22P02").split("\0")
_OFFSET = r"^(.*\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*([+-])(\d{1,2}):?(\d\d)?\s*$"
_WITH_OFFSET = f"""CASE typeof(x) WHEN 'TIMESTAMP WITH TIME ZONE' THEN CAST(x AS VARCHAR) WHEN 'DATE' THEN CAST(x AS VARCHAR)
    WHEN 'TIMESTAMP' THEN CAST(x AS VARCHAR) ELSE list_extract(list_transform([{_TEXT}], lambda t:
        CASE WHEN regexp_matches(t, '{_OFFSET}') THEN regexp_extract(t, '{_OFFSET}', 1) || regexp_extract(t, '{_OFFSET}', 2)
            || lpad(regexp_extract(t, '{_OFFSET}', 3), 2, '0') || ':' || rpad(regexp_extract(t, '{_OFFSET}', 4), 2, '0')
        ELSE t END), 1) END"""
_DAY_AND_YEAR = r"regexp_replace(t, '^ *[A-Za-z]+ ([A-Za-z]+ [0-9]+) .* ([0-9]+) *$', '\1 \2')"


def _day(text: str, form: str) -> str:
    """Write the day of a text in a format as DuckDB reads it; NULL where it is none."""
    return f"CAST(CAST(try_strptime({text}, '{form}') AS DATE) AS VARCHAR)"


_MACROS = (
    # A timestamp with its offset as TZHTZM writes it; DuckDB's %z leaves minutes out that are 0.
    "_sf_utc_offset(x) AS rpad(replace(strftime(x, '%z'), ':', ''), 5, '0')",
    "_sf_zoned_text(x, form) AS strftime(x, form) || ' ' || _fs_global.main._sf_utc_offset(x)",
    # Text with an offset: +2, +02, +0200 and +02:00, after a blank or not.
    f"_sf_zoned(x) AS CAST({_WITH_OFFSET} AS TIMESTAMPTZ)",
    f"_sf_try_zoned(x) AS TRY_CAST({_WITH_OFFSET} AS TIMESTAMPTZ)",
    # ::VARCHAR. Source: "Data type conversion"; TIMESTAMP_NTZ_OUTPUT_FORMAT's default has milliseconds.
    """_sf_text(x) AS CASE typeof(x)
        WHEN 'JSON' THEN _fs_global.main._sf_shown(json_extract_string(TRY_CAST(CAST(x AS VARCHAR) AS JSON), '$'))
        WHEN 'TIMESTAMP' THEN strftime(TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g')
        WHEN 'TIMESTAMP WITH TIME ZONE'
            THEN _fs_global.main._sf_zoned_text(TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMPTZ), '%Y-%m-%d %H:%M:%S.%g')
        WHEN 'DOUBLE' THEN regexp_replace(CAST(x AS VARCHAR), '\\.0$', '')
        WHEN 'BLOB' THEN hex(TRY_CAST(x AS BLOB))
        ELSE CASE WHEN typeof(x) LIKE '%]' THEN CAST(to_json(x) AS VARCHAR) ELSE CAST(x AS VARCHAR) END END""",
    # The same under other formats than the defaults (times.py); in that of a zoned time chr(1) stands for the offset.
    """_sf_formatted(x, date_form, local_form, zoned_form) AS CASE typeof(x)
        WHEN 'DATE' THEN strftime(TRY_CAST(CAST(x AS VARCHAR) AS DATE), date_form)
        WHEN 'TIMESTAMP' THEN strftime(TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMP), local_form)
        WHEN 'TIMESTAMP WITH TIME ZONE' THEN replace(strftime(TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMPTZ), zoned_form), chr(1),
            _fs_global.main._sf_utc_offset(TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMPTZ)))
        ELSE _fs_global.main._sf_text(x) END""",
    "_sf_fitting(x, n) AS CASE WHEN length(x) > n THEN "
    + failing("'String ''' || x || ''' is too long and would be truncated'", "VARCHAR")
    + " ELSE x END",
    # Text of digits alone is seconds, milliseconds, microseconds or nanoseconds, by its size.
    # See: https://docs.snowflake.com/en/sql-reference/functions/to_timestamp
    "_sp_epoch(n) AS make_timestamp(CAST(CASE WHEN abs(n) < 31536000000 THEN n * 1000000"
    " WHEN abs(n) < 31536000000000 THEN n * 1000 WHEN abs(n) < 31536000000000000 THEN n ELSE n // 1000 END AS BIGINT))",
    # Text in a form that AUTO detects, written as DuckDB reads it: 1/31/2024, 31-Jan-2024, Wed, 31 Jan 2024 10:00:00 +0100,
    # Wed Jan 31 10:00:00 +0100 2024 and 1706691600. See: https://docs.snowflake.com/en/sql-reference/date-time-input-output
    f"""_sf_detected(text) AS list_extract(list_transform([text], lambda t: coalesce(CASE
        WHEN regexp_matches(t, '^\\s*\\d\\d?/\\d\\d?/\\d{{4}}')
            THEN regexp_replace(t, '^\\s*(\\d\\d?)/(\\d\\d?)/(\\d{{4}})', '\\3-\\1-\\2')
        WHEN regexp_full_match(t, '\\s*\\d\\d?-[A-Za-z]{{3}}-\\d{{4}}\\s*') THEN {_day("trim(t)", "%d-%b-%Y")}
        WHEN regexp_matches(t, '^\\s*[A-Za-z]{{3}}, \\d')
            THEN {_day("regexp_extract(t, '[0-9]+ [A-Za-z]+ [0-9]+')", "%d %b %Y")} || regexp_extract(t, '\\d{{4}}(.*)$', 1)
        WHEN regexp_matches(t, '^\\s*[A-Za-z]{{3}} [A-Za-z]{{3}} \\d')
            THEN {_day(_DAY_AND_YEAR, "%b %d %Y")}
                || regexp_extract(t, '( \\d\\d:\\d\\d:\\d\\d.*) \\d{{4}}\\s*$', 1)
        WHEN regexp_full_match(t, '\\s*\\d{{4}}-\\d\\d?-\\d\\d?[ T]\\d\\d?\\s*') THEN trim(t) || ':00'
        WHEN regexp_full_match(t, '\\s*\\d+\\s*') THEN CAST(_fs_global.main._sp_epoch(CAST(t AS HUGEINT)) AS VARCHAR)
        END, t)), 1)""",
    # ::BOOLEAN. See: https://docs.snowflake.com/en/sql-reference/functions/to_boolean
    "_sf_boolean(x) AS CASE typeof(x) WHEN 'VARCHAR' THEN CAST(CASE lower(CAST(x AS VARCHAR)) WHEN 'on' THEN 'true'"
    " WHEN 'off' THEN 'false' ELSE CAST(x AS VARCHAR) END AS BOOLEAN) ELSE CAST(x AS BOOLEAN) END",
    # ::BINARY
    f"_sf_binary(x) AS CASE typeof(x) WHEN 'BLOB' THEN TRY_CAST(x AS BLOB) ELSE from_hex(trim({_TEXT})) END",
    # ::INT. Half away from zero, also from FLOAT and VARIANT; DuckDB rounds a DOUBLE half to even and truncates JSON.
    """_sf_integer(x) AS CASE typeof(x)
        WHEN 'DOUBLE' THEN CAST(round(TRY_CAST(x AS DOUBLE)) AS HUGEINT)
        WHEN 'FLOAT' THEN CAST(round(TRY_CAST(x AS DOUBLE)) AS HUGEINT)
        WHEN 'JSON' THEN CAST(CASE json_extract_string(TRY_CAST(CAST(x AS VARCHAR) AS JSON), '$')
            WHEN 'true' THEN '1' WHEN 'false' THEN '0'
            ELSE json_extract_string(TRY_CAST(CAST(x AS VARCHAR) AS JSON), '$') END AS HUGEINT)
        ELSE CAST(x AS HUGEINT) END""",
    # SYSTEM$TYPEOF of what is no constant.
    """_sf_system_typeof(x) AS CASE
        WHEN typeof(x) LIKE 'DECIMAL%' THEN replace(typeof(x), 'DECIMAL', 'NUMBER') || '[SB' || CASE
            WHEN CAST(regexp_extract(typeof(x), '\\d+') AS INTEGER) <= 2 THEN '1'
            WHEN CAST(regexp_extract(typeof(x), '\\d+') AS INTEGER) <= 4 THEN '2'
            WHEN CAST(regexp_extract(typeof(x), '\\d+') AS INTEGER) <= 9 THEN '4'
            WHEN CAST(regexp_extract(typeof(x), '\\d+') AS INTEGER) <= 18 THEN '8' ELSE '16' END || ']'
        WHEN typeof(x) LIKE '%INT%' THEN 'NUMBER(38,0)[SB16]'
        WHEN typeof(x) IN ('DOUBLE', 'FLOAT') THEN 'FLOAT[DOUBLE]'
        WHEN typeof(x) = 'BOOLEAN' THEN 'BOOLEAN[SB1]'
        WHEN typeof(x) = 'DATE' THEN 'DATE[SB4]'
        WHEN typeof(x) = 'TIME' THEN 'TIME(9)[SB8]'
        WHEN typeof(x) = 'TIMESTAMP' THEN 'TIMESTAMP_NTZ(9)[SB16]'
        WHEN typeof(x) = 'TIMESTAMP WITH TIME ZONE' THEN 'TIMESTAMP_LTZ(9)[SB16]'
        WHEN typeof(x) = 'BLOB' THEN 'BINARY(8388608)[LOB]'
        WHEN typeof(x) LIKE '%]' THEN 'ARRAY[LOB]'
        WHEN typeof(x) LIKE 'STRUCT%' OR typeof(x) LIKE 'MAP%' THEN 'OBJECT[LOB]'
        WHEN typeof(x) = 'JSON' THEN 'VARIANT[LOB]'
        ELSE 'VARCHAR(16777216)[LOB]' END""",
    # PARSE_JSON: an empty text is NULL; the error's text is one of ours (errors.py).
    "_sf_json_text(x) AS CASE typeof(x) WHEN 'JSON'"
    " THEN rtrim(json_extract_string(TRY_CAST(CAST(x AS VARCHAR) AS JSON), '$'), chr(11)) ELSE CAST(x AS VARCHAR) END",
    # JSON without repeated keys. Where it has objects in it: a VARIANT of DuckDB keeps one value of a key, so that it is as long
    # without repeated keys; what is not may have some.
    f"""_sf_plain_json(x) AS json_valid({_TEXT}) AND CASE WHEN contains(substr({_TEXT}, 2), '{{') THEN coalesce(
        length(json({_TEXT})) = length(CAST(CAST(CAST({_TEXT} AS JSON) AS VARIANT) AS JSON)), TRUE)
        ELSE list_unique(json_keys({_TEXT})) = len(json_keys({_TEXT})) END""",
    *(
        macro
        for kind, repeats in (("", "FALSE"), ("_last", "TRUE"))
        for macro in (
            f"""_sf_parse_json{kind}(x) AS CASE WHEN trim({_TEXT}) = '' THEN NULL
                WHEN _fs_global.main._sf_plain_json(x) THEN CAST({_TEXT} AS JSON)
                WHEN {_TEXT} IS NOT NULL THEN coalesce(CAST(_sf_native_json({_TEXT}, {repeats}, FALSE) AS JSON),
                {failing(f"'{_NO_JSON[0]}' || left({_TEXT}, 100) || '{_NO_JSON[1]}'", "JSON")}) END""",
            f"""_sf_try_parse_json{kind}(x) AS CASE WHEN _fs_global.main._sf_plain_json(x) THEN CAST({_TEXT} AS JSON)
                WHEN trim({_TEXT}) <> '' THEN CAST(_sf_native_json({_TEXT}, {repeats}, FALSE) AS JSON) END""",
        )
    ),
    # A document of a file.
    f"""_sf_file_json(x, repeats, strips) AS CASE WHEN NOT strips AND _fs_global.main._sf_plain_json(CAST(x AS VARCHAR)) THEN x
        ELSE coalesce(CAST(_sf_native_json(CAST(x AS VARCHAR), repeats, strips) AS JSON),
            {failing(f"'{_NO_JSON[0]}' || left(CAST(x AS VARCHAR), 100) || '{_NO_JSON[1]}'", "JSON")}) END""",
    "_sf_format_time(x, form) AS strftime(CAST(x AS TIMESTAMP), form)",
    # A formatted timestamp x, in which chr(1) stands for its offset.
    """_sf_with_offset(t, x, colon) AS replace(t, chr(1), left(_fs_global.main._sf_utc_offset(CAST(x AS TIMESTAMPTZ)), 3)
        || colon || right(_fs_global.main._sf_utc_offset(CAST(x AS TIMESTAMPTZ)), 2))""",
    *(
        f"_sf_{prefix}{kind}_input(x, form) AS CASE typeof(x) WHEN 'VARCHAR'"
        f" THEN CAST({parse}(CAST(x AS VARCHAR), form) AS {kind.upper()}) ELSE {cast}(x AS {kind.upper()}) END"
        for prefix, parse, cast in (("", "strptime", "CAST"), ("try_", "try_strptime", "TRY_CAST"))
        for kind in ("date", "timestamp")
    ),
    # A number is a time since 1970 in UTC.
    f"""_sf_timestamp(x, scale) AS CASE WHEN typeof(x) = 'JSON' AND TRY_CAST(x AS BIGINT) IS NULL
        THEN CAST(trim({_TEXT}) AS TIMESTAMP) WHEN TRY_CAST(x AS BIGINT) IS NULL THEN CAST(x AS TIMESTAMP)
        ELSE make_timestamp(CAST(x AS BIGINT) * CAST(1e6 AS BIGINT) // CAST(pow(10, scale) AS BIGINT)) END""",
    "_sf_try_timestamp(x) AS TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMP)",
)


_ALL = (*SHOWN, *_MACROS, *VARIANT_MACROS, *_SNOWPARK_MACROS, *ARRAY_MACROS)
_DEFINITION = re.compile(r"(?P<name>\w+)\((?P<first>\w+)(?P<others>[^)]*)\) AS (?P<body>.*)", re.DOTALL)
_OFTEN = 3


def _repeats(macro: str) -> re.Match[str] | None:
    """Return the parts of a macro that names its first argument often; None for others."""
    found = _DEFINITION.match(macro)
    return found if found and len(re.findall(rf"\b{found['first']}\b", found["body"])) >= _OFTEN else None


# Macros that repeat their first argument, of which each has a twin that binds it once (translation/once.py).
REPEATING = frozenset(HOME + found["name"] for macro in _ALL if (found := _repeats(macro)))
ONCE = "_once"


def create_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Create or replace every macro, each with its twin where it has one."""
    for macro in _ALL:
        connection.execute(f"CREATE OR REPLACE MACRO {HOME}{macro}")
        if found := _repeats(macro):
            name, first, others = found.group("name", "first", "others")
            bound = f"list_transform([{first}], lambda _sf_bound: {HOME}{name}(_sf_bound{others}))"
            twin = f"{HOME}{name}{ONCE}({first}{others}) AS list_extract({bound}, 1)"
            connection.execute(f"CREATE OR REPLACE MACRO {twin}")
