"""The two tables of the lake, as declared by the requirement: columns, types, partitions, properties."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import types as T

MONEY = T.DecimalType(10, 2)


@dataclass(frozen=True)
class Column:
    """One column.

    required: a mapping must yield it. not_null: an import sets rows without a value aside.
    """

    name: str
    type: T.DataType
    required: bool = False
    not_null: bool = False


@dataclass(frozen=True)
class Table:
    """One table of the lake.

    key: what identifies a row. time: the column that `date` (and `hour`) are derived from, in UTC.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    time: str
    partitions: tuple[str, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def schema(self) -> T.StructType:
        return T.StructType([T.StructField(column.name, column.type) for column in self.columns])


def _must(name: str, kind: T.DataType) -> Column:
    return Column(name, kind, required=True, not_null=True)


def _texts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, T.StringType()) for name in names)


USER_EVENTS = Table(
    name="user_events",
    columns=(
        _must("event_id", T.StringType()),
        *_texts("user_id"),
        # An event without a session is kept as an event; it just forms no session.
        Column("session_id", T.StringType(), required=True),
        _must("event_type", T.StringType()),
        _must("timestamp", T.TimestampType()),
        *_texts("device_type", "browser", "ip_address", "page_url", "product_id", "search_query", "transaction_id"),
        *_texts("user_tier", "properties"),
        Column("processing_time", T.TimestampType()),
        Column("date", T.DateType()),
        Column("hour", T.IntegerType()),
    ),
    key=("event_id",),
    time="timestamp",
    partitions=("date", "hour"),
)

TRANSACTIONS = Table(
    name="transactions",
    columns=(
        _must("transaction_id", T.StringType()),
        *_texts("user_id"),
        _must("product_id", T.StringType()),
        _must("quantity", T.IntegerType()),
        _must("unit_price", MONEY),
        _must("total_amount", MONEY),
        Column("discount_amount", MONEY),
        Column("tax_amount", MONEY),
        *_texts("status", "payment_method", "user_tier"),
        _must("created_at", T.TimestampType()),
        Column("date", T.DateType()),
    ),
    key=("transaction_id", "product_id"),
    time="created_at",
    partitions=("date",),
)

TABLES = (USER_EVENTS, TRANSACTIONS)

# The requirement's table properties; its metadata compression and commit retries belong to the table as well.
_PROPERTIES = {
    "write.target-file-size-bytes": "134217728",
    "write.parquet.compression-codec": "snappy",
    "write.metadata.compression-codec": "gzip",
    "commit.retry.num-retries": "4",
    "commit.retry.min-wait-ms": "100",
}


def create_statement(table: Table, identifier: str) -> str:
    """The CREATE TABLE statement of a table, under a (catalog-qualified) identifier."""
    columns = ",\n    ".join(f"{column.name} {column.type.simpleString()}" for column in table.columns)
    properties = ",\n    ".join(f"'{key}'='{value}'" for key, value in _PROPERTIES.items())
    return (
        f"CREATE TABLE IF NOT EXISTS {identifier} (\n    {columns}\n)\nUSING iceberg\n"
        f"PARTITIONED BY ({', '.join(table.partitions)})\nTBLPROPERTIES (\n    {properties}\n)"
    )
