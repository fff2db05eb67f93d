"""Rewrite function calls that need another name, a macro (snowpark_macros.py) or another form in DuckDB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlglot import Expr, exp

from local_stack.endpoint.engine.macros.home import HOME
from local_stack.endpoint.engine.macros.variants import NAMES as VARIANT_KINDS
from local_stack.endpoint.statements import SqlError
from local_stack.endpoint.translation.context import Context, replace_each

_SAME: Final = (
    "GET_IGNORE_CASE", "ARRAYS_TO_OBJECT", "TO_OBJECT", "SOUNDEX", "WIDTH_BUCKET", "OCTET_LENGTH", "BIT_LENGTH",
    "APPROX_PERCENTILE_ESTIMATE", "CHECK_JSON", "CHECK_XML", "TO_XML", "CONTAINS",
    "MD5_NUMBER_LOWER64", "MD5_NUMBER_UPPER64", "SQRT", "LN",
)  # fmt: skip
_MACROS: Final = {name: f"_sp_{name.lower()}" for name in _SAME} | {
    "BYTE_LENGTH": "_sp_octet_length", "BASE64_ENCODE": "_sp_base64", "TO_BASE64": "_sp_base64", "JSON_FORMAT": "_sf_to_json",
    "IS_CHAR": "_sf_is_varchar", "IS_REAL": "_sf_is_double", "IS_DATE_VALUE": "_sf_is_date", "AS_CHAR": "_sf_as_varchar",
    "AS_REAL": "_sf_as_double", "GETBIT": "_sp_bit", "CBRT": "_sp_cube_root",
    "M_D5_NUMBER_LOWER64": "_sp_md5_number_lower64", "M_D5_NUMBER_UPPER64": "_sp_md5_number_upper64",
    **{f"{verb}_{kind.upper()}": f"_sf_{verb.lower()}_{kind}" for verb in ("IS", "AS") for kind in VARIANT_KINDS},
}  # fmt: skip
# By the number of arguments, where a macro takes no optional ones.
_BY_COUNT: Final = {
    ("OBJECT_INSERT", 3): "_sp_object_insert", ("OBJECT_INSERT", 4): "_sp_object_update",
    ("PARSE_XML", 1): "_sp_parse_xml", ("PARSE_XML", 2): "_sp_parse_xml_as",
    ("TRUNC", 2): "_sp_trunc", ("CHR", 1): "_sp_chr", ("FACTORIAL", 1): "_sp_factorial",
    ("LOG", 2): "_sp_log", ("XMLGET", 2): "_sp_xmlget", ("XMLGET", 3): "_sp_xmlget_nth",
}  # fmt: skip
_RENAMED: Final = {"HLL": "approx_count_distinct"}
# Functions that read a text as a time.
_PARTS_OF_TIMES: Final = (
    exp.Year, exp.Quarter, exp.Month, exp.Week, exp.WeekOfYear, exp.Day, exp.DayOfMonth, exp.DayOfWeek, exp.DayOfWeekIso,
    exp.DayOfYear, exp.YearOfWeek, exp.YearOfWeekIso, exp.Dayname, exp.Monthname, exp.LastDay, exp.TimestampTrunc,
)  # fmt: skip
_UP_TO_HERE: Final = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
_KEY_LISTS: Final = {"OBJECT_DELETE": "_sp_object_delete", "OBJECT_PICK": "_sp_object_pick"}


def functions(expression: Expr, context: Context) -> Expr:
    """Return the rewrite, on Snowflake's tree."""
    del context

    def replace(node: Expr) -> Expr:
        if isinstance(node, exp.Trim):
            name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or "").upper(), "trim")
            return exp.Anonymous(this=name, expressions=[part for part in (node.this, node.expression) if part])
        if isinstance(node, exp.ToBinary | exp.Cast):
            return _binary(node)
        if isinstance(node, exp.Window):
            return _window(node)
        if node.args.get("round_input"):
            return _of_truth_values(node)
        if isinstance(node, exp.Struct) and [type(part) for part in node.expressions] == [exp.Star]:
            node = exp.StarMap(this=node.expressions[0])  # {*}
        if isinstance(node, exp.StarMap):
            return _object_of(node)
        if isinstance(node, _PARTS_OF_TIMES) and isinstance(node.this, exp.Literal) and node.this.is_string:
            node.set("this", exp.Cast(this=node.this, to=exp.DataType(this=exp.DType.TIMESTAMP)))
            return node
        if isinstance(node, exp.Extract) and node.this.name.upper() in ("EPOCH", "EPOCH_SECOND"):
            return _whole_seconds(node.expression)
        if isinstance(node, exp.Bracket) and len(node.expressions) == 1:
            return _index(node, node.expressions[0])
        if not isinstance(node, exp.Func):
            return node
        name = call_name(node)
        if name in _FORMS:
            return _FORMS[name](node)
        if name in _MACROS:
            return exp.Anonymous(this=HOME + _MACROS[name], expressions=call_arguments(node))
        if macro := _BY_COUNT.get((name, len(call_arguments(node)))):
            return exp.Anonymous(this=HOME + macro, expressions=call_arguments(node))
        if name in _RENAMED:
            return exp.Anonymous(this=_RENAMED[name], expressions=call_arguments(node))
        if name in _KEY_LISTS:
            target, *keys = call_arguments(node)
            # Keys are given one by one, or as one ARRAY.
            given = keys[0] if len(keys) == 1 and isinstance(keys[0], exp.Array) else exp.Array(expressions=keys)
            return exp.Anonymous(this=HOME + _KEY_LISTS[name], expressions=[target, given])
        return node

    expression = replace_each(expression, replace)
    for listed in list(expression.find_all(exp.GroupConcat)):
        if not listed.find_ancestor(exp.Pivot):
            _never_null(listed)
    return expression


def _whole_seconds(time: Expr) -> Expr:
    """Count the seconds of the epoch that are over: DuckDB's are a FLOAT, or rounded."""
    if isinstance(time, exp.Literal) and time.is_string:
        time = exp.Cast(this=time, to=exp.DataType(this=exp.DType.TIMESTAMP))
    seconds = exp.Anonymous(this="floor", expressions=[exp.Anonymous(this="epoch", expressions=[time.copy()])])
    return exp.Cast(this=seconds, to=exp.DataType(this=exp.DType.BIGINT))


def _never_null(listed: exp.GroupConcat) -> None:
    """Let LISTAGG of no values be empty: DuckDB's is NULL.

    See: https://docs.snowflake.com/en/sql-reference/functions/listagg
    """
    frame: Expr = listed
    while isinstance(frame.parent, exp.WithinGroup | exp.Window) and frame.parent.this is frame:
        frame = frame.parent
    frame.replace(exp.Coalesce(this=frame.copy(), expressions=[exp.Literal.string("")]))


def _object_of(node: exp.StarMap) -> Expr:
    """Make an OBJECT of the columns that EXCLUDE or ILIKE leave; fakesnow makes that of all."""
    star = node.this
    if not isinstance(star, exp.Star) or not (star.args.get("except_") or star.args.get("ilike")):
        return node
    pattern = star.args.get("ilike")
    chosen = exp.Var(this=f"lambda _sf_c: _sf_c ILIKE {pattern.sql()}") if pattern is not None else star.copy()
    row = exp.Anonymous(this="STRUCT_PACK", expressions=[exp.Columns(this=chosen, unpack=True)])
    return exp.Anonymous(this="_FS_OBJECT_CONSTRUCT_STAR", expressions=[row])


def call_name(node: Expr) -> str:
    """Return the function's Snowflake name in upper case, whether sqlglot has a class for it or not."""
    if isinstance(node, exp.Anonymous):
        return str(node.this).upper()
    return type(node).sql_name().upper() if isinstance(node, exp.Func) else ""


def call_arguments(node: Expr) -> list[Expr]:
    """Return the arguments in order."""
    if isinstance(node, exp.Anonymous):
        return list(node.expressions)
    found: list[Expr] = []
    for name in type(node).arg_types:
        value = node.args.get(name)
        found.extend(v for v in (value if isinstance(value, list) else [value]) if isinstance(v, Expr))
    return found


def _binary(node: exp.ToBinary | exp.Cast) -> Expr:
    """Make text binary by its hexadecimal digits: the default of BINARY_INPUT_FORMAT.

    See: https://docs.snowflake.com/en/sql-reference/binary-input-output
    """
    if isinstance(node, exp.ToBinary):
        node.set("format", node.args.get("format") or exp.Literal.string("HEX"))
        return node
    if node.to.this not in (exp.DType.BINARY, exp.DType.VARBINARY):
        return node
    binary = exp.Anonymous(this=f"{HOME}_sf_binary", expressions=[node.this])
    return exp.Anonymous(this="TRY", expressions=[binary]) if isinstance(node, exp.TryCast) else binary


def _window(node: exp.Window) -> Expr:
    """Rewrite RATIO_TO_REPORT and the CONDITIONAL_…_EVENTs, which DuckDB lacks, over the same window."""
    match call_name(node.this):
        case "RATIO_TO_REPORT":
            value = call_arguments(node.this)[0]
            total = node.copy()
            total.set("this", exp.Sum(this=value.copy()))
            return exp.Div(this=value, expression=total, typed=False, safe=False)
        case "CONDITIONAL_CHANGE_EVENT":
            values = node.copy()
            values.set("this", exp.Anonymous(this="list", expressions=[call_arguments(node.this)[0].copy()]))
            values.set("spec", _UP_TO_HERE.copy())
            return exp.Anonymous(this=f"{HOME}_sp_changes", expressions=[values])
        case "CONDITIONAL_TRUE_EVENT":
            condition = call_arguments(node.this)[0]
            counted = node.copy()
            counted.set("this", exp.CountIf(this=condition.copy()))
            # Of rows with the same key each counts for itself.
            counted.set("spec", _UP_TO_HERE.copy())
            return counted
    return node


def _of_truth_values(node: Expr) -> Expr:
    """Let BOOLAND, BOOLOR, BOOLXOR and BOOLNOT take booleans beside numbers, of which they look at the rounded value."""
    node.set("round_input", None)
    for name in ("this", "expression"):
        if (operand := node.args.get(name)) is not None:
            node.set(name, exp.Anonymous(this=f"{HOME}_sp_truth", expressions=[operand.copy()]))
    return node


def _sha2(node: Expr) -> Expr:
    arguments = call_arguments(node)
    bits = arguments[1].name if len(arguments) > 1 else "256"
    if bits in ("0", "256"):
        return exp.Anonymous(this="sha256", expressions=arguments[:1])
    if bits not in ("224", "384", "512"):
        raise SqlError(
            f"SQL compilation error:\nInvalid value [{bits}] for function 'SHA2', parameter 2", 1030, "22023"
        )
    text = exp.Cast(this=arguments[0], to=exp.DataType(this=exp.DType.VARCHAR))
    return exp.Anonymous(this="_sf_native_sha2", expressions=[text, exp.Literal.number(bits)])


def _cast_first(kind: exp.DType, safe: bool = False) -> Callable[[Expr], Expr]:
    def form(node: Expr) -> Expr:
        arguments = call_arguments(node)
        if len(arguments) != 1:
            return node
        cast = exp.TryCast if safe else exp.Cast
        return cast(this=arguments[0], to=exp.DataType(this=kind))

    return form


def _as_doubles(node: Expr) -> Expr:
    """Compute statistics of pairs in FLOAT, also over text that holds numbers; of two that do not, Snowflake names the second."""
    first, second = (_as_double(node.args[name]) for name in ("this", "expression"))
    node.set("this", second)
    node.set("expression", first)
    return node


def _as_number(node: Expr) -> Expr:
    """Rewrite AS_NUMBER(v, precision, scale); both are constants, and 38 and 0 where they are left out."""
    value, *size = call_arguments(node)
    if not size:
        return exp.Anonymous(this=f"{HOME}_sf_as_integer", expressions=[value])
    scale = size[1].name if len(size) > 1 else "0"
    kind = exp.DataType.build(f"DECIMAL({size[0].name}, {scale})")
    text = exp.Anonymous(this="json_extract_string", expressions=[value.copy(), exp.Literal.string("$")])
    is_number = exp.Anonymous(this=f"{HOME}_sf_is_decimal", expressions=[value])
    return exp.Case().when(is_number, exp.Cast(this=text, to=kind))


def _percentile(node: Expr) -> Expr:
    """Compute APPROX_PERCENTILE exactly, between the two values where it falls between them."""
    value, fraction = call_arguments(node)[:2]
    return exp.Anonymous(this="quantile_cont", expressions=[_as_double(value), fraction])


def _digest(*, of_states: bool) -> Callable[[Expr], Expr]:
    def form(node: Expr) -> Expr:
        value = call_arguments(node)[0]
        if of_states:
            states = exp.Anonymous(this=f"{HOME}_sp_digested", expressions=[value])
            listed: Expr = exp.Anonymous(this="flatten", expressions=[exp.Anonymous(this="list", expressions=[states])])
        else:
            present = exp.Filter(
                this=exp.Anonymous(this="list", expressions=[_as_double(value)]),
                expression=exp.Where(this=value.copy().is_(exp.null()).not_()),
            )
            listed = present
        return exp.Anonymous(this=f"{HOME}_sp_digest", expressions=[listed])

    return form


def _as_double(value: Expr) -> Expr:
    return exp.Cast(this=value.copy(), to=exp.DataType(this=exp.DType.DOUBLE))


def _index(node: exp.Bracket, index: Expr) -> Expr:
    """Read an element of an element here: fakesnow's transform does not go into what it has replaced."""
    above = node.parent
    if not (isinstance(above, exp.Bracket) and above.this is node and isinstance(index, exp.Literal)):
        return _key(node, index)
    path = '$."' + index.name.replace('"', '\\"') + '"' if index.is_string else f"$[{index.name}]"
    return exp.paren(exp.JSONExtract(this=node.this, expression=exp.Literal.string(path)), copy=False)


def _key(node: Expr, key: Expr) -> Expr:
    """Read a key that DuckDB would take for a path: `$` and what begins with it, or with a slash."""
    if not (isinstance(key, exp.Literal) and key.is_string and key.name.startswith(("$", "/"))):
        return node
    path = exp.Literal.string('$."' + key.name.replace('"', '\\"') + '"')
    return exp.Anonymous(this="json_extract", expressions=[node.this, path])


def _zoned_parts(node: Expr) -> Expr:
    """Make TIMESTAMP_LTZ and TIMESTAMP_TZ of parts: those of a TIMESTAMP_NTZ, in the session's zone or in one that is named."""
    parts = {name: value for name, value in node.args.items() if name != "zone" and isinstance(value, Expr)}
    local = _timestamp_of(exp.TimestampFromParts(**parts))
    if zone := node.args.get("zone"):
        return exp.Anonymous(this="timezone", expressions=[zone, local])
    return exp.Cast(this=local, to=exp.DataType(this=exp.DType.TIMESTAMPLTZ))


def _timestamp_of(node: Expr) -> Expr:
    """Add parts up, which may be out of their ranges; a date and a time are left to sqlglot."""
    parts = [node.args.get(name) for name in ("year", "month", "day", "hour", "min", "sec", "nano")]
    if parts[0] is None:
        return node
    given = [part or exp.Literal.number(0) for part in parts]
    return exp.Anonymous(this=f"{HOME}_sp_timestamp_of", expressions=given)


def _time_of(node: Expr) -> Expr:
    given = [node.args.get(name) or exp.Literal.number(0) for name in ("hour", "min", "sec", "nano")]
    return exp.Anonymous(this=f"{HOME}_sp_time_of", expressions=given)


def _replaced(node: Expr) -> Expr:
    """Rewrite REGEXP_REPLACE with a position, an occurrence (0: all) or parameters, which DuckDB's takes otherwise or not.

    See: https://docs.snowflake.com/en/sql-reference/functions/regexp_replace
    """
    position, occurrence, options = (node.args.get(name) for name in ("position", "occurrence", "modifiers"))
    if position is None and occurrence is None and options is None:
        return node
    given = [node.this, node.expression, node.args.get("replacement") or exp.Literal.string("")]
    given += [
        position or exp.Literal.number(1),
        occurrence or exp.Literal.number(0),
        options or exp.Literal.string("c"),
    ]
    return exp.Anonymous(this="_sf_native_regexp_replace", expressions=given)


def _listed(node: Expr) -> Expr:
    """Let LISTAGG put nothing between the values where no delimiter is given; DuckDB puts a comma."""
    if isinstance(node, exp.GroupConcat) and node.args.get("separator") is None:
        node.set("separator", exp.Literal.string(""))
    return node


def _to_number(node: Expr) -> Expr:
    """Read a text by a format model, then convert it as one without."""
    form = node.args.get("format")
    if form is None:
        return node
    name = "try_number" if node.args.get("safe") else "read_number"
    node.set("this", exp.Anonymous(this=f"_sf_native_{name}", expressions=[node.this, form]))
    node.set("format", None)
    return node


def _parsed(function: str) -> Callable[[Expr], Expr]:
    """Call a native function that gives an OBJECT, with its errors as values where the last argument says so."""

    def form(node: Expr) -> Expr:
        text, *others = call_arguments(node)
        if len(others) < (1 if function == "url" else 2):
            others.append(exp.Literal.number(0))
        call = exp.Anonymous(this=f"_sf_native_parse_{function}", expressions=[text, *others])
        return exp.Cast(this=call, to=exp.DataType(this=exp.DType.JSON))

    return form


def _columns_of(value: Expr) -> Expr:
    """Return every column of a star as an argument of its own."""
    return exp.Columns(this=value.copy(), unpack=True) if value.is_star else value


def _count(node: Expr) -> Expr:
    """Count the rows that have no NULL: COUNT(t.*). DuckDB's format() is NULL where an argument is.

    See: https://docs.snowflake.com/en/sql-reference/functions/count
    """
    if isinstance(node.this, exp.Column) and node.this.is_star:
        node.set("this", exp.Anonymous(this="format", expressions=[exp.Literal.string(""), _columns_of(node.this)]))
    return node


def _hash_of_all(node: Expr) -> Expr:
    """Add the hashes of all rows up, which no order changes.

    See: https://docs.snowflake.com/en/sql-reference/functions/hash_agg
    """
    arguments = call_arguments(node)
    distinct = arguments[0] if isinstance(arguments[0], exp.Distinct) else None
    values = distinct.expressions if distinct is not None else arguments
    hashed = exp.Anonymous(this="hash", expressions=[_columns_of(value) for value in values])
    macro = f"_sp_hash_of_{'distinct' if distinct is not None else 'all'}"
    return exp.Anonymous(this=HOME + macro, expressions=[hashed])


def _tried(function: type[Expr]) -> Callable[[Expr], Expr]:
    def form(node: Expr) -> Expr:
        return exp.Anonymous(this="TRY", expressions=[function(**node.args)])

    return form


def _hash(node: Expr) -> Expr:
    """Let HASH be signed, as in Snowflake; its values are others."""
    arguments = [_columns_of(value) for value in call_arguments(node)]
    return exp.Anonymous(this=f"{HOME}_sp_hash", expressions=[exp.Anonymous(this="hash", expressions=arguments)])


def _seeded(node: Expr) -> Expr:
    """Rewrite RANDOM(seed): any integer of 64 bits; fakesnow takes 32."""
    if isinstance(node.this, exp.Literal) and node.this.name.isdigit():
        node.set("this", exp.Literal.number(int(node.this.name) % 2_147_483_647))
    return node


_FORMS: Final[dict[str, Callable[[Expr], Expr]]] = {
    "APPROX_PERCENTILE": _percentile,
    "APPROX_QUANTILE": _percentile,
    "APPROX_PERCENTILE_ACCUMULATE": _digest(of_states=False),
    "APPROX_PERCENTILE_COMBINE": _digest(of_states=True),
    "AS_DECIMAL": _as_number,
    "AS_NUMBER": _as_number,
    "GET_EXTRACT": lambda node: _key(node, call_arguments(node)[-1]),
    "GROUP_CONCAT": _listed,
    "COUNT": _count,
    "HASH": _hash,
    "HASH_AGG": _hash_of_all,
    "TRY_BASE64_DECODE_BINARY": _tried(exp.Base64DecodeBinary),
    "TRY_BASE64_DECODE_STRING": _tried(exp.Base64DecodeString),
    "TRY_HEX_DECODE_BINARY": _tried(exp.Unhex),
    "TRY_HEX_DECODE_STRING": _tried(exp.HexDecodeString),
    "REGEXP_REPLACE": _replaced,
    "TO_NUMBER": _to_number,
    "TIME_FROM_PARTS": _time_of,
    "TIMESTAMP_FROM_PARTS": _timestamp_of,
    "TIMESTAMP_LTZ_FROM_PARTS": _zoned_parts,
    "TIMESTAMP_TZ_FROM_PARTS": _zoned_parts,
    "MONTHS_BETWEEN": lambda node: exp.Anonymous(
        this=f"{HOME}_sp_months_between", expressions=[node.this, node.expression]
    ),
    "PARSE_IP": _parsed("ip"),
    "PARSE_URL": _parsed("url"),
    "CORR": _as_doubles,
    "COVAR_POP": _as_doubles,
    "COVAR_SAMP": _as_doubles,
    "RANDOM": _seeded,
    "RAND": _seeded,
    "SHA2": _sha2,
    "SHA2_HEX": _sha2,
    "TIME": _cast_first(exp.DType.TIME),
    "TRY_TO_TIMESTAMP": _cast_first(exp.DType.TIMESTAMP, safe=True),
    "TRY_TO_TIMESTAMP_NTZ": _cast_first(exp.DType.TIMESTAMP, safe=True),
    "TRY_TO_TIME": _cast_first(exp.DType.TIME, safe=True),
    "TRY_TO_TIMESTAMP_LTZ": _cast_first(exp.DType.TIMESTAMPLTZ, safe=True),
    "TRY_TO_TIMESTAMP_TZ": _cast_first(exp.DType.TIMESTAMPTZ, safe=True),
    "TO_TIMESTAMP_LTZ": _cast_first(exp.DType.TIMESTAMPLTZ),
    "TO_TIMESTAMP_TZ": _cast_first(exp.DType.TIMESTAMPTZ),
}
