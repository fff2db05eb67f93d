"""fakesnow's transforms of a Snowflake tree to a DuckDB one: all of them, in its order, each where it can matter.

fakesnow walks the whole tree once for each of its eighty transforms. A transform looks at nodes of a few classes; where
the tree holds none of them, it is left out. `tests/endpoint/test_fakesnow_transforms.py` holds the list against fakesnow's.
See: https://github.com/tekumara/fakesnow/blob/main/fakesnow/cursor.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fakesnow import transforms as fs
from sqlglot import Expr, exp

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from fakesnow.conn import FakeSnowflakeConnection

Types = tuple[type[Any], ...]


@dataclass(frozen=True)
class Run:
    """What transforms may ask for: the connection with its current schema and variables, and the statement's values."""

    connection: FakeSnowflakeConnection
    duck: DuckDBPyConnection
    params: Any

    @property
    def scope(self) -> tuple[str | None, str | None]:
        """Return the current database and schema."""
        return self.connection.database, self.connection.schema


@dataclass(frozen=True)
class Transform:
    """One transform. needs: it leaves a tree as it is that has no node of these classes or of classes below them."""

    function: Callable[..., Expr]
    needs: Types
    arguments: Callable[[Run], dict[str, Any]] = lambda run: {}

    def apply(self, expression: Expr, run: Run) -> Expr:
        """Run it on every node, outer ones first; the tree is changed in place where it can be."""
        given = self.arguments(run)
        return expression.transform(lambda node: self.function(node, **given), copy=False)


def _names(database: str = "current_database", schema: str = "current_schema") -> Callable[[Run], dict[str, Any]]:
    return lambda run: {name: value for name, value in zip((database, schema), run.scope, strict=True) if name}


def _keys(kind: str) -> Callable[[Run], dict[str, Any]]:
    return lambda run: {"current_database": run.connection.database, "kind": kind}


def upper_case_unquoted_identifiers(expression: Expr) -> Expr:
    """Do what fakesnow's transform of this name does, without a copy of every identifier."""
    if isinstance(expression, exp.Identifier) and not expression.quoted and isinstance(expression.this, str):
        expression.set("this", expression.this.upper())
    return expression


_DATABASE = _names(schema="")
_CALL: Types = (exp.Anonymous,)
_SHOW: Types = (exp.Show,)

TRANSFORMS: tuple[Transform, ...] = (
    Transform(fs.identifier, (exp.Anonymous, exp.DynamicIdentifier), lambda run: {"params": run.params}),
    Transform(upper_case_unquoted_identifiers, (exp.Identifier,)),
    Transform(fs.alter_session, (exp.Alter,)),
    Transform(fs.update_variables, (exp.Set, exp.Alias), lambda run: {"variables": run.connection.variables}),
    Transform(fs.current_version, (exp.CurrentVersion,)),
    Transform(fs.set_schema, (exp.Use,), _DATABASE),
    Transform(fs.create_database, (exp.Create,), lambda run: {"db_path": run.connection.db_path}),
    Transform(fs.extract_comment_on_table, (exp.Create, exp.Comment, exp.Alter)),
    Transform(fs.extract_comment_on_columns, (exp.Alter,)),
    Transform(fs.information_schema_fs, (exp.Table,)),
    Transform(fs.information_schema_databases, (exp.Table,), _names(database="")),
    Transform(fs.drop_schema_cascade, (exp.Drop,)),
    Transform(fs.tag, (exp.Alter, exp.Command, exp.Create, exp.Drop)),
    Transform(fs.semi_structured_types, (exp.DataType,)),
    Transform(fs.try_parse_json, _CALL),
    Transform(fs.split, (exp.Split,)),
    Transform(fs.trim_cast_varchar, (exp.Trim,)),
    Transform(fs.indices_to_json_extract, (exp.Bracket,)),
    Transform(fs.json_extract_cast_as_varchar, (exp.JSONExtract,)),
    Transform(fs.json_extract_cased_as_varchar, (exp.JSONExtract,)),
    Transform(fs.json_extract_precedence, (exp.JSONExtract, exp.JSONExtractScalar)),
    Transform(fs.flatten_value_cast_as_varchar, (exp.Explode,)),
    Transform(fs.flatten, (exp.Explode,)),
    Transform(fs.regex_replace, (exp.RegexpReplace,)),
    Transform(fs.regex_substr, (exp.RegexpExtract,)),
    Transform(fs.result_scan, (exp.TableFromRows,)),
    Transform(fs.sequence_nextval, (exp.Column,)),
    Transform(fs.values_columns, (exp.Values,)),
    Transform(fs.to_date, _CALL),
    Transform(fs.timestamp_offsets, (exp.Cast,)),
    Transform(fs.to_decimal, (exp.ToNumber,)),
    Transform(fs.to_timestamp, (exp.UnixToTime, exp.Anonymous, exp.Cast)),
    Transform(fs.to_variant, (exp.ToVariant,)),
    Transform(fs.object_construct, (exp.StarMap, exp.Struct, exp.JSONObject)),
    Transform(fs.timestamp_ntz, (exp.DataType,)),
    Transform(fs.float_to_double, (exp.DataType,)),
    Transform(fs.integer_precision, (exp.DataType,)),
    Transform(fs.extract_text_length, (exp.Create, exp.Alter)),
    Transform(fs.sample, (exp.TableSample,)),
    Transform(fs.array_size, (exp.ArraySize,)),
    Transform(fs.random, (exp.Rand,)),
    Transform(fs.array_agg_within_group, (exp.WithinGroup,)),
    Transform(fs.array_agg, (exp.ArrayAgg,)),
    Transform(fs.object_agg, (exp.ObjectAgg,)),
    Transform(fs.array_construct_etc, (exp.ArrayConstructCompact, exp.Array, exp.ArrayConcat)),
    Transform(fs.dateadd_date_cast, (exp.DateAdd,)),
    Transform(fs.dateadd_string_literal_timestamp_cast, (exp.DateAdd,)),
    Transform(fs.datediff_string_literal_timestamp_cast, (exp.DateDiff,)),
    Transform(fs.show_databases, _SHOW),
    Transform(fs.show_functions, (exp.Show, exp.Command)),
    Transform(fs.show_procedures, _SHOW),
    Transform(fs.show_parameters, (exp.Command,)),
    Transform(fs.show_warehouses, _SHOW),
    Transform(fs.show_schemas, _SHOW, _DATABASE),
    Transform(fs.show_tables_etc, _SHOW, _names()),
    Transform(fs.show_columns, _SHOW, _names()),
    Transform(fs.show_stages, _SHOW, _names()),
    Transform(fs.show_sequences, _SHOW, _names()),
    Transform(fs.show_keys, _SHOW, _keys("PRIMARY")),
    Transform(fs.show_keys, _SHOW, _keys("UNIQUE")),
    Transform(fs.show_keys, _SHOW, _keys("FOREIGN")),
    Transform(fs.show_users, _SHOW),
    Transform(fs.create_user, (exp.Command,)),
    Transform(fs.haversine, _CALL),
    Transform(fs.hex_string, (exp.HexString,)),
    Transform(fs.sha256, (exp.SHA2, exp.SHA2Digest, exp.Anonymous)),
    Transform(fs.create_clone, (exp.Clone,)),
    Transform(fs.alias_in_join, (exp.Join,)),
    Transform(fs.alias_in_where, (exp.Where,)),
    Transform(fs.alter_table_strip_cluster_by, (exp.Alter, exp.Command)),
    Transform(
        fs.numeric_agg_implicit_cast,
        (exp.Sum, exp.Avg, exp.Variance, exp.VariancePop, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Median),
    ),
    Transform(fs.create_stage, (exp.Create,), _names()),
    Transform(fs.create_file_format, (exp.Create,), _names()),
    Transform(fs.list_stage, (exp.ListStage,), lambda run: _stages(run)),
    Transform(fs.put_stage, (exp.Put,), lambda run: {**_stages(run), "params": run.params}),
    Transform(fs.create_table_as, (exp.Create,), lambda run: {"duck_conn": run.duck}),
)


def _stages(run: Run) -> dict[str, Any]:
    return {**_names()(run), "table_stages": run.connection.table_stages}


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
