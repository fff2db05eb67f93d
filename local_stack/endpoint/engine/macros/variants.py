"""Define what a VARIANT is made of, and what TYPEOF, IS_<type> and AS_<type> say of it, as macros over JSON.

JSON has no dates, times and bytes, and one kind of number: native/marks.py says how it keeps them. A FLOAT is a number with an
exponent, as Snowflake shows it; inside an ARRAY or an OBJECT that is lost.
See: https://docs.snowflake.com/en/sql-reference/data-types-semistructured and …/functions/typeof
"""

from __future__ import annotations

from typing import Final

from local_stack.endpoint.engine.macros.home import HOME
from local_stack.endpoint.engine.native.marks import MARKED

_TAB: Final = "\\u000B"  # as JSON writes it
UNDEFINED: Final = f"CAST('\"{_TAB}\"' AS JSON)"


def _place(kind: str) -> int:
    return MARKED.index(kind) + 1


def _marked(kind: str, text: str) -> str:
    return f"to_json({text} || ' ' || repeat(chr(11), {_place(kind)}))"


def _zoned(kind: str) -> str:
    """Return the text of a timestamp with its offset; `x` is one."""
    return _marked(kind, f"{HOME}_sf_zoned_text(TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMPTZ), '%Y-%m-%d %H:%M:%S.%f')")


_OF_STRING: Final = " ".join(f"WHEN ends_with(t, ' {_TAB * _place(kind)}\"') THEN '{kind}'" for kind in MARKED)
_TEXT: Final = "rtrim(json_extract_string(to_json(x), '$'), ' ' || chr(11))"
_LOCAL: Final = "TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMP)"
_INTEGER, _FIXED, _NUMBER = "= 'INTEGER'", "IN ('INTEGER', 'DECIMAL')", "IN ('INTEGER', 'DECIMAL', 'DOUBLE')"
_ZONED_TEXT: Final = f"{HOME}_sf_zoned({_TEXT})"
# The types that a VARIANT may hold, by the names in IS_<type> and AS_<type>, and how each is read from the text.
_KINDS: Final[dict[str, tuple[str, str]]] = {
    "integer": (_INTEGER, ""),
    "decimal": (_FIXED, ""),
    "double": (_NUMBER, f"CAST({_TEXT} AS DOUBLE)"),
    "varchar": ("= 'VARCHAR'", "json_extract_string(to_json(x), '$')"),
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


def _json_shown(text: str) -> str:
    """Write how a text of JSON is shown."""
    tab = r"\\u000B"  # in a pattern
    patterns = (
        (rf'(\d\d:\d\d:\d\d)(\.\d+)? ({tab}){{{_place("TIME")}}}"', r'\1"'),
        (rf'(:\d\d\.\d\d\d)\d\d\d( [+-]\d+)? ({tab})+"', r'\1\2"'),
        (rf' ({tab})+"', '"'),
    )
    written = f"replace({text}, '\"{_TAB}\"', 'undefined')"
    for pattern, replacement in patterns:
        written = f"regexp_replace({written}, '{pattern}', '{replacement}', 'g')"
    return written


SHOWN: Final[tuple[str, ...]] = (
    f"_sf_shown_json(t) AS CASE WHEN contains(t, '{_TAB}') THEN {_json_shown('t')} ELSE t END",
    # A text that was read off a VARIANT as Snowflake shows it, in the formats that the session's output formats begin with; see
    # native/marks.py. It is NULL for `undefined`, which in a text of JSON is a word.
    f"""_sf_shown(text) AS list_extract(list_transform([text], lambda t: CASE
        WHEN contains(t, chr(11)) THEN CASE
            WHEN t = chr(11) THEN NULL
            WHEN ends_with(t, ' ' || repeat(chr(11), {_place("TIME")})) THEN substr(t, 1, 8)
            WHEN contains(t, ':') THEN substr(t, 1, 23) || regexp_extract(t, ' [+-]\\d+')
            ELSE rtrim(t, ' ' || chr(11)) END
        WHEN contains(t, '{_TAB}') THEN {_json_shown("t")} ELSE t END), 1)""",
)
MACROS: Final[tuple[str, ...]] = (
    # TO_VARIANT and ::VARIANT.
    f"""_sf_variant(x) AS CASE typeof(x)
        WHEN 'JSON' THEN TRY_CAST(CAST(x AS VARCHAR) AS JSON)
        WHEN 'DOUBLE' THEN CASE WHEN isfinite(TRY_CAST(x AS DOUBLE))
            THEN CAST(format('{{:.15e}}', TRY_CAST(x AS DOUBLE)) AS JSON) ELSE to_json(CAST(x AS VARCHAR)) END
        WHEN 'BLOB' THEN {_marked("BINARY", "hex(TRY_CAST(x AS BLOB))")}
        WHEN 'DATE' THEN {_marked("DATE", "CAST(x AS VARCHAR)")}
        WHEN 'TIME' THEN {_marked("TIME", "CAST(x AS VARCHAR)")}
        WHEN 'TIMESTAMP' THEN {_marked("TIMESTAMP_NTZ", f"strftime({_LOCAL}, '%Y-%m-%d %H:%M:%S.%f')")}
        WHEN 'TIMESTAMP WITH TIME ZONE' THEN {_zoned("TIMESTAMP_LTZ")}
        ELSE to_json(x) END""",
    f"_sf_variant_tz(x) AS {_zoned('TIMESTAMP_TZ')}",
    f"""_sf_typeof(x) AS list_extract(list_transform([CAST({HOME}_sf_variant(x) AS VARCHAR)], lambda t:
        CASE json_type(CAST(t AS JSON))
        WHEN 'VARCHAR' THEN CASE {_OF_STRING} ELSE 'VARCHAR' END
        WHEN 'DOUBLE' THEN CASE WHEN contains(lower(t), 'e') THEN 'DOUBLE' ELSE 'DECIMAL' END
        WHEN 'UBIGINT' THEN 'INTEGER' WHEN 'BIGINT' THEN 'INTEGER' WHEN 'HUGEINT' THEN 'INTEGER'
        WHEN 'NULL' THEN 'NULL_VALUE' ELSE json_type(CAST(t AS JSON)) END), 1)""",
    # An element of an ARRAY, and a value in an OBJECT; of what is no column the value is bound once.
    f"""_sf_element(x) AS CASE WHEN typeof(x) IN ('BLOB', 'DATE', 'TIME', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE')
        THEN {HOME}_sf_variant(x) ELSE to_json(x) END""",
    f"""_sf_elements_of(l) AS CASE WHEN typeof(l) IN ('BLOB[]', 'DATE[]', 'TIME[]', 'TIMESTAMP[]', 'TIMESTAMP WITH TIME ZONE[]')
        THEN to_json(list_transform(l, lambda e: {HOME}_sf_element(e))) ELSE to_json(l) END""",
    # By what VARIANTs are ordered: numbers as numbers, before all others, which go by their text; JSON's null last.
    """_sf_order(v) AS CASE WHEN v IS NOT NULL THEN struct_pack(
        n := CASE WHEN json_type(v) IN ('UBIGINT', 'BIGINT', 'HUGEINT', 'DOUBLE') THEN CAST(v AS DOUBLE)
            WHEN json_type(v) = 'NULL' THEN 'NaN'::DOUBLE ELSE 'Infinity'::DOUBLE END,
        t := CAST(v AS VARCHAR)) END""",
    # The values are JSON.
    "_sf_object(ks, vs, keeps_null) AS to_json(map_from_entries(list_filter(list_zip(ks, vs),"
    " lambda _sf_e: _sf_e[1] IS NOT NULL AND (keeps_null OR _sf_e[2] IS NOT NULL))))",
    f"""_sf_object_star(row_value) AS (SELECT coalesce(json_group_object(key, value::JSON), '{{}}'::JSON) FROM (
        UNPIVOT (SELECT {HOME}_sf_element(COLUMNS(*)) FROM (SELECT unnest(row_value)))
        ON COLUMNS(*)::VARCHAR INTO NAME key VALUE value))""",
    f"_sf_item(x) AS coalesce({HOME}_sf_element(x), {UNDEFINED})",
    f"_sf_item_once(x) AS coalesce({HOME}_sf_element_once(x), {UNDEFINED})",
    f"_sf_to_json(x) AS {HOME}_sf_shown_json(CAST(to_json(x) AS VARCHAR))",
    *(f"_sf_is_{name}(x) AS {HOME}_sf_typeof(x) {kinds}" for name, (kinds, _) in _KINDS.items()),
    *(
        f"_sf_as_{name}(x) AS CASE WHEN {HOME}_sf_is_{name}(x) THEN {value} END"
        for name, (_, value) in _KINDS.items()
        if value
    ),
    f"_sf_as_integer(x) AS CASE WHEN {HOME}_sf_is_decimal(x)"
    f" THEN CAST(round(CAST({_TEXT} AS DECIMAL(38, 6))) AS HUGEINT) END",
)
NAMES: Final = tuple(_KINDS)
