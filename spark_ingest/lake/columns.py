"""How the columns that the job needs are found in a lake table whose schema has evolved.

Iceberg knows a column by its id, not its name. So a renamed column is carried on under the name of the contract; an
added one is ignored (and travels along in passed-through files, where nobody reads it); order does not matter; a type that
holds the contract's without loss is brought back to it by a checked cast, and another one stops the run. A column that
vanished is NULL where the job can do without it, and otherwise stops the run with its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable
from pyiceberg.types import (
    DateType,
    DecimalType,
    IcebergType,
    IntegerType,
    LongType,
    StringType,
    TimestampNanoType,
    TimestampType,
    TimestamptzNanoType,
    TimestamptzType,
    UUIDType,
)
from pyspark.sql import types as T

from spark_ingest.errors import LakeError
from spark_ingest.lake.tables import Table

# What COPY matches by name must not land in the columns that tell where a row came from.
WAREHOUSE_COLUMNS = frozenset({"batch_id", "file_name", "loaded_at"})
# Without these no event can be placed, keyed or counted.
_NEEDED = {
    "user_events": ("event_id", "session_id", "event_type", "timestamp"),
    "transactions": ("transaction_id", "product_id", "total_amount", "created_at"),
}
# By the contract's type, the lake's types that COPY loads as they are, and those that Spark casts back first. Of decimals the
# precision and the scale must be the contract's for the former.
_AS_THEY_ARE: Mapping[type[T.DataType], tuple[type[IcebergType], ...]] = {
    T.StringType: (StringType,),
    T.IntegerType: (IntegerType, LongType),
    T.DecimalType: (),
    T.TimestampType: (TimestamptzType, TimestampType),
    T.DateType: (DateType,),
}
_CAST_BACK: Mapping[type[T.DataType], tuple[type[IcebergType], ...]] = {
    T.StringType: (UUIDType, IntegerType, LongType),
    T.DecimalType: (DecimalType, IntegerType, LongType),
}
_MOST_COUNTED, _UNCOUNTED = 100, "none"
_NANOSECONDS = (TimestampNanoType, TimestamptzNanoType)


@dataclass(frozen=True)
class Columns:
    """Where the columns of the contract are.

    ids: Iceberg's field id by contract name (None: the column vanished). names: current name by field id, and by
    schema id of older snapshots. schema_id: the current schema's. obstacle: why data files cannot be read by column name
    alone; None when they can. counted: the ids of the columns whose values are counted for each file that has them.
    """

    schema_id: int
    ids: Mapping[str, int | None]
    current: Mapping[int, str]
    at_snapshot: Mapping[int, Mapping[int, str]]
    obstacle: str | None
    counted: frozenset[int]

    def names(self, snapshot_id: int | None = None) -> dict[str, str | None]:
        """The columns' names, by contract name, in the schema of a snapshot (None: the current one)."""
        named = self.current if snapshot_id is None else self.at_snapshot.get(snapshot_id, self.current)
        return {name: None if field_id is None else named.get(field_id) for name, field_id in self.ids.items()}


def resolve_columns(opened: IcebergTable, table: Table, schema_ids: Iterable[int | None] | None) -> Columns:
    """Find a table's columns in its current schema.

    schema_ids: the schemas that the files in question were written under (None: any that the table ever had).
    Raises LakeError, naming the column, when a needed one is gone, or one has a type that cannot be brought to the contract's.
    """
    schemas = opened.schemas()
    current = opened.schema()
    ids = {column.name: _field_id(column.name, current, schemas) for column in table.columns}
    _check_types(opened, table, ids)
    for name in _NEEDED[table.name]:
        if ids[name] is None:
            raise LakeError(f"table {table.name} ({opened.location()}) has lost its required column '{name}'")
    written = schemas.values() if schema_ids is None else [schemas.get(id_ or 0, current) for id_ in schema_ids]
    return Columns(
        schema_id=current.schema_id,
        ids=ids,
        current=_names(current),
        at_snapshot={
            snapshot.snapshot_id: _names(schemas.get(snapshot.schema_id or 0, current))
            for snapshot in opened.snapshots()
        },
        obstacle=_obstacle(ids, table, [*written, current]),
        counted=_counted(opened, current),
    )


def _counted(opened: IcebergTable, current: Schema) -> frozenset[int]:
    """The columns that writers count the values of: all, unless the table's properties say otherwise.

    See: https://iceberg.apache.org/docs/latest/configuration/#write-properties
    """
    prefix, properties = "write.metadata.metrics", opened.properties
    default = properties.get(f"{prefix}.default", "")
    most = int(properties.get(f"{prefix}.max-inferred-column-defaults", _MOST_COUNTED))
    modes = {
        field.field_id: properties.get(f"{prefix}.column.{field.name}", default if place < most else _UNCOUNTED)
        for place, field in enumerate(current.fields)
    }
    return frozenset(each for each, mode in modes.items() if mode.lower() != _UNCOUNTED)


def _names(schema: Schema) -> dict[int, str]:
    return {field.field_id: field.name for field in schema.fields}


def _field_id(name: str, current: Schema, schemas: Mapping[int, Schema]) -> int | None:
    """The id of a column in the current schema: by its name, else by the id that the name had before."""
    now = _names(current)
    for schema in (current, *(schema for _, schema in sorted(schemas.items(), reverse=True))):
        for field in schema.fields:
            if field.name == name:
                return field.field_id if field.field_id in now else None
    return None


def time_id(opened: IcebergTable, table: Table) -> int | None:
    """The field id of the column that tells a row's time; None where the table has lost it."""
    return _field_id(table.time, opened.schema(), opened.schemas())


def _check_types(opened: IcebergTable, table: Table, ids: Mapping[str, int | None]) -> None:
    """Raise LakeError for a column whose type Spark cannot read, or cannot bring to the contract's without loss."""
    wanted = {ids[column.name]: column for column in table.columns if ids[column.name] is not None}
    for field in opened.schema().fields:
        told = f"table {table.name} ({opened.location()}): column '{field.name}' is {field.field_type}"
        if isinstance(field.field_type, _NANOSECONDS):
            raise LakeError(f"{told}, which Iceberg's module for Spark 3.5 does not read")
        if field.field_id in wanted:
            kind = wanted[field.field_id].type
            accepted = (*_AS_THEY_ARE[type(kind)], *_CAST_BACK.get(type(kind), ()))
            if not isinstance(field.field_type, accepted) or _has_more_places(field.field_type, kind):
                raise LakeError(f"{told}, not {kind.simpleString()}")


def _has_more_places(found: IcebergType, wanted: T.DataType) -> bool:
    """Whether a decimal has places that a cast would round away."""
    return isinstance(found, DecimalType) and isinstance(wanted, T.DecimalType) and found.scale > wanted.scale


def _obstacle(ids: Mapping[str, int | None], table: Table, written: Iterable[Schema]) -> str | None:
    types = {column.name: column.type for column in table.columns}
    schemas = list(written)
    for schema in schemas:
        for field in schema.fields:
            if field.name in WAREHOUSE_COLUMNS:
                return f"column '{field.name}' has the name of one that the warehouse fills itself"
            if field.name in types and (told := _differs(field.field_type, types[field.name])):
                return f"column '{field.name}' {told}"
        for field in schema.fields:
            if field.name in ids and ids[field.name] != field.field_id:
                return f"column '{field.name}' was renamed, replaced or dropped"
        for name, field_id in ids.items():
            if any(field.field_id == field_id and field.name != name for field in schema.fields):
                return f"column '{name}' was renamed"
    for name in types:
        if name not in table.partitions and any(name not in _names(schema).values() for schema in schemas):
            return f"column '{name}' is not in all of the files"
    return None


def _differs(found: IcebergType, wanted: T.DataType) -> str | None:
    """How a type differs from the contract's for COPY; None where it does not."""
    if isinstance(found, DecimalType) and isinstance(wanted, T.DecimalType):
        same = (found.precision, found.scale) == (wanted.precision, wanted.scale)
        return None if same else f"is {found}, not {wanted.simpleString()}"
    return None if isinstance(found, _AS_THEY_ARE[type(wanted)]) else f"is {found}, not {wanted.simpleString()}"
