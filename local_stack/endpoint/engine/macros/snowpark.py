"""Define Snowflake functions that DuckDB lacks, as macros of the endpoint's own database; `snowpark_functions` calls them.

VARIANT, ARRAY and OBJECT are JSON. Each macro takes what Snowflake's function takes; a variable number of keys comes as
one list. Source of each rule: the function's page in Snowflake's SQL reference.
"""

from __future__ import annotations

from typing import Final

_INTEGERS: Final = "('UBIGINT', 'BIGINT', 'HUGEINT', 'UHUGEINT')"
_SOUNDEX_CODES: Final = "translate(lower(s), 'bfpvcgjkqsxzdtlmnraeiouyhw', '11112222222233455600000077')"
_COLLAPSED: Final = (
    "regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace("
    f"{_SOUNDEX_CODES}, '7', '', 'g'), '1+', '1', 'g'), '2+', '2', 'g'), '3+', '3', 'g'), '4+', '4', 'g'), "
    "'5+', '5', 'g'), '6+', '6', 'g')"
)
_SELECTED: Final = (
    "(SELECT to_json(map_from_entries(list_transform(list_filter(json_keys(s._sf_o), lambda k: {condition}), "
    "lambda k: struct_pack(key := k, value := json_extract(s._sf_o, '$.\"' || k || '\"'))))) "
    "FROM (SELECT to_json(o) AS _sf_o, ks AS _sf_ks) s)"
)
# json_tree and json_each give DuckDB's paths: `$.a[0]."b c"`; Snowflake's are `a[0]['b c']`. The input is named once, in a
# query of its own: a column of the caller's that is called VALUE or PATH must not meet json_each's.
_FLATTENED: Final = """(input, path, is_outer, mode) AS TABLE
    SELECT 1::BIGINT AS SEQ, f.r.k AS KEY, f.r.p AS PATH, f.r.i AS INDEX, f.r.v AS VALUE, f.r.t AS THIS
    FROM (SELECT unnest(coalesce(
        (SELECT list(struct_pack(
                    k := CASE WHEN json_type(s._sf_root, e.path) = 'OBJECT' THEN e.key END,
                    p := regexp_replace(regexp_replace(e.fullkey, '^\\$\\.?', ''), '\\.?"([^"]*)"', '[''\\1'']', 'g'),
                    i := CASE WHEN json_type(s._sf_root, e.path) = 'ARRAY' THEN TRY_CAST(e.key AS BIGINT) END,
                    v := json_extract(s._sf_root, e.fullkey),
                    t := json_extract(s._sf_root, e.path)) ORDER BY e.id)
         FROM {walk}(s._sf_root, path) e
         WHERE e.key IS NOT NULL AND (mode = 'BOTH' OR json_type(s._sf_root, e.path) = mode)
           AND json_type(s._sf_root, e.path) IN ('ARRAY', 'OBJECT')
           AND starts_with(e.path, path)),
        CASE WHEN is_outer THEN [struct_pack(k := NULL::VARCHAR, p := NULL::VARCHAR, i := NULL::BIGINT, v := NULL::JSON,
                                             t := json_extract(s._sf_root, path))] END)) AS r
          FROM (SELECT to_json(input) AS _sf_root) s) f"""
_SPLIT: Final = """(input, delimiter) AS TABLE
    SELECT 1::BIGINT AS SEQ, f.r.i::BIGINT AS INDEX, f.r.v AS VALUE
    FROM (SELECT unnest(list_transform({parts}, lambda v, i: struct_pack(i := i, v := v))) AS r
          FROM (SELECT CAST(input AS VARCHAR) AS _sf_text, CAST(delimiter AS VARCHAR) AS _sf_by) s) f"""

MACROS: Final[tuple[str, ...]] = (
    "_sp_flatten_each" + _FLATTENED.format(walk="json_each"),
    "_sp_flatten_tree" + _FLATTENED.format(walk="json_tree"),
    "_sp_split_to_table" + _SPLIT.format(parts="string_split(s._sf_text, s._sf_by)"),
    "_sp_strtok_split_to_table"
    + _SPLIT.format(
        parts="list_filter(string_split(translate(s._sf_text, s._sf_by, repeat(left(s._sf_by, 1), length(s._sf_by))),"
        " left(s._sf_by, 1)), lambda t: t <> '')"
    ),
    f"_sp_is_integer(x) AS json_type(to_json(x)) IN {_INTEGERS}",
    "_sp_is_decimal(x) AS json_type(to_json(x)) IN ('DOUBLE', 'UBIGINT', 'BIGINT', 'HUGEINT', 'UHUGEINT')",
    "_sp_is_varchar(x) AS json_type(to_json(x)) = 'VARCHAR'",
    "_sp_is_boolean(x) AS json_type(to_json(x)) = 'BOOLEAN'",
    "_sp_is_object(x) AS json_type(to_json(x)) = 'OBJECT'",
    "_sp_is_array(x) AS json_type(to_json(x)) = 'ARRAY'",
    "_sp_is_date(x) AS json_type(to_json(x)) = 'VARCHAR'"
    " AND regexp_full_match(json_extract_string(to_json(x), '$'), '\\d{4}-\\d\\d-\\d\\d')",
    "_sp_is_time(x) AS json_type(to_json(x)) = 'VARCHAR'"
    " AND regexp_full_match(json_extract_string(to_json(x), '$'), '\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?')",
    "_sp_is_timestamp(x) AS json_type(to_json(x)) = 'VARCHAR'"
    " AND regexp_full_match(json_extract_string(to_json(x), '$'), '\\d{4}-\\d\\d-\\d\\d[ T]\\d\\d:\\d\\d:\\d\\d.*')",
    "_sp_as_integer(x) AS CASE WHEN json_type(to_json(x)) IN ('DOUBLE', 'UBIGINT', 'BIGINT', 'HUGEINT')"
    " THEN CAST(round(CAST(json_extract_string(to_json(x), '$') AS DECIMAL(38, 6))) AS BIGINT) END",
    "_sp_as_double(x) AS CASE WHEN json_type(to_json(x)) IN ('DOUBLE', 'UBIGINT', 'BIGINT', 'HUGEINT')"
    " THEN CAST(json_extract_string(to_json(x), '$') AS DOUBLE) END",
    "_sp_as_varchar(x) AS CASE WHEN json_type(to_json(x)) = 'VARCHAR' THEN json_extract_string(to_json(x), '$') END",
    "_sp_as_boolean(x) AS CASE WHEN json_type(to_json(x)) = 'BOOLEAN'"
    " THEN CAST(json_extract_string(to_json(x), '$') AS BOOLEAN) END",
    "_sp_as_array(x) AS CASE WHEN json_type(to_json(x)) = 'ARRAY' THEN to_json(x) END",
    "_sp_as_object(x) AS CASE WHEN json_type(to_json(x)) = 'OBJECT' THEN to_json(x) END",
    "_sp_as_date(x) AS TRY_CAST(json_extract_string(to_json(x), '$') AS DATE)",
    "_sp_as_time(x) AS TRY_CAST(json_extract_string(to_json(x), '$') AS TIME)",
    "_sp_as_timestamp(x) AS TRY_CAST(json_extract_string(to_json(x), '$') AS TIMESTAMP)",
    "_sp_get_ignore_case(o, name) AS json_extract(o, '$.\"' || "
    "list_filter(json_keys(o), lambda k: lower(k) = lower(name))[1] || '\"')",
    "_sp_object_insert(o, k, v) AS json_merge_patch(to_json(o), json_object(CAST(k AS VARCHAR), v))",
    "_sp_object_delete(o, ks) AS " + _SELECTED.format(condition="NOT list_contains(s._sf_ks, k)"),
    "_sp_object_pick(o, ks) AS " + _SELECTED.format(condition="list_contains(s._sf_ks, k)"),
    "_sp_arrays_to_object(ks, vs) AS to_json(map_from_entries(list_transform(generate_series(1, "
    "json_array_length(to_json(ks))::BIGINT), lambda n: struct_pack(key := json_extract_string(to_json(ks), n - 1), "
    "value := json_extract(to_json(vs), n - 1)))))",
    "_sp_to_object(x) AS to_json(x)",
    f"_sp_soundex(s) AS CASE WHEN s = '' THEN '' ELSE left(s, 1) || rpad(left(replace(substr({_COLLAPSED}, 2), '0', ''),"
    " 3), 3, '0') END",
    "_sp_width_bucket(x, lo, hi, n) AS CASE WHEN x < lo THEN 0 WHEN x >= hi THEN n + 1"
    " ELSE CAST(floor((x - lo)::DOUBLE * n / (hi - lo)::DOUBLE) AS BIGINT) + 1 END",
    "_sp_octet_length(x) AS strlen(CAST(x AS VARCHAR))",
    "_sp_bit_length(x) AS strlen(CAST(x AS VARCHAR)) * 8",
    "_sp_approx_percentile_estimate(state, p) AS list_aggregate(state, 'quantile_cont', p)",
)
