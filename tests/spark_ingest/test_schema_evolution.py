"""Columns added, widened, renamed and dropped: carried, ignored or refused by rule."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from spark_ingest.errors import LakeError
from spark_ingest.tables import USER_EVENTS
from tests.spark_ingest.conftest import Lake
from tests.spark_ingest.independent import staged_sessions
from tests.spark_ingest.rows import event, frame, transaction

pytestmark = pytest.mark.spark


def test_schema_evolution(lake: Lake) -> None:
    lake.append([event("1", "a", "2024-01-15 10:00:00")], [transaction("1", "2024-01-15 10:00:00", "1.00")])
    lake.run()
    lake.append([event("2", "a", "2024-01-15 10:01:00")])  # under the old schema, batched under the new one
    lake.sql("ALTER TABLE {events} ADD COLUMN campaign string FIRST")
    lake.sql("ALTER TABLE {events} ALTER COLUMN hour TYPE bigint")
    added = lake.run().manifest
    assert added is not None
    assert added["datasets"]["user_events"]["handling"] == "passthrough"
    lake.sql("ALTER TABLE {events} RENAME COLUMN browser TO agent")
    lake.sql("ALTER TABLE {events} DROP COLUMN device_type")
    row = event("0", "a", "2024-01-15 09:00:00", "search", browser="Renamed")
    new = frame(lake.spark, USER_EVENTS, [row]).withColumnRenamed("browser", "agent").drop("device_type")
    new.withColumn("campaign", F.lit("x")).withColumn("hour", F.col("hour").cast("bigint")).writeTo(
        lake.name(USER_EVENTS)
    ).append()
    renamed = lake.run().manifest
    assert renamed is not None
    events = renamed["datasets"]["user_events"]
    assert (events["handling"], events["rows"], events["stage"]) == ("rewritten", 1, "landing")
    assert events["reason"] == "column 'browser' was renamed"
    (session,) = staged_sessions(Path(lake.config.landing), renamed).values()
    assert (session[14], session[13], session[17]) == ("Renamed", None, 3)
    lake.sql("ALTER TABLE {events} RENAME COLUMN session_id TO visit_id")
    lake.sql("ALTER TABLE {events} DROP COLUMN event_type")
    with pytest.raises(LakeError, match="lost its required column 'event_type'"):
        lake.run()


def test_columns_that_would_mislead_the_warehouse_are_rewritten(lake: Lake) -> None:
    lake.append(None, [transaction("1", "2024-01-15 10:00:00", "1.00")])
    lake.run()
    lake.sql("ALTER TABLE {transactions} ALTER COLUMN unit_price TYPE decimal(12, 2)")
    lake.sql("ALTER TABLE {events} ADD COLUMN batch_id string")
    lake.sql(
        "INSERT INTO {transactions} SELECT 'two', user_id, product_id, quantity, 3.50, 3.50, discount_amount, tax_amount,"
        " status, payment_method, user_tier, created_at, date FROM {transactions}"
    )
    new = frame(lake.spark, USER_EVENTS, [event("1", "a", "2024-01-15 10:00:00")])
    new.withColumn("batch_id", F.lit("somebody's")).writeTo(lake.name(USER_EVENTS)).append()
    manifest = lake.run().manifest
    assert manifest is not None
    lines, events = manifest["datasets"]["transactions"], manifest["datasets"]["user_events"]
    assert (lines["handling"], lines["rows"]) == ("rewritten", 1)
    assert lines["reason"] == "column 'unit_price' was widened to decimal(12, 2)"
    assert (events["handling"], events["rows"]) == ("rewritten", 1)
    assert events["reason"] == "column 'batch_id' has the name of one that the warehouse fills itself"
    staged = Path(lake.config.landing) / events["files"][0]["path"]
    assert "batch_id" not in pq.read_table(staged, partitioning=None).column_names
    lake.sql(
        "INSERT INTO {transactions} SELECT 'three', user_id, product_id, quantity, 9999999999.99, 3.50, discount_amount,"
        " tax_amount, status, payment_method, user_tier, created_at, date FROM {transactions} WHERE transaction_id = 'two'"
    )
    with pytest.raises(Exception, match=r"9999999999\.99"):
        lake.run()
