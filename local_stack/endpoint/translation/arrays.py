"""Rewrite arrays, object literals and the functions on both: they are JSON here, where DuckDB has lists and structs."""

from __future__ import annotations

from typing import Final

from sqlglot import Expr, exp

from local_stack.endpoint.engine.macros.functions import ONCE
from local_stack.endpoint.engine.macros.home import HOME
from local_stack.endpoint.engine.macros.variants import UNDEFINED
from local_stack.endpoint.translation.context import Context, replace_each
from local_stack.endpoint.translation.value_types import (
    ARRAY,
    CHOICES,
    FLOAT,
    NUMBER,
    OBJECT,
    TEXT,
    VARIANT,
    branches,
    type_of,
)

# The macro of each function, and in which order it takes the parts of sqlglot's node.
_MACROS: Final[dict[type[Expr], tuple[str, tuple[str, ...]]]] = {
    exp.ArrayAppend: ("_sf_array_append", ("this", "expression")),
    exp.ArrayPrepend: ("_sf_array_prepend", ("this", "expression")),
    exp.ArrayConcat: ("_sf_array_cat", ("this", "expressions")),
    exp.ArrayCompact: ("_sf_array_compact", ("this",)),
    exp.ArrayContains: ("_sf_array_contains", ("expression", "this")),
    exp.ArrayPosition: ("_sf_array_position", ("expression", "this")),
    exp.ArrayDistinct: ("_sf_array_distinct", ("this",)),
    exp.ArrayExcept: ("_sf_array_except", ("this", "expression")),
    exp.ArrayIntersect: ("_sf_array_intersection", ("expressions",)),
    exp.ArrayOverlaps: ("_sf_arrays_overlap", ("this", "expression")),
    exp.ArrayInsert: ("_sf_array_insert", ("this", "position", "expression")),
    exp.ArraySlice: ("_sf_array_slice", ("this", "start", "end")),
    exp.ArrayRemove: ("_sf_array_remove", ("this", "expression")),
    exp.ArrayReverse: ("_sf_array_reverse", ("this",)),
    exp.Flatten: ("_sf_array_flatten", ("this",)),
    exp.ArrayMax: ("_sf_array_max", ("this",)),
    exp.ArrayMin: ("_sf_array_min", ("this",)),
    exp.ArrayToString: ("_sf_array_to_string", ("this", "expression")),
    exp.ToArray: ("_sf_to_array", ("this",)),
    exp.JSONKeys: ("_sf_object_keys", ("this",)),
    exp.MapKeys: ("_sf_object_keys", ("this",)),
    exp.MapContainsKey: ("_sf_map_contains_key", ("this", "key")),
}
# What these give is no ARRAY.
_OF_ARRAYS: Final[tuple[type[Expr], ...]] = (
    exp.ArrayContains, exp.ArrayPosition, exp.ArrayOverlaps, exp.ArrayMax, exp.ArrayMin, exp.ArrayToString,
    exp.MapContainsKey,
)  # fmt: skip
_ARRAYS: Final[tuple[type[Expr], ...]] = (
    exp.Array,
    exp.ArrayConstructCompact,
    *(kind for kind in _MACROS if kind not in _OF_ARRAYS),
)
_OBJECT: Final = f"{HOME}_sf_object"
_PLAIN: Final = (TEXT, NUMBER, FLOAT, VARIANT, ARRAY, OBJECT, "BOOLEAN")  # what JSON keeps, or has kept
_OF_PRESENT: Final = f"{HOME}_sf_array_of_present"
_ARRAY_MACROS: Final = frozenset((_OF_PRESENT, *(HOME + _MACROS[kind][0] for kind in _ARRAYS if kind in _MACROS)))


def is_array(node: Expr) -> bool:
    """Return whether a value is surely an ARRAY (or NULL), on Snowflake's tree and after `arrays`.

    Macros that decide by a value's type repeat it, so that of one in another DuckDB binds hundreds.
    """
    node = node.unnest()
    if isinstance(node, exp.Anonymous):
        name = str(node.this)
        return name in _ARRAY_MACROS or (name == "to_json" and is_array(node.expressions[0]))
    return isinstance(node, _ARRAYS)


def is_zoned(node: Expr) -> bool:
    """Return whether a value is surely a TIMESTAMP_TZ, which DuckDB does not tell from a TIMESTAMP_LTZ."""
    called = isinstance(node, exp.Anonymous) and str(node.this).upper() == "TO_TIMESTAMP_TZ"
    return called or (isinstance(node, exp.Cast) and node.to.this == exp.DType.TIMESTAMPTZ)


def arrays(expression: Expr, _: Context) -> Expr:
    """Call our macros. See: https://docs.snowflake.com/en/sql-reference/functions-semistructured"""
    return replace_each(expression, _rewritten)


def _rewritten(node: Expr) -> Expr:
    if isinstance(node, exp.Bracket) and len(node.expressions) == 1:
        # A position or key that is computed: sqlglot takes a[n] for a list, which counts from 1 in DuckDB.
        index = node.expressions[0]
        if not isinstance(index, exp.Literal | exp.Slice) and not node.args.get("json_access"):
            return exp.GetExtract(this=node.this, expression=index)
    if isinstance(node, exp.SortArray):
        ascending = node.args.get("asc") or exp.true()
        nulls_first = node.args.get("nulls_first") or exp.Not(this=ascending.copy())
        return exp.Anonymous(this=f"{HOME}_sf_array_sort", expressions=[node.this, ascending, nulls_first])
    if isinstance(node, exp.ArrayConstructCompact):
        return _rewritten(exp.ArrayCompact(this=_rewritten(exp.Array(expressions=node.expressions))))
    if isinstance(node, exp.ArraysZip):
        zipped = [exp.Anonymous(this="to_json", expressions=[value]) for value in node.expressions]
        return exp.Anonymous(this=f"{HOME}_sf_arrays_zip", expressions=[exp.Array(expressions=zipped)])
    if isinstance(node, exp.Array) and _is_mixed(node.expressions):
        elements = [_element(value, "item") for value in node.expressions]
        return exp.Anonymous(this="to_json", expressions=[exp.Array(expressions=elements)])
    if isinstance(node, exp.ObjectAgg):
        node.set("expression", _element(node.expression))
    if isinstance(node, exp.Struct | exp.JSONObject):
        return _object(node)
    if isinstance(node, exp.ArrayCompact) and (present := _present(node.this)):
        return present
    if type(node) not in _MACROS:
        return node
    macro, parts = _MACROS[type(node)]
    arguments: list[Expr] = []
    for part in parts:
        value = node.args.get(part)
        arguments += value if isinstance(value, list) else [value] if value is not None else []
    return exp.Anonymous(this=HOME + macro, expressions=arguments)


def _object(node: exp.Struct | exp.JSONObject) -> Expr:
    """Make an OBJECT of keys and values, without those that are NULL unless OBJECT_CONSTRUCT_KEEP_NULL keeps them."""
    pairs = node.expressions
    if not all(isinstance(pair, exp.PropertyEQ | exp.JSONKeyValue) for pair in pairs):
        return node  # of every column: fakesnow's transform
    keys = [
        exp.Literal.string(pair.this.name) if isinstance(pair.this, exp.Identifier) else pair.this for pair in pairs
    ]
    values = [_element(pair.expression) for pair in pairs]
    lists = [exp.Array(expressions=keys), exp.Array(expressions=values)] if pairs else [exp.Array(), exp.Array()]
    return exp.Anonymous(this=_OBJECT, expressions=[*lists, exp.convert(isinstance(node, exp.JSONObject))])


def _element(value: Expr, macro: str = "element") -> Expr:
    """Write a value as an element of an ARRAY or an OBJECT: JSON that keeps its type."""
    kind = type_of(value, lambda _: None)
    is_object = isinstance(value, exp.Anonymous) and str(value.this) == _OBJECT
    if isinstance(value, exp.Null) or kind in _PLAIN or is_object or is_array(value):
        plain = exp.Anonymous(this="to_json", expressions=[value])
        is_certain = macro == "element" or isinstance(value, exp.Literal | exp.Boolean)
        return plain if is_certain else exp.Coalesce(this=plain, expressions=[exp.Var(this=UNDEFINED)])
    if is_zoned(value):
        return exp.Anonymous(this=f"{HOME}_sf_variant_tz", expressions=[value])
    suffix = "" if isinstance(value, exp.Column) else ONCE
    return exp.Anonymous(this=f"{HOME}_sf_{macro}{suffix}", expressions=[value])


def _present(array: Expr) -> Expr | None:
    """Write the ARRAY of those constants that are not NULL; None where what is in the array is not told by the statement alone.

    A constant is no JSON null and not undefined, so that nothing has to be read from JSON again.
    """
    listed = array.expressions[0] if isinstance(array, exp.Anonymous) and array.this == "to_json" else None
    if not isinstance(listed, exp.Array):
        return None
    elements = [element.this if isinstance(element, exp.Coalesce) else element for element in listed.expressions]
    if not all(isinstance(element, exp.Anonymous) and _is_constant(element.expressions[0]) for element in elements):
        return None
    return exp.Anonymous(this=_OF_PRESENT, expressions=[exp.Array(expressions=elements)])


def _is_constant(value: Expr) -> bool:
    """Return whether a value is a literal, NULL, or one of several such that conditions choose from."""
    value = value.unnest()
    return isinstance(value, exp.Literal | exp.Null) or (
        isinstance(value, CHOICES) and all(map(_is_constant, branches(value)))
    )


def aggregated(expression: Expr, _: Context) -> Expr:
    """Keep the types of what is aggregated to an ARRAY, which has no NULLs, and of every column that makes an OBJECT.

    Runs after fakesnow's transforms.
    """

    def replace(node: Expr) -> Expr:
        if isinstance(node, exp.ArrayAgg):
            node.set("nulls_excluded", True)  # fakesnow forgets it where there is an order
        if isinstance(node, exp.ArrayUnionAgg):
            elements = exp.Anonymous(this=f"{HOME}_sf_elements", expressions=[node.this.copy()])
            listed = exp.Anonymous(this="list", expressions=[elements])
            return exp.Anonymous(this=f"{HOME}_sf_array_union", expressions=[listed])
        if isinstance(node, exp.ArrayUniqueAgg):
            return exp.Anonymous(this=f"{HOME}_sf_elements_of", expressions=[node.copy()])
        if not isinstance(node, exp.Anonymous):
            return node
        name = str(node.this).upper()
        if name.endswith("_FS_OBJECT_CONSTRUCT_STAR"):
            return exp.Anonymous(this=f"{HOME}_sf_object_star", expressions=node.expressions)
        if name == "TO_JSON" and isinstance(node.expressions[0], exp.ArrayAgg | exp.Filter | exp.Window):
            return exp.Anonymous(this=f"{HOME}_sf_elements_of", expressions=node.expressions)
        return node

    return replace_each(expression, replace)


def _is_mixed(elements: list[Expr]) -> bool:
    """Return whether elements may be of different types: a list of DuckDB's has one type, an ARRAY has none."""
    if not elements:
        return False
    literals = {element.is_string for element in elements if isinstance(element, exp.Literal)}
    return len(literals) != 1 or not all(isinstance(element, exp.Literal) for element in elements)
