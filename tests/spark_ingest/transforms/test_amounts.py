"""Amounts in documents: what they are, that both readers find the same, and that the parser is kept out of the events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark_ingest.lake.tables import USER_EVENTS
from spark_ingest.transforms import sessions as S
from spark_ingest.transforms.amounts import decided, with_amounts, with_parsed_amount
from tests.spark_ingest.rows import frame, named, purchase

pytestmark = pytest.mark.spark

_AMOUNTS: list[tuple[str | None, str | None]] = [
    ('{"amount": 12.345}', "12.35"),
    ('{"amount": "12.344"}', "12.34"),
    ('{"amount": -0.005}', "-0.01"),
    ('{"amount": 1.5e3}', "1500.00"),
    ('{"amount": 0}', "0.00"),
    ('{"other": 1, "amount": 7}', "7.00"),
    ('{"amount": "1,234.50"}', None),
    ('{"amount": "twelve"}', None),
    ('{"amount": "NaN"}', None),
    ('{"amount": NaN}', None),
    ('{"amount": 1e400}', None),
    ('{"amount": 1e18}', None),
    ('{"amount": "999999999999999999.99"}', "999999999999999999.99"),
    ('{"amount": "Infinity"}', None),
    ('{"amount": {"value": 5}}', None),
    ('{"nested": {"amount": 5}}', None),
    ('{"amount": [5]}', None),
    ('{"amount": ""}', None),
    ('{"amount": " 5 "}', None),
    ('{"amount": null}', None),
    ('{"amount": true}', None),
    ('{"amount": 5', None),
    ("{'amount': 5}", None),
    ('{"amount": 5} and more', None),
    (' {"amount": 5}\n', "5.00"),
    ('{"a": {"b": [1, {"amount": 9}]}, "amount": "3.10", "z": [], "y": {}, "x": [[], {}]}', "3.10"),
    ('{"a": [{"b": [1, 2]}], "amount": 3}', "3.00"),
    ('{"a": [1, {"b": {"c": {"d": [1]}}}], "amount": 3}', "3.00"),
    ('{"note": "said \\"amount\\": 9", "amount": 3}', "3.00"),
    ('{"note": "\U0001f6d2 \u00e4", "amount": 3.5}', "3.50"),
    ('{"amount": 3, "amount": 4}', "4.00"),
    ('{"amount": 3, "amount": "x"}', None),
    ('{"amount": 3, "amount": null}', None),
    ('{"amount": "x", "amount": 12345678901234567.895}', "12345678901234567.90"),
    ('{"amount": 12345678901234567.895, "amount": "1' + "0" * 40 + '"}', None),
    ('{"amount": NaN, "amount": 5}', None),
    ('{"amount": "007.10"}', "7.10"),
    ('{"amount": "1E-2"}', "0.01"),
    ('{"amount": "+5"}', None),
    ('{"amount": ".5"}', None),
    ('{"amount": "5."}', None),
    ('{"amount": "1_000"}', None),
    ('{"amount": "\u0663"}', None),
    ('{"amount": 3,}', None),
    ('{"a": [1,], "amount": 3}', None),
    ('{,"amount": 3}', None),
    ('{"amount": 007}', None),
    ('{"amount": 3 "a": 1}', None),
    ('{"amount": .5}', None),
    ('{"amount": +5}', None),
    ("{}", None),
    ('{"amount": 12345678901234567.895}', "12345678901234567.90"),
    ('{"amount": "1e-999999999"}', None),
    ("amount=5", None),
    ("", None),
    (None, None),
]


def amounts(spark: SparkSession, documents: Sequence[str | None]) -> list[tuple[Decimal | None, Decimal | None, bool]]:
    """Of each document the amount found, the one that the parser alone finds, and whether it was read at sight."""
    rows = [(number, "purchase", text) for number, text in enumerate(documents)]
    events = spark.createDataFrame(rows, "number int, event_type string, properties string")
    seen = with_amounts(events)
    found = {row.number: row for row in decided(seen).collect()}
    at_sight = {row.number for row in seen.filter("undecided IS NULL AND properties IS NOT NULL").collect()}
    parsed = {
        row.number: row.parsed
        for row in with_parsed_amount(events.withColumn("undecided", F.col("properties")), "parsed").collect()
    }
    return [(found[number].amount, parsed[number], number in at_sight) for number in range(len(documents))]


def test_amounts(spark: SparkSession) -> None:
    found = amounts(spark, [document for document, _ in _AMOUNTS])
    for (document, text), (amount, parsed, _) in zip(_AMOUNTS, found, strict=True):
        expected = None if text is None else Decimal(text)
        assert (document, amount, parsed) == (document, expected, expected)


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
    documents = plain + parser
    found = [at_sight for *_, at_sight in amounts(spark, documents)]
    assert found == [document in plain for document in documents]


_TEXTS = st.text(st.sampled_from('amount :,.[]{}"\\\n\t1e5-+é\U0001f6d2'), max_size=6)
_NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.decimals(-(10**9), 10**9, allow_nan=False, places=3).map(str),
    st.sampled_from(["0", "-0", "01", "1.", ".5", "1e5", "1E-3", "1e400", "+1", "NaN", "12345678901234567.895"]),
)
_SCALARS = st.one_of(_NUMBERS, _TEXTS.map(json.dumps), st.sampled_from(["true", "false", "null", "tru", "''"]))
_KEYS = st.one_of(st.sampled_from(['"amount"', '"a"', '"am\\u006funt"', "amount", '"amount "']), _TEXTS.map(json.dumps))
_SPACES = st.sampled_from(["", "", " ", "\n ", "\t", "\x0b"])


def _members(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.tuples(_KEYS, _SPACES, values, _SPACES).map(lambda parts: f"{parts[0]}{parts[1]}:{parts[3]}{parts[2]}")
    return st.tuples(st.lists(member, max_size=3), _SPACES).map(lambda parts: f"{{{(parts[1] + ',').join(parts[0])}}}")


_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(_members(inner), st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")),
    max_leaves=6,
)
_DOCUMENTS = st.one_of(
    _NUMBERS.map(lambda text: f'{{"amount": {text}}}'),
    _members(_VALUES),
    st.tuples(_members(_VALUES), st.integers(0, 20)).map(lambda cut: cut[0][: -cut[1]] if cut[1] else cut[0] + "}"),
)


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(documents=st.lists(_DOCUMENTS, min_size=150, max_size=400))
def test_both_readers_agree_on_any_document(spark: SparkSession, documents: list[str]) -> None:
    for document, (amount, parsed, _) in zip(documents, amounts(spark, documents), strict=True):
        assert (document, amount) == (document, parsed)


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
