"""Define what a VARIANT is made of, and what TYPEOF, IS_<type> and AS_<type> say of it, as macros over JSON.

JSON has no dates, times and bytes, and one kind of number. A value of such a type is a JSON string that blanks follow:
a tab, as many spaces as the type's place in the list, and a tab. JSON allows blanks there, and no other reader sees them. A
FLOAT is a number with an exponent, as Snowflake shows it. Inside an ARRAY or an OBJECT both are lost.
See: https://docs.snowflake.com/en/sql-reference/data-types-semistructured and …/functions/typeof
"""

from __future__ import annotations

from typing import Final

_HOME: Final = "_fs_global.main."
_MARKED: Final = ("BINARY", "DATE", "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ")


def _mark(kind: str) -> str:
    return f"chr(9) || '{' ' * _MARKED.index(kind)}' || chr(9)"


def _marked(kind: str, text: str) -> str:
    return f"CAST('\"' || {text} || '\"' || {_mark(kind)} AS JSON)"


def _zoned(kind: str) -> str:
    """Return the text of a timestamp with its offset; `x` is one."""
    return _marked(kind, f"{_HOME}_sf_zoned_text(TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMPTZ), '%Y-%m-%d %H:%M:%S.%f')")


_OF_STRING: Final = " ".join(f"WHEN ends_with(t, '\"' || {_mark(kind)}) THEN '{kind}'" for kind in _MARKED)
_TEXT: Final = "json_extract_string(to_json(x), '$')"
_INTEGER, _FIXED, _NUMBER = "= 'INTEGER'", "IN ('INTEGER', 'DECIMAL')", "IN ('INTEGER', 'DECIMAL', 'DOUBLE')"
_ZONED_TEXT: Final = f"{_HOME}_sf_zoned({_TEXT})"
# The types that a VARIANT may hold, by the names in IS_<type> and AS_<type>, and how each is read from the text.
_KINDS: Final[dict[str, tuple[str, str]]] = {
    "integer": (_INTEGER, ""),
    "decimal": (_FIXED, ""),
    "double": (_NUMBER, f"CAST({_TEXT} AS DOUBLE)"),
    "varchar": ("= 'VARCHAR'", _TEXT),
    "boolean": ("= 'BOOLEAN'", f"CAST({_TEXT} AS BOOLEAN)"),
    "object": ("= 'OBJECT'", "to_json(x)"),
    "array": ("= 'ARRAY'", "to_json(x)"),
    "binary": ("= 'BINARY'", f"from_hex({_TEXT})"),
    "date": ("= 'DATE'", f"CAST({_TEXT} AS DATE)"),
    "time": ("= 'TIME'", f"CAST({_TEXT} AS TIME)"),
    "timestamp_ntz": ("= 'TIMESTAMP_NTZ'", f"CAST({_TEXT} AS TIMESTAMP)"),
    "timestamp_ltz": ("= 'TIMESTAMP_LTZ'", _ZONED_TEXT),
    "timestamp_tz": ("= 'TIMESTAMP_TZ'", _ZONED_TEXT),
}

MACROS: Final[tuple[str, ...]] = (
    # TO_VARIANT and ::VARIANT.
    f"""_sf_variant(x) AS CASE typeof(x)
        WHEN 'JSON' THEN TRY_CAST(CAST(x AS VARCHAR) AS JSON)
        WHEN 'DOUBLE' THEN CASE WHEN isfinite(TRY_CAST(x AS DOUBLE))
            THEN CAST(format('{{:.15e}}', TRY_CAST(x AS DOUBLE)) AS JSON) ELSE to_json(CAST(x AS VARCHAR)) END
        WHEN 'BLOB' THEN {_marked("BINARY", "hex(TRY_CAST(x AS BLOB))")}
        WHEN 'DATE' THEN {_marked("DATE", "CAST(x AS VARCHAR)")}
        WHEN 'TIME' THEN {_marked("TIME", "CAST(x AS VARCHAR)")}
        WHEN 'TIMESTAMP' THEN {_marked("TIMESTAMP_NTZ", "CAST(x AS VARCHAR)")}
        WHEN 'TIMESTAMP WITH TIME ZONE' THEN {_zoned("TIMESTAMP_LTZ")}
        ELSE to_json(x) END""",
    f"_sf_variant_tz(x) AS {_zoned('TIMESTAMP_TZ')}",
    f"""_sf_typeof(x) AS list_extract(list_transform([CAST({_HOME}_sf_variant(x) AS VARCHAR)], lambda t:
        CASE json_type(CAST(t AS JSON))
        WHEN 'VARCHAR' THEN CASE {_OF_STRING} ELSE 'VARCHAR' END
        WHEN 'DOUBLE' THEN CASE WHEN contains(lower(t), 'e') THEN 'DOUBLE' ELSE 'DECIMAL' END
        WHEN 'UBIGINT' THEN 'INTEGER' WHEN 'BIGINT' THEN 'INTEGER' WHEN 'HUGEINT' THEN 'INTEGER'
        WHEN 'NULL' THEN 'NULL_VALUE' ELSE json_type(CAST(t AS JSON)) END), 1)""",
    # The text of a marked one, in the formats that the session's output formats begin with; `kept` is what is kept.
    f"""_sf_marked_text(kept) AS list_extract(list_transform([kept], lambda t: CASE
        WHEN ends_with(t, {_mark("TIME")}) THEN substr(t, 2, 8)
        WHEN contains(t, ':') THEN substr(t, 2, 19) || '.' || left(rpad(regexp_extract(t, '\\.(\\d+)', 1), 3, '0'), 3)
            || regexp_extract(t, ' [+-]\\d+')
        ELSE json_extract_string(CAST(t AS JSON), '$') END), 1)""",
    f"""_sf_to_json(x) AS CASE WHEN typeof(x) = 'JSON' AND ends_with(CAST(x AS VARCHAR), chr(9))
        THEN '"' || {_HOME}_sf_marked_text(CAST(x AS VARCHAR)) || '"' ELSE CAST(to_json(x) AS VARCHAR) END""",
    # TO_JSON of an ARRAY, in which nothing is marked.
    "_sf_array_json(a) AS CAST(to_json(a) AS VARCHAR)",
    *(f"_sf_is_{name}(x) AS {_HOME}_sf_typeof(x) {kinds}" for name, (kinds, _) in _KINDS.items()),
    *(
        f"_sf_as_{name}(x) AS CASE WHEN {_HOME}_sf_is_{name}(x) THEN {value} END"
        for name, (_, value) in _KINDS.items()
        if value
    ),
    f"_sf_as_integer(x) AS CASE WHEN {_HOME}_sf_is_decimal(x)"
    f" THEN CAST(round(CAST({_TEXT} AS DECIMAL(38, 6))) AS HUGEINT) END",
)
NAMES: Final = tuple(_KINDS)
