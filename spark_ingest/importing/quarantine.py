"""Which mapped rows can go into the lake, and why the others cannot: pure transforms over a mapping's result."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from spark_ingest.importing.mapping import REASON, ROW_PREFIX
from spark_ingest.lake.tables import Column as TableColumn
from spark_ingest.lake.tables import Table
from spark_ingest.transforms.identifiers import canonical_id

REPEATED = "__repeated"  # a further row with exactly the content of one before it
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # 0001-01-01 and 9999-12-31T23:59:59, UTC


def judged(rows: DataFrame, table: Table) -> DataFrame:
    """A table's columns in their types, `reject_reason` (NULL: loadable), and the source row numbers.

    Each row is judged by itself; `judged_together` adds what only the others tell.
    """
    checks = [F.col(REASON).cast("string")] if REASON in rows.columns else []
    checks += [_reason(rows, column, table) for column in table.columns if column.name in rows.columns]
    converted = [
        _converted(rows, column, table).alias(column.name) if column.name in rows.columns else _absent(column, table)
        for column in table.columns
    ]
    numbers = [F.col(name) for name in rows.columns if name.startswith(ROW_PREFIX)]
    return rows.select(*converted, F.coalesce(*checks, F.lit(None)).alias(REASON), *numbers)


def keys_repeat(rows: DataFrame, table: Table) -> bool:
    """Whether two loadable ones of the judged rows have the same key."""
    keys = [canonical_id(F.col(name)) for name in table.key]
    counts = rows.filter(F.col(REASON).isNull()).groupBy(*keys).count()
    return not counts.filter(F.col("count") > 1).isEmpty()


def judged_together(rows: DataFrame, table: Table) -> DataFrame:
    """Judged rows with REPEATED: of loadable ones with the same key one stays.

    The same content again is REPEATED, other content is rejected.
    """
    keys = [F.when(F.col(REASON).isNull(), canonical_id(F.col(name))) for name in table.key]
    numbers = [name for name in rows.columns if name.startswith(ROW_PREFIX)]
    # Rows rejected already must not compete: each is alone with a number of its own.
    alone = F.when(F.col(REASON).isNotNull(), F.monotonically_increasing_id())
    window = Window.partitionBy(*keys, alone).orderBy(*table.column_names)
    other = F.dense_rank().over(window) > 1
    again = F.row_number().over(window) > 1
    conflict = F.lit(f"duplicate key ({', '.join(table.key)}) with other content")
    return rows.select(
        *table.column_names,
        F.coalesce(F.col(REASON), F.when(other, conflict)).alias(REASON),
        (again & ~other & F.col(REASON).isNull()).alias(REPEATED),
        *numbers,
    )


def _reason(rows: DataFrame, column: TableColumn, table: Table) -> Column:
    """Why a row cannot be loaded because of one column; NULL when it can."""
    value = F.col(column.name)
    kind = column.type.simpleString()
    reason = F.lit(None).cast("string")
    if isinstance(column.type, T.DecimalType | T.IntegerType):
        reason = F.when(
            value.isNotNull() & F.expr(f"try_cast(`{column.name}` AS {kind})").isNull(),
            F.lit(f"{column.name}: too large for {kind}"),
        )
    elif isinstance(column.type, T.TimestampType):
        second = F.unix_seconds(_in_utc(rows, column.name))
        reason = F.when(
            ~second.between(_FIRST_SECOND, _LAST_SECOND), F.lit(f"{column.name}: outside the years 1 to 9999")
        )
    elif column.name in ("date", "hour"):
        derived = _derived(column, F.col(table.time) if table.time not in rows.columns else _in_utc(rows, table.time))
        reason = F.when(value != derived, F.lit(f"{column.name}: not that of {table.time} in UTC"))
    if column.not_null:
        return F.when(value.isNull(), F.lit(f"{column.name}: no value, or not readable as {kind}")).otherwise(reason)
    return reason


def _converted(rows: DataFrame, column: TableColumn, table: Table) -> Column:
    if column.name in ("date", "hour"):
        return F.coalesce(F.col(column.name), _derived(column, _in_utc(rows, table.time))).cast(column.type)
    if isinstance(column.type, T.TimestampType):
        return _in_utc(rows, column.name)
    return F.expr(f"try_cast(`{column.name}` AS {column.type.simpleString()})")


def _absent(column: TableColumn, table: Table) -> Column:
    if column.name in ("date", "hour"):
        return _derived(column, F.col(table.time).cast("timestamp")).cast(column.type).alias(column.name)
    return F.lit(None).cast(column.type).alias(column.name)


def _derived(column: TableColumn, time: Column) -> Column:
    return F.to_date(time) if column.name == "date" else F.hour(time)


def _in_utc(rows: DataFrame, name: str) -> Column:
    """A time as a moment; one without zone is UTC already, which is the session's zone."""
    return F.col(name).cast("timestamp")
