"""Define Snowflake functions that DuckDB lacks, as macros of the endpoint's own database; `snowpark_functions` calls them.

VARIANT, ARRAY and OBJECT are JSON. Each macro takes what Snowflake's function takes; a variable number of keys comes as
one list. Source of each rule: the function's page in Snowflake's SQL reference.
"""

from __future__ import annotations

from typing import Final

from local_stack.endpoint.engine.macros.failing import failing
from local_stack.endpoint.engine.macros.variants import UNDEFINED
from local_stack.endpoint.errors import carried

_NO_FRACTION: Final = carried(
    "Invalid value [\0] for function ''APPROX_PERCENTILE_ESTIMATE'', parameter 2: must be between 0 and 1",
    100351,
    "22023",
).split("\0")
_SOUNDEX_CODES: Final = "translate(lower(s), 'bfpvcgjkqsxzdtlmnraeiouyhw', '11112222222233455600000077')"
_COLLAPSED: Final = (
    "regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace("
    f"{_SOUNDEX_CODES}, '7', '', 'g'), '1+', '1', 'g'), '2+', '2', 'g'), '3+', '3', 'g'), '4+', '4', 'g'), "
    "'5+', '5', 'g'), '6+', '6', 'g')"
)
# A sum of hashes as a signed integer of 64 bits; 0 where there are none.
_WRAPPED: Final = (
    "CAST((coalesce({total}, 0) + 9223372036854775808) % 18446744073709551616 - 9223372036854775808 AS BIGINT)"
)
_REAL: Final = (("sqrt", "_sf_v < 0"), ("ln", "_sf_v <= 0"))


def _real(name: str, parameters: str, value: str, undefined: str, result: str) -> str:
    """Define a function of a FLOAT that fails where it is not defined; the value is bound once."""
    message = carried(f"Invalid floating point operation: {name}(\0)", 100044, "22003").split("\0")
    failure = failing(
        f"'{message[0]}' || regexp_replace(CAST(_sf_v AS VARCHAR), '\\.0$', '') || '{message[1]}'", "DOUBLE"
    )
    return (
        f"_sp_{name}({parameters}) AS list_extract(list_transform([{value}],"
        f" lambda _sf_v: CASE WHEN {undefined} THEN {failure} ELSE {result} END), 1)"
    )


_SELECTED: Final = (
    "(SELECT to_json(map_from_entries(list_transform(list_filter(json_keys(s._sf_o), lambda k: {condition}), "
    "lambda k: struct_pack(key := k, value := json_extract(s._sf_o, '$.\"' || k || '\"'))))) "
    "FROM (SELECT to_json(o) AS _sf_o, ks AS _sf_ks) s)"
)
# json_tree and json_each give DuckDB's paths: `$.a[0]."b c"`; Snowflake's are `a[0]['b c']`. The input is named once, in a
# query of its own: a column of the caller's that is called VALUE or PATH must not meet json_each's.
_FLATTENED: Final = """(input, path, is_outer, mode) AS TABLE
    SELECT 1::BIGINT AS SEQ, _sf_f._sf_r.k AS KEY, _sf_f._sf_r.p AS PATH, _sf_f._sf_r.i AS INDEX, _sf_f._sf_r.v AS VALUE,
        _sf_f._sf_r.t AS THIS
    FROM (SELECT unnest(coalesce(
        (SELECT list(struct_pack(
                    k := CASE WHEN json_type(_sf_s._sf_root, _sf_e.path) = 'OBJECT' THEN _sf_e.key END,
                    p := regexp_replace(regexp_replace(_sf_e.fullkey, '^\\$\\.?', ''), '\\.?"([^"]*)"', '[''\\1'']', 'g'),
                    i := CASE WHEN json_type(_sf_s._sf_root, _sf_e.path) = 'ARRAY' THEN TRY_CAST(_sf_e.key AS BIGINT) END,
                    v := nullif(json_extract(_sf_s._sf_root, _sf_e.fullkey), {UNDEFINED}),
                    t := json_extract(_sf_s._sf_root, _sf_e.path)) ORDER BY _sf_e.id)
         FROM json_tree(_sf_s._sf_root, path) _sf_e
         WHERE _sf_e.key IS NOT NULL AND (mode = 'BOTH' OR json_type(_sf_s._sf_root, _sf_e.path) = mode)
           AND json_type(_sf_s._sf_root, _sf_e.path) IN ('ARRAY', 'OBJECT')
           AND starts_with(_sf_e.path, path)),
        CASE WHEN is_outer THEN [struct_pack(k := NULL::VARCHAR, p := NULL::VARCHAR, i := NULL::BIGINT, v := NULL::JSON,
                                             t := json_extract(_sf_s._sf_root, path))] END)) AS _sf_r
          FROM (SELECT to_json(input) AS _sf_root) _sf_s) _sf_f"""
_SPLIT: Final = """(input, delimiter) AS TABLE
    SELECT 1::BIGINT AS SEQ, _sf_f._sf_r.i::BIGINT AS INDEX, _sf_f._sf_r.v AS VALUE
    FROM (SELECT unnest(list_transform({parts}, lambda _sf_v, _sf_i: struct_pack(i := _sf_i, v := _sf_v))) AS _sf_r) _sf_f"""
_TEXT: Final = "CAST(input AS VARCHAR)"
_BY: Final = "CAST(delimiter AS VARCHAR)"

# FLATTEN without RECURSIVE is an UNNEST of a list that needs no subquery: DuckDB then keeps the rows in order. The elements
# are taken out in one go, and THIS is told beside the list: both would take time and memory with the square of the length.
_PATH: Final = "regexp_replace(regexp_replace({path}, '^\\$\\.?', ''), '\\.?\"([^\"]*)\"', '[''\\1'']', 'g')"
_ELEMENTS: Final = (
    "_sp_elements(j, path, mode) AS CASE"
    " WHEN json_type(json_extract(j, path)) = 'ARRAY' AND mode <> 'OBJECT' THEN list_transform("
    "json_extract(j, path || '[*]'), lambda _sf_v, _sf_n: struct_pack(k := NULL::VARCHAR, p := "
    + _PATH.format(path="path || '[' || (_sf_n - 1) || ']'")
    + ", i := _sf_n - 1, v := nullif(_sf_v, "
    + UNDEFINED
    + ")))"
    " WHEN json_type(json_extract(j, path)) = 'OBJECT' AND mode <> 'ARRAY' THEN list_transform("
    "list_zip(json_keys(json_extract(j, path)), json_extract(j, path || '.*')), lambda _sf_e: struct_pack(k := _sf_e[1], p := "
    + _PATH.format(
        path="path || CASE WHEN regexp_full_match(_sf_e[1], '[A-Za-z_$][\\w$]*') THEN '.' || _sf_e[1]"
        " ELSE '.\"' || _sf_e[1] || '\"' END"
    )
    + ", i := NULL::BIGINT, v := _sf_e[2])) END"
)
_NOTHING: Final = "[struct_pack(k := NULL::VARCHAR, p := NULL::VARCHAR, i := NULL::BIGINT, v := NULL::JSON)]"

MACROS: Final[tuple[str, ...]] = (
    _ELEMENTS,
    "_sp_elements_or_one(j, path, is_outer, mode) AS CASE"
    " WHEN len(_fs_global.main._sp_elements(j, path, mode)) > 0 THEN _fs_global.main._sp_elements(j, path, mode)"
    f" WHEN is_outer THEN {_NOTHING} END",
    "_sp_flatten_each(input, path, is_outer, mode) AS TABLE SELECT 1::BIGINT AS SEQ, _sf_f._sf_r.k AS KEY, _sf_f._sf_r.p AS PATH,"
    " _sf_f._sf_r.i AS INDEX, _sf_f._sf_r.v AS VALUE, CASE WHEN path = '$' THEN _sf_f._sf_j"
    " ELSE json_extract(_sf_f._sf_j, path) END AS THIS FROM"
    " (SELECT unnest(_fs_global.main._sp_elements_or_one(to_json(input), path, is_outer, mode)) AS _sf_r,"
    " to_json(input) AS _sf_j) _sf_f",
    "_sp_flatten_tree" + _FLATTENED.replace("{UNDEFINED}", UNDEFINED),
    "_sp_split_to_table" + _SPLIT.format(parts=f"string_split({_TEXT}, {_BY})"),
    "_sp_strtok_split_to_table"
    + _SPLIT.format(
        parts=f"list_filter(string_split(translate({_TEXT}, {_BY}, repeat(left({_BY}, 1), length({_BY}))),"
        f" left({_BY}, 1)), lambda _sf_t: _sf_t <> '')"
    ),
    "_sp_get_ignore_case(o, name) AS json_extract(o, '$.\"' || "
    "list_filter(json_keys(o), lambda _sf_k: lower(_sf_k) = lower(name))[1] || '\"')",
    "_sp_object_with(o, k, v) AS"
    " json_merge_patch(to_json(o), json_object(CAST(k AS VARCHAR), _fs_global.main._sf_element(v)))",
    "_sp_object_insert(o, k, v) AS CASE WHEN json_contains(to_json(json_keys(to_json(o))), to_json(CAST(k AS VARCHAR)))"
    " THEN "
    + failing("'" + carried("duplicate field key", 100250, "22000") + "'", "JSON")
    + " ELSE _fs_global.main._sp_object_with(o, k, v) END",
    "_sp_object_update(o, k, v, u) AS CASE WHEN u THEN _fs_global.main._sp_object_with(o, k, v)"
    " ELSE _fs_global.main._sp_object_insert(o, k, v) END",
    "_sp_object_delete(o, ks) AS " + _SELECTED.format(condition="NOT list_contains(s._sf_ks, k)"),
    "_sp_object_pick(o, ks) AS " + _SELECTED.format(condition="list_contains(s._sf_ks, k)"),
    "_sp_arrays_to_object(ks, vs) AS to_json(map_from_entries(list_transform(generate_series(1, "
    "json_array_length(to_json(ks))::BIGINT), lambda _sf_n: struct_pack(key := json_extract_string(to_json(ks), _sf_n - 1), "
    "value := json_extract(to_json(vs), _sf_n - 1)))))",
    "_sp_to_object(x) AS CASE WHEN x IS NULL THEN NULL WHEN json_type(to_json(x)) = 'OBJECT' THEN to_json(x)"
    " ELSE _fs_global.main._sf_parse_json(to_json(x)) END",
    f"_sp_soundex(s) AS CASE WHEN s = '' THEN '' ELSE left(s, 1) || rpad(left(replace(substr({_COLLAPSED}, 2), '0', ''),"
    " 3), 3, '0') END",
    "_sp_width_bucket(x, lo, hi, n) AS CASE WHEN x < lo THEN 0 WHEN x >= hi THEN n + 1"
    " ELSE CAST(floor((x - lo)::DOUBLE * n / (hi - lo)::DOUBLE) AS BIGINT) + 1 END",
    # Parts out of their ranges carry over. See: https://docs.snowflake.com/en/sql-reference/functions/timestamp_from_parts
    "_sp_clock(h, m, s, n) AS to_microseconds(((h * 60 + m) * 60 + s) * 1000000 + n // 1000)",
    "_sp_timestamp_of(y, mo, d, h, m, s, n) AS CAST(make_date(CAST(y AS BIGINT), 1, 1) AS TIMESTAMP)"
    " + to_months(CAST(mo - 1 AS INTEGER)) + to_days(CAST(d - 1 AS INTEGER))"
    " + _fs_global.main._sp_clock(CAST(h AS BIGINT), CAST(m AS BIGINT), CAST(s AS BIGINT), CAST(n AS BIGINT))",
    "_sp_time_of(h, m, s, n) AS"
    " TIME '00:00:00' + _fs_global.main._sp_clock(CAST(h AS BIGINT), CAST(m AS BIGINT), CAST(s AS BIGINT), CAST(n AS BIGINT))",
    "_sp_bit(x, position) AS (CAST(x AS BIGINT) >> CAST(position AS INTEGER)) & 1",
    # DuckDB's root of a cube is beside the whole number.
    "_sp_cube_root(x) AS CASE WHEN pow(round(cbrt(x)), 3) = x THEN round(cbrt(x)) ELSE cbrt(x) END",
    # Whole months where both are the same day of their months, or both the last one; else the rest is in 31sts, with its time.
    # See: https://docs.snowflake.com/en/sql-reference/functions/months_between
    "_sp_months_between(a, b) AS CAST(list_extract(list_transform([struct_pack(a := CAST(a AS TIMESTAMP), b := CAST(b AS"
    " TIMESTAMP))], lambda s: 12 * (year(s.a) - year(s.b)) + month(s.a) - month(s.b) + CASE WHEN day(s.a) = day(s.b)"
    " OR (CAST(s.a AS DATE) = last_day(s.a) AND CAST(s.b AS DATE) = last_day(s.b)) THEN 0"
    " ELSE (day(s.a) - day(s.b) + (epoch(s.a::TIME) - epoch(s.b::TIME)) / 86400.0) / 31 END), 1) AS DECIMAL(38, 6))",
    "_sp_octet_length(x) AS CASE typeof(x) WHEN 'BLOB' THEN octet_length(TRY_CAST(x AS BLOB))"
    " ELSE strlen(CAST(x AS VARCHAR)) END",
    "_sp_bit_length(x) AS _fs_global.main._sp_octet_length(x) * 8",
    # The digest is a big-endian number; DuckDB's md5_number_lower reads it from the other end.
    # See: https://docs.snowflake.com/en/sql-reference/functions/md5_number_lower64
    "_sp_md5(x) AS CASE typeof(x) WHEN 'BLOB' THEN md5(TRY_CAST(x AS BLOB)) ELSE md5(_fs_global.main._sf_text(x)) END",
    "_sp_md5_number_lower64(x) AS CAST(CAST('0x' || right(_fs_global.main._sp_md5(x), 16) AS UBIGINT) AS HUGEINT)",
    "_sp_md5_number_upper64(x) AS CAST(CAST('0x' || left(_fs_global.main._sp_md5(x), 16) AS UBIGINT) AS HUGEINT)",
    # The state of APPROX_PERCENTILE is a t-digest in which every value stands for itself.
    "_sp_digest(l) AS CASE WHEN len(l) > 0 THEN CAST('{\"state\": [' || array_to_string(list_transform("
    "list_sort(l), lambda v: format('{:.15e}, 1.000000000000000e+00', v)), ', ')"
    ' || \'], "type": "tdigest", "version": 1}\' AS JSON) END',
    "_sp_digested(state) AS list_filter(CAST(json_extract(state, '$.state[*]') AS DOUBLE[]), lambda v, i: i % 2 = 1)",
    "_sp_approx_percentile_estimate(state, p) AS CASE WHEN p BETWEEN 0 AND 1"
    " THEN list_aggregate(_fs_global.main._sp_digested(to_json(state)), 'quantile_cont', p)"
    " ELSE "
    + failing(f"'{_NO_FRACTION[0]}' || CAST(CAST(p AS DOUBLE) AS VARCHAR) || '{_NO_FRACTION[1]}'", "DOUBLE")
    + " END",
    # DuckDB takes INTEGER alone where Snowflake takes a NUMBER. No zero is negative in Snowflake's TRUNC.
    "_sp_chr(n) AS chr(CAST(n AS INTEGER))",
    "_sp_factorial(n) AS factorial(CAST(n AS INTEGER))",
    "_sp_trunc(x, n) AS trunc(x, CAST(n AS INTEGER)) + 0",
    "_sp_contains(a, b) AS contains(CAST(a AS VARCHAR), CAST(b AS VARCHAR))",
    "_sp_base64(x) AS CASE typeof(x) WHEN 'BLOB' THEN base64(TRY_CAST(x AS BLOB)) ELSE base64(encode(CAST(x AS VARCHAR))) END",
    "_sp_hash(h) AS CAST(CAST(h AS HUGEINT) - 9223372036854775808 AS BIGINT)",
    f"_sp_hash_of_all(h) AS {_WRAPPED.format(total='sum(CAST(h AS HUGEINT))')}",
    f"_sp_hash_of_distinct(h) AS {_WRAPPED.format(total='sum(DISTINCT CAST(h AS HUGEINT))')}",
    *(_real(name, "x", "CAST(x AS DOUBLE)", condition, f"{name}(_sf_v)") for name, condition in _REAL),
    _real("log", "b, x", "CAST(x AS DOUBLE)", "_sf_v <= 0", "ln(_sf_v) / ln(CAST(b AS DOUBLE))"),
    # CONDITIONAL_CHANGE_EVENT: how often a value differs from the one before it, of those up to a row.
    "_sp_changes(values) AS len(list_filter(list_zip(values, values[2:]), lambda pair: pair[1] <> pair[2]))",
    # Of BOOLAND and its like.
    """_sp_truth(x) AS CASE typeof(x) WHEN 'BOOLEAN' THEN TRY_CAST(CAST(x AS VARCHAR) AS BOOLEAN)
        ELSE round(TRY_CAST(CAST(x AS VARCHAR) AS DOUBLE)) <> 0 END""",
    "_sp_check_json(x) AS CASE typeof(x) WHEN 'JSON' THEN NULL ELSE _sf_native_json_fault(CAST(x AS VARCHAR)) END",
    "_sp_check_xml(x) AS _sf_native_xml_fault(CAST(x AS VARCHAR))",
    "_sp_parse_xml(x) AS CAST(_sf_native_parse_xml(CAST(x AS VARCHAR), true) AS JSON)",
    "_sp_parse_xml_as(x, as_text) AS CAST(_sf_native_parse_xml(CAST(x AS VARCHAR), NOT as_text) AS JSON)",
    "_sp_xmlget(x, tag) AS CAST(_sf_native_xml_child(CAST(x AS VARCHAR), tag, 0) AS JSON)",
    "_sp_xmlget_nth(x, tag, n) AS CAST(_sf_native_xml_child(CAST(x AS VARCHAR), tag, CAST(n AS BIGINT)) AS JSON)",
    "_sp_to_xml(x) AS _sf_native_to_xml(CAST(to_json(x) AS VARCHAR))",
)
