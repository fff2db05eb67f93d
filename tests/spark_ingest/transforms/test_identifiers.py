"""Identifiers take one form in Spark too: the cases that all three implementations share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark_ingest.transforms.identifiers import canonical_id

CASES = Path(__file__).parents[2] / "reconcile" / "speed" / "identifier_cases.json"

pytestmark = pytest.mark.spark


def test_shared_cases(spark: SparkSession) -> None:
    cases = json.loads(CASES.read_text(encoding="utf-8"))
    values = spark.createDataFrame(
        [(number, case["value"]) for number, case in enumerate(cases)], "n int, value string"
    )
    found = {row.n: row.made for row in values.select("n", canonical_id(F.col("value")).alias("made")).collect()}
    assert {cases[n]["value"]: made for n, made in found.items()} == {c["value"]: c["canonical"] for c in cases}
    assert len(cases) > 10


def test_null_stays_null(spark: SparkSession) -> None:
    row = spark.range(1).select(canonical_id(F.lit(None).cast("string")).alias("made")).collect()[0]
    assert row.made is None
