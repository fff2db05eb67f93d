"""Columns added, widened, renamed and dropped: carried, ignored or refused by rule."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from spark_ingest.batch.making import Batch
from spark_ingest.errors import LakeError
from spark_ingest.lake.tables import USER_EVENTS
from tests.spark_ingest.conftest import Lake
from tests.spark_ingest.independent import manifests, staged_sessions
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
    assert lines["reason"] == "column 'unit_price' is decimal(12, 2), not decimal(10,2)"
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


def test_a_table_that_is_altered_while_its_batch_is_made_stops_the_run(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.append([event("1", "a", "2024-01-15 10:00:00")])
    lake.run()
    lake.append([event("2", "a", "2024-01-15 10:01:00")])
    make = Batch.make

    def altered(made: Batch) -> dict[str, Any]:
        lake.sql("ALTER TABLE {events} RENAME COLUMN session_id TO visit_id")
        return make(made)

    with monkeypatch.context() as patched:
        patched.setattr(Batch, "make", altered)
        with pytest.raises(LakeError, match="table user_events has no column 'session_id' any more: it was altered"):
            lake.run()

    def exchanged(made: Batch) -> dict[str, Any]:
        document = make(made)
        lake.sql("ALTER TABLE {events} RENAME COLUMN browser TO device_type_")
        return document

    monkeypatch.setattr(Batch, "make", exchanged)
    with pytest.raises(LakeError, match="table user_events has another schema: it was altered"):
        lake.run()
    assert len(manifests(Path(lake.config.landing))) == 1


def test_types_that_lose_something_are_refused_by_name(lake: Lake) -> None:
    columns = "transaction_id string, product_id string, total_amount {}, created_at timestamp"
    lake.sql(f"CREATE OR REPLACE TABLE {{transactions}} ({columns.format('double')}) USING iceberg")
    with pytest.raises(
        LakeError, match=r"table transactions \(.*\): column 'total_amount' is double, not decimal\(10,2\)"
    ):
        lake.run()
    lake.sql(f"CREATE OR REPLACE TABLE {{transactions}} ({columns.format('decimal(12, 4)')}) USING iceberg")
    with pytest.raises(LakeError, match=r"column 'total_amount' is decimal\(12, 4\), not decimal\(10,2\)"):
        lake.run()
    # An integer loses nothing; neither does a number as a text, nor a time without a zone, which is one in UTC.
    loose = (
        columns.format("int").replace("product_id string", "product_id bigint").replace("timestamp", "timestamp_ntz")
    )
    lake.sql(f"CREATE OR REPLACE TABLE {{transactions}} ({loose}) USING iceberg")
    lake.sql("INSERT INTO {transactions} VALUES ('one', 7, 12, TIMESTAMP_NTZ'2024-01-15 10:00:00')")
    manifest = lake.run().manifest
    assert manifest is not None
    lines = manifest["datasets"]["transactions"]
    assert (lines["handling"], lines["control"]["money"], lines["dates"]) == ("rewritten", "12.00", ["2024-01-15"])
    staged = pq.read_table(Path(lake.config.landing) / lines["files"][0]["path"], partitioning=None)
    assert staged["product_id"].to_pylist() == ["7"]
    # Written into the metadata itself, because no engine here writes such a column.
    lake.sql("ALTER TABLE {events} SET TBLPROPERTIES ('format-version'='3')")
    newest = max((Path(lake.config.warehouse) / lake.config.namespace / "user_events" / "metadata").glob("v*.json"))
    text = gzip.decompress(newest.read_bytes()).decode().replace('"timestamptz"', '"timestamptz_ns"')
    newest.write_bytes(gzip.compress(text.encode()))
    with pytest.raises(LakeError, match=r"column 'timestamp' is timestamptz_ns, which Iceberg's module for Spark 3\.5"):
        lake.run()
    newest.write_bytes(gzip.compress(text.replace('"timestamptz_ns"', '"variant"').encode()))
    with pytest.raises(LakeError, match=r"user_events has a column of type 'variant', which pyiceberg does not read"):
        lake.run()


def test_files_of_others_that_lack_a_column_are_rewritten(lake: Lake) -> None:
    """COPY refuses them. Metadata counts no values of the column; where it counts none at all, the schema is believed."""
    lake.append([event("1", "a", "2024-01-15 10:00:00")])
    lake.run()
    folder = Path(lake.config.warehouse) / lake.config.namespace
    handled = []
    for number, mode in enumerate(("truncate(16)", "none")):
        lake.sql(f"ALTER TABLE {{events}} SET TBLPROPERTIES ('write.metadata.metrics.default'='{mode}')")
        hive = folder / f"hive {number}"
        added = frame(lake.spark, USER_EVENTS, [event(f"of others {number}", "a", "2024-01-15 10:01:00")])
        added.drop("browser").write.partitionBy("date", "hour").parquet(str(hive))
        lake.sql(f"CALL iceberg.system.add_files('{lake.config.namespace}.user_events', '`parquet`.`{hive}`')")
        manifest = lake.run().manifest
        assert manifest is not None
        events = manifest["datasets"]["user_events"]
        handled.append((events["handling"], events["rows"], events["reason"]))
    assert handled == [
        ("rewritten", 1, "column 'browser' is not in all of the files"),
        ("passthrough", 1, "plain appends under the current schema"),
    ]
