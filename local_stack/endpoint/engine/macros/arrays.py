"""Define Snowflake's functions on arrays and keys as macros over JSON; `translation/arrays.py` calls them.

Two elements are equal where their JSON is. See: https://docs.snowflake.com/en/sql-reference/functions-semistructured
"""

from __future__ import annotations

import re
from typing import Final

from local_stack.endpoint.engine.macros.variants import UNDEFINED

_A: Final = "_sf_elements(a)"
_B: Final = "_sf_elements(b)"
# JSON's null, and `undefined`.
_IS_NULL: Final = f"(_sf_e IS NULL OR json_type(_sf_e) = 'NULL' OR _sf_e = {UNDEFINED})"
# How many of a list are equal to e.
_COUNT: Final = "len(list_filter({list}, lambda _sf_o: _sf_o = _sf_e))"
# What is ordered: JSON's null is above all others, and `undefined` is not among them.
_ORDERED: Final = (
    f"list_transform(list_filter({_A}, lambda _sf_e: _sf_e IS NOT NULL AND _sf_e <> {UNDEFINED}), "
    "lambda _sf_e: _sf_order(_sf_e))"
)
_SORTED: Final = f"list_transform(list_sort({_ORDERED}, '{{order}}'), lambda _sf_s: CAST(_sf_s.t AS JSON))"
_MISSING: Final = f"list_filter({_A}, lambda _sf_e: _sf_e IS NULL OR _sf_e = {UNDEFINED})"

_MACROS: Final[tuple[str, ...]] = (
    "_sf_elements(a) AS CAST(json_extract(to_json(a), '$[*]') AS JSON[])",
    f"_sf_present(a) AS list_filter({_A}, lambda _sf_e: NOT {_IS_NULL})",
    "_sf_array(a, l) AS CASE WHEN json_type(to_json(a)) = 'ARRAY' THEN to_json(l) END",
    f"_sf_array_append(a, x) AS _sf_array(a, list_append({_A}, _sf_item(x)))",
    f"_sf_array_prepend(a, x) AS _sf_array(a, list_prepend(_sf_item(x), {_A}))",
    f"_sf_array_cat(a, b) AS CASE WHEN b IS NOT NULL THEN _sf_array(a, list_concat({_A}, {_B})) END",
    "_sf_array_compact(a) AS _sf_array(a, _sf_present(a))",
    # Of JSON that is no null.
    "_sf_array_of_present(l) AS to_json(list_filter(l, lambda _sf_e: _sf_e IS NOT NULL))",
    f"_sf_array_contains(x, a) AS CASE WHEN x IS NOT NULL AND a IS NOT NULL THEN list_contains({_A}, _sf_element(x)) END",
    f"_sf_array_position(x, a) AS nullif(list_position({_A}, _sf_element(x)), 0) - 1",
    f"_sf_array_distinct(a) AS _sf_array(a, list_filter({_A}, lambda _sf_e, _sf_i: list_position({_A}, _sf_e) = _sf_i))",
    f"_sf_array_except(a, b) AS CASE WHEN b IS NOT NULL THEN _sf_array(a, list_filter({_A}, lambda _sf_e, _sf_i: "
    f"{_COUNT.format(list=_A + '[1:_sf_i]')} > {_COUNT.format(list=_B)})) END",
    f"_sf_array_intersection(a, b) AS CASE WHEN b IS NOT NULL THEN _sf_array(a, list_filter({_A}, lambda _sf_e, _sf_i: "
    f"{_COUNT.format(list=_A + '[1:_sf_i]')} <= {_COUNT.format(list=_B)})) END",
    f"_sf_arrays_overlap(a, b) AS CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN list_has_any({_A}, {_B}) END",
    f"_sf_offset(a, n) AS CASE WHEN n < 0 THEN greatest(len({_A}) + n, 0) ELSE n END",
    # Behind the end with a gap of what Snowflake calls undefined.
    f"_sf_array_insert(a, n, x) AS _sf_array(a, list_concat({_A}[1:_sf_offset(a, n)], "
    f"list_resize([]::JSON[], greatest(n - len({_A}), 0), {UNDEFINED}), [_sf_item(x)], "
    f"{_A}[_sf_offset(a, n) + 1:]))",
    f"_sf_array_slice(a, f, t) AS _sf_array(a, {_A}[_sf_offset(a, f) + 1:_sf_offset(a, t)])",
    f"_sf_array_remove(a, x) AS CASE WHEN x IS NOT NULL THEN "
    f"_sf_array(a, list_filter({_A}, lambda _sf_e: _sf_e <> _sf_element(x))) END",
    f"_sf_array_reverse(a) AS _sf_array(a, list_reverse({_A}))",
    f"_sf_array_flatten(a) AS _sf_array(a, flatten(list_transform({_A}, lambda _sf_e: json_extract(_sf_e, '$[*]'))))",
    f"_sf_array_max(a) AS list_extract({_SORTED.format(order='DESC')}, 1)",
    f"_sf_array_min(a) AS list_extract({_SORTED.format(order='ASC')}, 1)",
    f"_sf_array_sort(a, ascending, nulls_first) AS _sf_array(a, list_concat(CASE WHEN nulls_first THEN {_MISSING} ELSE [] END, "
    f"CASE WHEN ascending THEN {_SORTED.format(order='ASC')} ELSE {_SORTED.format(order='DESC')} END, "
    f"CASE WHEN nulls_first THEN [] ELSE {_MISSING} END))",
    # Of each element as often as in the array that has it most often.
    "_sf_array_union(l) AS to_json(flatten(list_transform(list_distinct(flatten(l)), lambda _sf_e: list_resize([]::JSON[], "
    "list_max(list_transform(l, lambda _sf_a: len(list_filter(_sf_a, lambda _sf_o: _sf_o = _sf_e)))), _sf_e))))",
    # DuckDB's array_to_string takes a constant separator only.
    f"_sf_array_to_string(a, s) AS CASE WHEN s IS NULL THEN NULL WHEN len({_A}) = 0 THEN '' ELSE list_reduce("
    f"list_transform({_A}, lambda _sf_e: coalesce(_sf_shown(json_extract_string(_sf_e, '$')), '')), "
    "lambda _sf_p, _sf_q: _sf_p || s || _sf_q) END",
    "_sf_to_array(x) AS CASE WHEN x IS NULL THEN NULL WHEN json_type(to_json(x)) = 'ARRAY' THEN to_json(x) "
    "ELSE to_json([_sf_element(x)]) END",
    # Of arrays of any lengths, and of none at all: NULL where one has no element.
    "_sf_arrays_zip(l) AS CASE WHEN len(list_filter(l, lambda _sf_a: _sf_a IS NULL)) = 0 THEN to_json(list_transform("
    "range(greatest(list_max(list_transform(l, lambda _sf_a: json_array_length(_sf_a)))::BIGINT, 1)), lambda _sf_i: to_json("
    "map_from_entries(list_transform(l, lambda _sf_a, _sf_n: struct_pack(key := '$' || _sf_n, "
    "value := json_extract(_sf_a, _sf_i))))))) END",
    "_sf_object_keys(o) AS to_json(list_sort(json_keys(to_json(o))))",
    "_sf_map_contains_key(k, o) AS list_contains(json_keys(to_json(o)), CAST(k AS VARCHAR))",
)


def _qualified(macro: str) -> str:
    """Return a macro that names the others in full: it is called from every database."""
    head, _, body = macro.partition(" AS ")
    return f"{head} AS " + re.sub(r"\b(_sf_\w+)\(", r"_fs_global.main.\1(", body)


ARRAY_MACROS: Final = tuple(map(_qualified, _MACROS))
