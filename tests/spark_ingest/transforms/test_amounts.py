"""Amounts in documents: that all readers find the same, and that the parser is kept out of the events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark_ingest.lake.tables import USER_EVENTS
from spark_ingest.transforms import sessions as S
from spark_ingest.transforms.amounts import decided, with_amounts, with_parsed_amount
from tests.oracle.any_documents import documents
from tests.oracle.documents import read
from tests.spark_ingest.rows import frame, named, purchase

pytestmark = pytest.mark.spark


def amounts(spark: SparkSession, texts: Sequence[str | None]) -> list[tuple[Decimal | None, Decimal | None, bool]]:
    """Of each document the amount found, the one that the parser alone finds, and whether it was read at sight."""
    rows = [(number, "purchase", text) for number, text in enumerate(texts)]
    events = spark.createDataFrame(rows, "number int, event_type string, properties string")
    seen = with_amounts(events)
    found = {row.number: row for row in decided(seen).collect()}
    at_sight = {row.number for row in seen.filter("undecided IS NULL AND properties IS NOT NULL").collect()}
    parsed = {
        row.number: row.parsed
        for row in with_parsed_amount(events.withColumn("undecided", F.col("properties")), "parsed").collect()
    }
    return [(found[number].amount, parsed[number], number in at_sight) for number in range(len(texts))]


def test_both_readers_and_a_third_one_find_the_same_amount(spark: SparkSession) -> None:
    """The warehouse reads the same documents (tests/snowpark_procs/test_flag.py)."""
    texts = [None, *documents(3000)]
    found = dict(zip(texts, amounts(spark, texts), strict=True))
    rightly = {text: read(text).amount for text in texts}
    assert {text: amount for text, (amount, *_) in found.items()} == rightly
    assert {text: parsed for text, (_, parsed, _) in found.items()} == rightly


def test_what_is_read_at_sight(spark: SparkSession) -> None:
    plain = [
        '{"amount": 12.34}',
        '{"amount":"5","currency":"EUR"}',
        ' { "currency" : "EUR" , "items" : [ {"sku": "A", "tags": ["x", "y"], "n": 1} , {} ] , "amount" : -1e2 , "t": true } ',
        json.dumps({"note": "x" * 1_000_000, "list": list(range(100_000)), "amount": 1}),
    ]
    plain += ['{"note": "said \\"5\\" \\u00e4", "amount": 1}', "{}", '{"a": "b", "c": []}']
    parser = ['{"a": [[[[1]]]], "amount": 1}', r'{"\u0061": 1, "amount": 1}', '{"amount": 1, "amount": 2}', "{oops"]
    parser += ['{"amount": null}', r'{"a": "\x"}', '{"a": 1,}']
    found = [at_sight for *_, at_sight in amounts(spark, plain + parser)]
    assert found == [document in plain for document in plain + parser]


def test_sessions_with_documents_of_both_kinds(spark: SparkSession) -> None:
    texts = [
        '{"amount": 1.10}',
        '{"amount": -2, "a": [[[[]]]]}',
        '{"amount": -2, "a": [[[[]]]]}',
        "{oops",
        '{"amount": "x"}',
    ]
    rows = [purchase(str(n), "a", f"2024-01-15 10:00:0{n}", "0", properties=text) for n, text in enumerate(texts)]
    events = S.with_canonical_ids(S.session_events(frame(spark, USER_EVENTS, rows)))
    (unsettled,) = S.sessions(events).collect()
    assert unsettled.unsettled, "a document takes the parser"
    (session,) = S.exact_sessions(decided(events)).collect()
    expected: dict[str, Any] = {"total_spent": Decimal("-2.90"), "purchases": 5, "event_count": 5}
    expected |= {"negative_amounts": 2, "unparsable_amounts": 2, "session_id": named("session a")}
    assert {name: session[name] for name in expected} == expected


def test_no_event_passes_the_parser(spark: SparkSession) -> None:
    """Spark cannot compile its JSON functions: they must not stand in the plan that all events pass."""
    events = S.session_events(frame(spark, USER_EVENTS, [purchase("1", "a", "2024-01-15 10:00:00", "1")]))
    sessions = S.lone_groups(S.session_groups(events), 1)
    plans = [str(each._jdf.queryExecution().executedPlan().toString()) for each in (sessions, decided(events))]
    assert ["from_json" in plan for plan in plans] == [False, True]
