"""Apply fakesnow's transforms of a Snowflake tree to a DuckDB one: in its order, each where it can matter.

fakesnow walks the whole tree once for each of its eighty transforms. A transform looks at nodes of a few classes; where
the tree holds none of them, it is left out. Those that can never matter here are not in the list, for the reasons given.
`tests/endpoint/test_fakesnow_transforms.py` holds both lists against fakesnow's.
See: https://github.com/tekumara/fakesnow/blob/main/fakesnow/cursor.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fakesnow import transforms as fs
from sqlglot import Expr, exp

from local_stack.endpoint.language.quoting import quote_name

Types = tuple[type[Any], ...]


@dataclass(frozen=True)
class Run:
    """Hold what transforms may ask for: the session's current database and schema."""

    database: str | None
    schema: str | None


@dataclass(frozen=True)
class Transform:
    """Hold one transform. needs: it leaves a tree as it is that has no node of these classes or of classes below them."""

    function: Callable[..., Expr]
    needs: Types
    arguments: Callable[[Run], dict[str, Any]] = lambda run: {}

    def apply(self, expression: Expr, run: Run) -> Expr:
        """Run it on every node, outer ones first; the tree is changed in place where it can be."""
        given = self.arguments(run)
        return expression.transform(lambda node: self.function(node, **given), copy=False)


def upper_case_unquoted_identifiers(expression: Expr) -> Expr:
    """Do what fakesnow's transform of this name does, without a copy of every identifier."""
    if isinstance(expression, exp.Identifier) and not expression.quoted and isinstance(expression.this, str):
        expression.set("this", expression.this.upper())
    return expression


def sequence_nextval(expression: Expr) -> Expr:
    """Do what fakesnow's transform of this name does, also within expressions and for qualified names.

    See: https://docs.snowflake.com/en/user-guide/querying-sequences
    """
    if not (isinstance(expression, exp.Column) and expression.table and expression.name.upper() == "NEXTVAL"):
        return expression
    name = ".".join(quote_name(part.name) for part in expression.parts[:-1])
    call = exp.Anonymous(this="nextval", expressions=[exp.Literal.string(name)])
    if isinstance(expression.parent, exp.Select) and expression.arg_key == "expressions":
        return exp.alias_(call, "NEXTVAL")
    return call


_INTEGERS = frozenset({exp.DType.INT, exp.DType.BIGINT, exp.DType.SMALLINT, exp.DType.TINYINT})


def integer_precision(expression: Expr) -> Expr:
    """Make every integer type a HUGEINT, which holds the 38 digits of NUMBER(38, 0); fakesnow's transform makes BIGINTs.

    See: https://docs.snowflake.com/en/sql-reference/data-types-numeric
    """
    if isinstance(expression, exp.DataType) and (
        expression.this in _INTEGERS
        or (expression.this == exp.DType.DECIMAL and [size.name for size in expression.expressions] in _WHOLE)
    ):
        return exp.DataType(this=exp.DType.INT128)
    return expression


_ZONED = (exp.DType.TIMESTAMPLTZ, exp.DType.TIMESTAMPTZ)


def to_timestamp(expression: Expr) -> Expr:
    """Read numbers as seconds since 1970 in UTC, whatever the session's TIMEZONE is, and keep the zone of LTZ and TZ.

    fakesnow's own macro reads them in the session's zone, and makes TIMESTAMP_NTZ of all.
    See: https://docs.snowflake.com/en/sql-reference/functions/to_timestamp
    """
    read = fs.to_timestamp(expression)
    if read is expression:
        return expression
    read.set("this", "_fs_global.main._sf_timestamp")
    kind = expression.args.get("target_type") if isinstance(expression, exp.UnixToTime) else None
    if kind is not None and kind.this in _ZONED:
        return exp.Anonymous(this="timezone", expressions=[exp.Literal.string("UTC"), read])
    return read


def regex_replace(expression: Expr) -> Expr:
    """Do what fakesnow's transform of this name does, to the pattern as it is."""
    return fs.regex_replace(_doubled(expression, exp.RegexpReplace))


def regex_substr(expression: Expr) -> Expr:
    """Do what fakesnow's transform of this name does, to the pattern as it is."""
    return fs.regex_substr(_doubled(expression, exp.RegexpExtract))


def _doubled(expression: Expr, kind: type[exp.Func]) -> Expr:
    """Double the backslashes of a pattern: fakesnow halves them, and the parser has read the escapes already.

    See: https://docs.snowflake.com/en/sql-reference/functions-regexp (escape characters and caveats)
    """
    pattern = expression.expression if isinstance(expression, kind) else None
    if isinstance(pattern, exp.Literal):
        pattern.set("this", pattern.name.replace("\\", "\\\\"))
    return expression


_WHOLE: tuple[list[str], ...] = ([], ["38"], ["38", "0"])
_CALL: Types = (exp.Anonymous,)
_SHOW: Types = (exp.Show,)


def _keys(kind: str) -> Callable[[Run], dict[str, Any]]:
    return lambda run: {"current_database": run.database, "kind": kind}


TRANSFORMS: tuple[Transform, ...] = (
    Transform(upper_case_unquoted_identifiers, (exp.Identifier,)),
    Transform(fs.current_version, (exp.CurrentVersion,)),
    Transform(fs.information_schema_fs, (exp.Table,)),
    Transform(fs.information_schema_databases, (exp.Table,), lambda run: {"current_schema": run.schema}),
    Transform(fs.tag, (exp.Alter, exp.Command, exp.Create, exp.Drop)),
    Transform(fs.semi_structured_types, (exp.DataType,)),
    Transform(fs.split, (exp.Split,)),
    Transform(fs.trim_cast_varchar, (exp.Trim,)),
    Transform(fs.indices_to_json_extract, (exp.Bracket,)),
    Transform(fs.json_extract_cast_as_varchar, (exp.JSONExtract,)),
    Transform(fs.json_extract_cased_as_varchar, (exp.JSONExtract,)),
    Transform(fs.json_extract_precedence, (exp.JSONExtract, exp.JSONExtractScalar)),
    Transform(regex_replace, (exp.RegexpReplace,)),
    Transform(regex_substr, (exp.RegexpExtract,)),
    Transform(sequence_nextval, (exp.Column,)),
    Transform(fs.values_columns, (exp.Values,)),
    Transform(fs.to_decimal, (exp.ToNumber,)),
    Transform(to_timestamp, (exp.UnixToTime, exp.Anonymous, exp.Cast)),
    Transform(fs.object_construct, (exp.StarMap, exp.Struct, exp.JSONObject)),
    Transform(fs.timestamp_ntz, (exp.DataType,)),
    Transform(fs.float_to_double, (exp.DataType,)),
    Transform(integer_precision, (exp.DataType,)),
    Transform(fs.extract_text_length, (exp.Create, exp.Alter)),
    Transform(fs.array_size, (exp.ArraySize,)),
    Transform(fs.random, (exp.Rand,)),
    Transform(fs.array_agg_within_group, (exp.WithinGroup,)),
    Transform(fs.array_agg, (exp.ArrayAgg,)),
    Transform(fs.object_agg, (exp.ObjectAgg,)),
    Transform(fs.array_construct_etc, (exp.ArrayConstructCompact, exp.Array, exp.ArrayConcat)),
    Transform(fs.dateadd_date_cast, (exp.DateAdd,)),
    Transform(fs.dateadd_string_literal_timestamp_cast, (exp.DateAdd,)),
    Transform(fs.datediff_string_literal_timestamp_cast, (exp.DateDiff,)),
    Transform(fs.show_keys, _SHOW, _keys("PRIMARY")),
    Transform(fs.show_keys, _SHOW, _keys("UNIQUE")),
    Transform(fs.show_keys, _SHOW, _keys("FOREIGN")),
    Transform(fs.haversine, _CALL),
    Transform(fs.hex_string, (exp.HexString,)),
    Transform(fs.sha256, (exp.SHA2, exp.SHA2Digest, exp.Anonymous)),
    Transform(fs.alias_in_join, (exp.Join,)),
    Transform(fs.alias_in_where, (exp.Where,)),
    Transform(fs.alter_table_strip_cluster_by, (exp.Alter, exp.Command)),
    Transform(
        fs.numeric_agg_implicit_cast,
        (exp.Sum, exp.Avg, exp.Variance, exp.VariancePop, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Median),
    ),
)


LEFT_OUT: dict[str, str] = {
    "identifier": "features/session/identifiers.py writes the name",
    "update_variables": "features/session/variables.py answers",
    **dict.fromkeys(("alter_session", "show_parameters"), "features/session/parameters.py answers"),
    "set_schema": "features/session/use.py answers",
    **dict.fromkeys(("create_database", "drop_schema_cascade"), "features/tables/containers.py answers"),
    **dict.fromkeys(
        ("extract_comment_on_table", "extract_comment_on_columns"), "DuckDB keeps comments itself: definitions.py"
    ),
    **dict.fromkeys(
        ("show_databases", "show_schemas", "show_tables_etc", "show_columns", "show_sequences"),
        "features/tables/listing.py answers",
    ),
    **dict.fromkeys(("show_functions", "show_procedures"), "features/procedures/listing.py answers"),
    **dict.fromkeys(("show_warehouses", "show_users", "create_user"), "features/objects answers"),
    **dict.fromkeys(
        ("show_stages", "create_stage", "create_file_format", "list_stage", "put_stage"), "features/stages answers"
    ),
    "result_scan": "queries.py reads the session's own results",
    "create_clone": "features/tables/alter.py clones; tables.py does for temporary tables",
    "create_table_as": "tables.py wraps the query instead of describing it",
    **dict.fromkeys(("try_parse_json", "to_date"), "sqlglot has a class for the function, which it does not look at"),
    **dict.fromkeys(
        ("flatten_value_cast_as_varchar", "flatten"), "snowpark.py has macros for FLATTEN with all its arguments"
    ),
    **dict.fromkeys(("to_variant", "timestamp_offsets"), "casts.py has macros for both"),
    "sample": "sqlglot names the method of every sample",
}


def transform(expression: Expr, run: Run) -> Expr:
    """Apply what can matter to a tree, in order."""
    wanted = _wanted(expression)
    for number, step in enumerate(TRANSFORMS):
        if wanted >> number & 1:
            expression = step.apply(expression, run)
            wanted = _wanted(expression)
    return expression


_by_class: dict[type[Expr], int] = {}


def _wanted(expression: Expr) -> int:
    """Return the numbers of the transforms that have something to look at, as the bits of an integer."""
    wanted = 0
    for kind in {type(node) for node in expression.walk()}:
        if (bits := _by_class.get(kind)) is None:
            bits = _by_class[kind] = sum(
                1 << number for number, step in enumerate(TRANSFORMS) if issubclass(kind, step.needs)
            )
        wanted |= bits
    return wanted
