"""ops.flag_quality on the local endpoint: what STAGING holds after batches in any order, and what it says has changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError

from tests.oracle.any_documents import documents
from tests.oracle.documents import read
from tests.snowpark_procs.batches import BatchOptions, Row, at, event, session, transaction
from tests.snowpark_procs.conftest import Warehouse

pytestmark = pytest.mark.integration

USER = "6f1c6d40-0000-4000-8000-000000000001"
A, B = "0f1c6d40-0000-4000-8000-00000000000a", "0f1c6d40-0000-4000-8000-00000000000b"
_DATES = "SELECT date FROM ops.date_changes WHERE dataset = 'user_sessions' ORDER BY change_id, date"


def published(hour: int, **options: Any) -> BatchOptions:
    return BatchOptions(published_at=f"2024-02-01T{hour:02}:00:00Z", **options)


def flag(warehouse: Warehouse) -> dict[str, Any]:
    warehouse.call("ops.load_pending()")
    return warehouse.call("ops.flag_quality()")


# What these tests' short identifiers, and purchases and transactions without each other, are warned of.
_OF_SHORT_ROWS = re.compile(r"malformed_\w+_id|purchase_without_transaction|orphan_transaction")


def codes(warehouse: Warehouse, table: str, key: str, column: str) -> dict[Any, list[str]]:
    """The codes that stand with each row, without those of _OF_SHORT_ROWS."""
    rows = warehouse.query(f"SELECT {key}, {column} FROM staging.{table}")
    return {key: [code for code in json.loads(found) if not _OF_SHORT_ROWS.fullmatch(code)] for key, found in rows}


def test_identifiers_flags_and_errors_of_events(warehouse: Warehouse) -> None:
    plain = A.replace("-", "").upper()
    rows = [
        event("{" + A.upper() + "}", plain, "2024-01-15 10:00:00"),
        event("urn:uuid:" + B, "s-1", "2024-01-15 10:00:00", browser="Googlebot/2.1"),
        event(None, "s-1", "2024-01-15 10:00:00"),
        event("e4", "s-1", "0001-01-01 00:00:00"),
        event("e5", "s-1", "2024-01-15 10:00:00", "purchase", properties='{"amount": "1,5"}', user_tier="vip"),
        event("g1", "s-1", "2024-01-15 10:00:00", "purchase", properties='{"amount": " 5 "}'),
        event("g2", "s-1", "2024-01-15 10:00:00", "purchase", properties='{"amount": " -5"}'),
        event("g3", "s-1", "2024-01-15 10:00:00", "purchase", properties='{"amount": 1e18}'),
        event("g4", "s-1", "2024-01-15 10:00:00", "purchase", properties='{"amount": "x", "amount": "-05.0"}'),
        event("e6", "s-1", "2024-01-15 10:00:00", "teleport", properties="{oops", user_id="TEST-7"),
        event("e7", None, "2024-01-15 10:00:00", properties='{"is_test": true}', user_id=None),
        event("e8", "s-1", "2099-12-31 23:59:59"),
        event("e9", "s-1", "1989-12-31 23:59:59.999999"),
        event("f1", "s-1", "1990-01-01 00:00:00"),
        event(
            "f2", "", "2024-01-15 10:00:00", user_id="", user_tier="", product_id="", transaction_id="", properties=None
        ),
    ]
    warehouse.publish(events=rows)
    flag(warehouse)
    errors = codes(warehouse, "events_cleaned", "event_id", "validation_errors")
    assert errors == {
        A: [],
        B: [],
        None: ["missing_event_id"],
        "e4": ["implausible_timestamp"],
        "e5": [],
        "g1": [],
        "g2": [],
        "g3": [],
        "g4": [],
        "e6": [],
        "e7": [],
        "e8": [],
        "e9": ["implausible_timestamp"],
        "f1": [],
        "f2": [],
    }
    warnings = codes(warehouse, "events_cleaned", "event_id", "validation_warnings")
    assert warnings["e5"] == ["unknown_user_tier", "unparsable_amount"]
    assert {name: warnings[name] for name in ("g1", "g2", "g3", "g4")} == {
        "g1": ["unparsable_amount"],
        "g2": ["unparsable_amount"],
        "g3": ["unparsable_amount"],
        "g4": ["negative_amount"],
    }
    assert warnings["e6"] == ["malformed_properties", "unknown_event_type"]
    assert warnings["e7"] == ["missing_session_id", "missing_user_id"]
    assert warnings["f2"] == ["missing_session_id", "missing_user_id"]
    assert warnings["e8"] == ["timestamp_in_the_future"]
    valid = warehouse.query("SELECT event_id FROM staging.events_cleaned WHERE NOT is_valid ORDER BY event_id")
    assert valid == [("e4",), ("e9",), (None,)]
    assert warehouse.query("SELECT event_id FROM staging.events_cleaned WHERE is_bot_traffic") == [(B,)]
    tests = warehouse.query("SELECT event_id FROM staging.events_cleaned WHERE is_test_user ORDER BY 1")
    assert tests == [("e6",), ("e7",)]
    assert warehouse.one(f"SELECT session_id FROM staging.events_cleaned WHERE event_id = '{A}'") == A
    no_values = "user_id, session_id, product_id, transaction_id, user_tier"
    assert warehouse.query(f"SELECT {no_values} FROM staging.events_cleaned WHERE event_id = 'f2'") == [(None,) * 5]


# A number of JSON that takes more digits than a double has, which the local endpoint rounds (docs/local-endpoint.md).
_LONG_FRACTION = re.compile(r'[^"\d.](?=[\d.]{18})\d+[.]\d')


def test_amounts_are_those_of_a_third_reader_in_any_document(warehouse: Warehouse) -> None:
    """The Spark job reads the same documents (tests/spark_ingest/transforms/test_amounts.py)."""
    texts = [text for text in documents(1000) if not _LONG_FRACTION.search(text)]
    moment = "2024-01-15 10:00:00"
    warehouse.publish(
        events=[event(f"{n}", A, moment, "purchase", properties=text) for n, text in enumerate(texts)],
    )
    flag(warehouse)
    found = warehouse.query(
        """SELECT event_id, IFF(ARRAY_CONTAINS('unparsable_amount'::VARIANT, validation_warnings), NULL,
            TRY_TO_DECIMAL(properties_parsed:amount::STRING, 20, 2)) FROM staging.events_cleaned"""
    )
    amounts = dict(found)
    assert {text: amounts[f"{n}"] for n, text in enumerate(texts)} == {text: read(text).amount for text in texts}


def found(warehouse: Warehouse, *codes: str) -> dict[str, set[str | None]]:
    """The keys of the rows that each rule found, in whatever dataset."""
    tables = (("events_cleaned", "event_id"), ("user_sessions_enhanced", "session_id"))
    staged = " UNION ALL ".join(
        f"SELECT {key} AS row_key, validation_warnings AS warnings FROM staging.{table}"
        for table, key in (*tables, ("transactions_validated", "transaction_id"))
    )
    rows = warehouse.query(
        f"SELECT f.value::STRING, row_key FROM ({staged}) AS staged, LATERAL FLATTEN(INPUT => warnings) AS f"
    )
    return {code: {key for each, key in rows if each == code} for code in codes}


def test_what_a_single_row_is_warned_of(warehouse: Warehouse) -> None:
    noon = "2024-01-15 12:00:00"
    urls = {
        "u1": "/p?q=a%20b#c",
        "u2": "https://shop.example:8443/a",
        "u3": "HTTPS://shop.example",
        "u4": "",
        "u5": "/a b",
        "u6": "shop.example/a",
        "u7": "http://",
        "u8": "javascript:alert(1)",
        "u9": None,
        "v1": "?page=2",
    }
    buys = {
        "b1": {"properties": '{"amount": 999999.99}', "transaction_id": A},
        "b2": {"properties": '{"amount": 1000000}', "transaction_id": "t-1"},
        "b3": {"properties": '{"amount": -1000000}', "transaction_id": ""},
        "b4": {"properties": '{"amount": null}'},
        "b5": {"properties": '{"amount": "ten"}'},
    }
    users = {"w1": "NULL", "w2": " undefined ", "w3": "00000000000000000000000000000000", "w4": A.upper(), "w5": None}
    rows = [event(name, A, noon, page_url=url) for name, url in urls.items()]
    rows += [event(name, A, noon, "purchase", **columns) for name, columns in buys.items()]
    rows += [event(name, "s-1", noon, user_id=user) for name, user in users.items()]
    lines = [
        transaction("t1", "p", noon, "999999.99", user_id="none"),
        transaction("t2", "p", noon, "1000000.00"),
        transaction("t3", "p", noon, "-1000000.00", unit_price=None),
    ]
    visits = [session("s1", noon, total_spent=Decimal("1000000.00"), distinct_ip_count=11), session(A, noon)]
    warehouse.publish(events=[*rows, event(A, A, noon)], transactions=lines, sessions=visits)
    flag(warehouse)
    purchases = {"b1", "b2", "b3", "b4", "b5"}
    assert found(
        warehouse, "malformed_page_url", "purchase_without_transaction", "missing_amount", "unparsable_amount", "absurd_amount",
        "placeholder_user_id", "malformed_user_id", "malformed_session_id", "malformed_transaction_id", "many_ip_addresses",
    ) == {
        "malformed_page_url": {"u5", "u6", "u7", "u8"},
        "purchase_without_transaction": purchases - {"b1", "b2"},
        "missing_amount": {"b4"},
        "unparsable_amount": {"b5"},
        "absurd_amount": {"b2", "b3", "t2", "t3", "s1"},
        "placeholder_user_id": {"w1", "w2", "w3", "t1"},
        "malformed_user_id": {"w1", "w2", "t1"},
        "malformed_session_id": {*users, "s1"},
        "malformed_transaction_id": {"b2", "t1", "t2", "t3"},
        "many_ip_addresses": {"s1"},
    }  # fmt: skip
    assert A not in found(warehouse, "malformed_event_id")["malformed_event_id"]
    assert warehouse.query("SELECT COUNT(*) FROM staging.events_cleaned WHERE NOT is_valid") == [(0,)]


def test_what_one_batch_brings_twice_is_said_of_the_row(warehouse: Warehouse) -> None:
    """In its own batch, not over batches: a later batch corrects a row."""
    noon = "2024-01-15 12:00:00"
    events = [event("{" + A + "}", "s", noon), event(A, "s", noon), event("e1", "s", noon), event(None, "s", noon)]
    lines = [transaction("t1", product, noon, "1.00") for product in ("p1", "p1", "p2", None)]
    warehouse.publish(name="1", events=[*events, event(None, "s", noon)], transactions=lines, options=published(1))
    flag(warehouse)
    twice = {"duplicated_event": {A}, "duplicated_line": {"t1"}}
    assert found(warehouse, *twice) == twice
    by_day = (
        "SELECT code, found, staged_rows FROM ops.quality_by_day WHERE date = '2024-01-15'"
        " AND (code LIKE 'duplicated%' OR code = 'is_test_user' AND dataset = 'transactions') ORDER BY 1"
    )
    assert warehouse.query(by_day) == [("duplicated_event", 1, 4), ("duplicated_line", 1, 3), ("is_test_user", 0, 3)]
    assert warehouse.query("SELECT product_id FROM staging.transactions_validated WHERE copies > 1") == [("p1",)]
    warehouse.publish(name="2", events=events[1:2], transactions=lines[:1], options=published(2))
    flag(warehouse)
    assert found(warehouse, *twice) == {code: set() for code in twice}


def test_a_line_is_an_orphan_while_no_purchase_is_near(warehouse: Warehouse) -> None:
    """Whichever comes first; a purchase that goes or moves leaves its line alone, and the dates of such lines are recorded."""
    lines = [
        transaction(name, "p", f"2024-01-{day:02} 00:30:00", "1.00", **columns)
        for name, day, columns in (
            *(("before", 14, {}), ("same", 15, {}), ("after", 16, {}), ("far", 17, {}), ("a sale", 15, {})),
            ("return", 15, {"quantity": -1}),
        )
    ]
    bought = [
        event(f"of {name}", "s", "2024-01-15 23:50:00", "purchase", transaction_id=name)
        for name in ("before", "same", "after", "far")
    ]
    viewed = event("viewed", "s", "2024-01-15 10:00:00", transaction_id="a sale")
    orphans = "orphan_transaction"
    dates = "SELECT date::STRING FROM ops.date_changes WHERE dataset = 'transactions' AND change_id = %s ORDER BY 1"
    warehouse.publish(name="1", transactions=lines[:4], options=published(1))
    flag(warehouse)
    assert found(warehouse, orphans) == {orphans: {"before", "same", "after", "far"}}
    warehouse.publish(name="2", events=[*bought, viewed], transactions=lines[4:], options=published(2))
    summary = flag(warehouse)["batches"][0]
    assert found(warehouse, orphans) == {orphans: {"far", "a sale"}}
    assert summary["transactions_rejudged"] == 3
    assert [row[0] for row in warehouse.query(dates, summary["change_id"])] == [
        "2024-01-14",
        "2024-01-15",
        "2024-01-16",
    ]
    moved = [
        {**bought[0], "event_type": "add_to_cart"},
        event("of same", "s", "2024-01-05 10:00:00", "purchase", transaction_id="same"),
        {**bought[2], "transaction_id": "a sale"},
    ]
    warehouse.publish(name="3", events=moved, transactions=lines[5:], options=published(3))
    summary = flag(warehouse)["batches"][0]
    assert found(warehouse, orphans) == {orphans: {"before", "same", "after", "far"}}
    assert summary["transactions_rejudged"] == 4


def test_sessions_are_counted_by_address_and_date(warehouse: Warehouse) -> None:
    """All of an address are named when it has too many, also those that came before, and none when one has gone elsewhere."""
    many = "many_sessions_from_address"
    shared = [event(f"e{n}", f"s{n}", f"2024-01-15 23:0{n}:00", ip_address="192.0.2.9") for n in range(3)]
    other = event("e9", "s9", "2024-01-16 00:10:00", ip_address="192.0.2.9")
    over_midnight = event("e10", "s2", "2024-01-16 00:20:00", ip_address="192.0.2.7")

    def visits(*names: str) -> list[Row]:
        return [session(name, f"2024-01-15 23:0{name[1]}:00") for name in names]

    warehouse.call("ops.set_threshold('sessions_per_address', 2)")
    try:
        parts: dict[str, Any] = {"events": [*shared[:2], other, over_midnight], "sessions": visits("s0", "s1", "s9")}
        warehouse.publish(name="1", options=published(1), **parts)
        flag(warehouse)
        assert found(warehouse, many) == {many: set()}
        third = {**session("s2", "2024-01-15 23:02:00"), "session_end": at("2024-01-16 00:20:00")}
        warehouse.publish(name="2", events=shared[2:], sessions=[third], options=published(2))
        flag(warehouse)
        assert found(warehouse, many) == {many: {"s0", "s1", "s2"}}
        elsewhere = {**shared[1], "ip_address": "192.0.2.8"}
        warehouse.publish(name="3", events=[elsewhere], options=published(3))
        flag(warehouse)
        assert found(warehouse, many) == {many: set()}
    finally:
        warehouse.call("ops.set_threshold('sessions_per_address', 1000)")


def test_a_session_is_as_long_as_the_loaded_manifests_say(warehouse: Warehouse) -> None:
    assert warehouse.one("SELECT max_session_hours FROM ops.session_limit") == 24
    long = {"session_end": at("2024-01-16 16:00:00"), "event_count": 2}
    hours = [session("s25", "2024-01-15 10:00:00", **long, session_duration_minutes=Decimal(25 * 60))]
    hours += [session("s30", "2024-01-15 10:00:00", **long, session_duration_minutes=Decimal(30 * 60))]
    hours += [session("s31", "2024-01-15 09:00:00", **long, session_duration_minutes=Decimal(31 * 60))]
    warehouse.publish(name="1", sessions=hours[:1], options=published(1))
    warehouse.publish(name="2", sessions=hours[1:], options=published(2, max_session_hours=30))
    warehouse.call("ops.load_pending()")
    assert warehouse.one("SELECT max_session_hours FROM ops.session_limit") == 30
    warehouse.call("ops.flag_quality()")
    errors = codes(warehouse, "user_sessions_enhanced", "session_id", "validation_errors")
    assert errors == {"s25": [], "s30": [], "s31": ["excessive_duration"]}


def test_flagging_again_changes_nothing(warehouse: Warehouse) -> None:
    batch_id = warehouse.publish(
        events=[event("e1", A, "2024-01-15 10:00:00")], sessions=[session(A, "2024-01-15 10:00:00")]
    )
    assert flag(warehouse)["flagged"] == 1
    before = warehouse.contents()
    assert warehouse.call("ops.flag_quality()") == {"flagged": 0, "batches": [], "rules_are_current": True}
    assert warehouse.call(f"ops.flag_quality('{batch_id}')")["batches"][0]["status"] == "already_flagged"
    assert warehouse.contents() == before


def test_a_late_batch_moves_a_session_and_names_both_dates(warehouse: Warehouse) -> None:
    warehouse.publish(name="1", sessions=[session(A, "2024-01-16 00:10:00")], options=published(1))
    flag(warehouse)
    moved = [session(A, "2024-01-15 23:50:00", event_count=2, page_views=2)]
    warehouse.publish(name="2", sessions=moved, options=published(2))
    flag(warehouse)
    assert warehouse.query("SELECT page_views FROM staging.user_sessions_enhanced") == [(2,)]
    assert warehouse.query(_DATES) == [(date(2024, 1, 16),), (date(2024, 1, 15),), (date(2024, 1, 16),)]
    assert warehouse.query("SELECT DISTINCT change_id FROM ops.date_changes ORDER BY 1") == [(1,), (2,)]


def test_a_session_within_a_day_of_the_known_one_replaces_it(warehouse: Warehouse) -> None:
    warehouse.publish(sessions=[session(A, "2024-01-15 10:00:00")], options=published(1))
    flag(warehouse)
    warehouse.publish(sessions=[session(A, "2024-01-16 10:00:00")], options=published(2))
    flag(warehouse)
    assert warehouse.query("SELECT session_start::DATE::STRING FROM staging.user_sessions_enhanced") == [
        ("2024-01-16",)
    ]


def test_a_backfill_may_move_a_session_to_a_later_day(warehouse: Warehouse) -> None:
    warehouse.publish(sessions=[session(A, "2024-01-15 10:00:00")], options=published(1))
    flag(warehouse)
    moved = published(2, scope={"user_sessions": "dates"}, affected_dates=["2024-01-15", "2024-02-20"])
    warehouse.publish(sessions=[session(A, "2024-02-20 10:00:00")], options=moved)
    flag(warehouse)
    assert warehouse.query("SELECT session_start::DATE::STRING FROM staging.user_sessions_enhanced") == [
        ("2024-02-20",)
    ]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_a_dataset_is_replaced_on_its_own_dates_alone(warehouse: Warehouse, order: tuple[int, ...]) -> None:
    """A batch may take the events of one day anew and bring transactions of many."""
    kept, gone = event("kept", A, "2024-01-20 10:00:00"), event("gone", A, "2024-01-15 10:00:00")
    lines = [transaction("t", "p", "2024-01-20 10:00:00", "1.00")]
    options = published(2, scope={"user_events": "dates"}, dates={"user_events": ["2024-01-15"]})
    ids = {1: warehouse.publish(events=[kept, gone], options=published(1)),
           2: warehouse.publish(transactions=lines, options=options)}  # fmt: skip
    warehouse.call("ops.load_pending()")
    for number in order:
        warehouse.call(f"ops.flag_quality('{ids[number]}')")
    assert warehouse.query("SELECT event_id FROM staging.events_cleaned") == [(kept["event_id"],)]


def test_rows_without_a_time_are_replaced_with_any_date(warehouse: Warehouse) -> None:
    """The Spark job brings all of them with each batch that takes dates anew."""
    gone, kept, nameless = (
        event(name, A, "2024-01-15 10:00:00") | {"timestamp": None} for name in ("gone", "kept", None)
    )
    options = published(2, scope={"user_events": "dates"}, dates={"user_events": ["2024-01-15"]})
    warehouse.publish(events=[gone, kept, nameless], options=published(1))
    warehouse.publish(events=[kept, nameless], options=options)
    flag(warehouse)
    held = "SELECT event_id, COUNT(*) FROM staging.events_cleaned GROUP BY 1 ORDER BY 1 NULLS FIRST"
    assert warehouse.query(held) == [(None, 1), (kept["event_id"], 1)]


def test_a_later_session_of_an_id_takes_the_place_of_one_whose_events_count_elsewhere(warehouse: Warehouse) -> None:
    """Of an identifier that comes back after the maximum length, the first part has only copies: an earlier one comes late."""
    copy, later = event("copied", A, "2024-01-15 10:00:00"), event("later", A, "2024-01-16 20:00:00")
    first = [session(A, "2024-01-15 10:00:00", event_count=1)]
    warehouse.publish(events=[copy, later], sessions=first, options=published(1))
    flag(warehouse)
    second = [session(A, "2024-01-16 20:00:00", event_count=1), session(B, "2024-01-15 09:00:00", event_count=1)]
    warehouse.publish(events=[event("copied", B, "2024-01-15 09:00:00")], sessions=second, options=published(2))
    flag(warehouse)
    held = "SELECT session_id, session_start::STRING, event_count FROM staging.user_sessions_enhanced ORDER BY 1"
    assert warehouse.query(held) == [(A, "2024-01-16 20:00:00.000", 1), (B, "2024-01-15 09:00:00.000", 1)]


def test_a_session_may_come_back_after_it_went(warehouse: Warehouse) -> None:
    warehouse.publish(sessions=[session(A, "2024-01-15 10:00:00")], options=published(1))
    flag(warehouse)
    warehouse.publish(sessions=[session(A, "2024-01-15 10:00:00", event_count=0)], options=published(2))
    summary = flag(warehouse)
    counts = {"rows": 0, "changed": 0, "removed": 1, "invalid": 0}
    assert summary["batches"][0]["datasets"]["user_sessions"] == counts
    assert warehouse.query("SELECT * FROM staging.user_sessions_enhanced") == []
    warehouse.publish(sessions=[session(A, "2024-01-15 11:00:00")], options=published(3))
    flag(warehouse)
    assert warehouse.query("SELECT event_count FROM staging.user_sessions_enhanced") == [(1,)]


def test_the_same_content_again_is_no_change(warehouse: Warehouse) -> None:
    warehouse.publish(name="1", sessions=[session(A, "2024-01-16 00:10:00")], options=published(1))
    flag(warehouse)
    warehouse.publish(name="2", sessions=[session(A, "2024-01-16 00:10:00")], options=published(2))
    summary = flag(warehouse)
    assert summary["batches"][0]["datasets"]["user_sessions"] == {"rows": 1, "changed": 0, "removed": 0, "invalid": 0}
    assert len(warehouse.query(_DATES)) == 1


def _told(session_id: str, amounts: dict[str, str], **columns: Any) -> tuple[list[Row], Row]:
    """The purchases of a session by the hour, and its row as the Spark job tells it of them."""
    bought = [
        event(f"e{hour}", session_id, f"{hour}:00:00", "purchase", properties=f'{{"amount": {amount}}}', **columns)
        for hour, amount in amounts.items()
    ]
    spent = {"purchases": len(bought), "total_spent": sum(map(Decimal, amounts.values())), "page_views": 0}
    times = {"session_end": bought[-1]["timestamp"], "first_purchase_at": bought[0]["timestamp"]}
    return bought, session(session_id, f"{min(amounts)}:00:00", event_count=len(bought), **spent, **times)


@pytest.mark.parametrize("order", [(1, 2, 3), (2, 3, 1)])
def test_a_copy_days_away_counts_in_one_session(warehouse: Warehouse, order: tuple[int, ...]) -> None:
    """The Spark job sees no other copy when it tells a session: of one with other events, which gets more, and of one without."""
    (early,), early_row = _told(A, {"2024-01-15 10": "1"})
    late, late_row = _told(B, {"2024-01-20 10": "10", "2024-01-20 11": "100"}, user_tier="silver")
    more, more_row = _told(
        B, {"2024-01-20 10": "10", "2024-01-20 11": "100", "2024-01-20 12": "10000"}, user_tier="silver"
    )
    (alone,), alone_row = _told("alone", {"2024-01-25 10": "1000"})
    for copy in (late[0], alone):
        copy |= {"event_id": early["event_id"], "user_id": None}
    parts = {1: ([early], [early_row]), 2: ([*late, alone], [late_row, alone_row]), 3: (more[2:], [more_row])}
    for hour, part in enumerate(order, 1):
        events, sessions = parts[part]
        warehouse.publish(events=events, sessions=sessions, options=published(hour))
        flag(warehouse)
    columns = "session_id, event_count, purchases, total_spent, user_tier, session_start, session_duration_minutes, is_recounted"
    start, other = (row["timestamp"].replace(tzinfo=None) for row in (early, late[1]))
    assert warehouse.query(f"SELECT {columns} FROM staging.user_sessions_enhanced ORDER BY total_spent") == [
        (A, 1, 1, Decimal("1.00"), "gold", start, Decimal("0.0000"), False),
        (B, 2, 2, Decimal("10100.00"), "silver", other, Decimal("60.0000"), True),
    ]


def _complete_day(rows: list[Row], hour: int, name: str, warehouse: Warehouse) -> str:
    options = published(hour, mode="backfill", scope={"user_sessions": "dates"}, affected_dates=["2024-01-15"])
    return warehouse.publish(name=name, sessions=rows, options=options)


def test_a_backfill_removes_what_no_longer_exists(warehouse: Warehouse) -> None:
    rows = [session(A, "2024-01-15 10:00:00"), session(B, "2024-01-15 11:00:00"), session("c", "2024-01-16 11:00:00")]
    warehouse.publish(name="1", sessions=rows, options=published(1))
    flag(warehouse)
    _complete_day([session(A, "2024-01-15 10:00:00")], 2, "2", warehouse)
    summary = flag(warehouse)
    assert summary["batches"][0]["datasets"]["user_sessions"]["removed"] == 1
    kept = warehouse.query("SELECT session_id FROM staging.user_sessions_enhanced ORDER BY 1")
    assert kept == [(A,), ("c",)]
    assert warehouse.query(_DATES)[-1] == (date(2024, 1, 15),)


def test_batches_flagged_out_of_order_end_the_same(warehouse: Warehouse) -> None:
    first = warehouse.publish(
        name="1",
        sessions=[
            session(A, "2024-01-15 10:00:00"),
            session(B, "2024-01-15 11:00:00"),
            session("c", "2024-01-16 11:00:00"),
        ],
        options=published(1),
    )
    second = _complete_day([session(A, "2024-01-15 10:00:00", page_views=5)], 2, "2", warehouse)
    for batch_id in (second, first):
        warehouse.call(f"ops.load_batch('{batch_id}')")
        warehouse.call(f"ops.flag_quality('{batch_id}')")
    rows = warehouse.query("SELECT session_id, page_views FROM staging.user_sessions_enhanced ORDER BY 1")
    assert rows == [(A, 5), ("c", 1)]


@pytest.mark.parametrize("dataset", ["events", "sessions", "transactions"])
def test_a_broken_rule_is_named_and_nothing_is_flagged(warehouse: Warehouse, dataset: str) -> None:
    """All other rules are asked before this one: none of them is blamed."""
    moment = "2024-01-15 10:00:00"
    warehouse.publish(
        events=[event(A, A, moment)],
        transactions=[transaction(A, "p", moment, "1.00")],
        sessions=[session(A, moment)],
    )
    warehouse.call("ops.load_pending()")
    warehouse.query(
        "INSERT INTO ops.quality_rules (dataset, code, severity, predicate, description, enabled) "
        f"VALUES ('{dataset}', 'zz_broken', 'error', 'no_such_column > 1', 'x', TRUE)"
    )
    try:
        with pytest.raises(ProgrammingError, match=rf"Quality rule {dataset}\.zz_broken: the predicate fails"):
            warehouse.call("ops.flag_quality()")
    finally:
        warehouse.query("DELETE FROM ops.quality_rules WHERE code = 'zz_broken'")
    assert warehouse.counts()["staging.user_sessions_enhanced"] == 0
    assert warehouse.call("ops.flag_quality()")["flagged"] == 1


def test_an_unloaded_batch_cannot_be_flagged(warehouse: Warehouse) -> None:
    with pytest.raises(ProgrammingError, match="is not loaded"):
        warehouse.call(f"ops.flag_quality('{A}')")


# One batch of several tests' rows ----------------------------------------------------------------------------------------

_NOON = "2024-01-15 10:00:00"
_EMPTY_LINES = [
    transaction("t1", "", _NOON, "1.00", user_id="", user_tier=""),
    transaction("t1", None, _NOON, "1.00", user_id="", user_tier=""),
]
_EMPTY_SESSIONS = [session("s1", _NOON, user_id="", user_tier=""), session("", _NOON)]


def _paid(name: str, total: str, discount: str | None, tax: str | None, quantity: int = 2) -> Row:
    money = {"discount_amount": discount and Decimal(discount), "tax_amount": tax and Decimal(tax)}
    columns: dict[str, Any] = {**money, "quantity": quantity, "total_amount": Decimal(total)}
    return transaction(name, "p", _NOON, "10.00", **columns)


_PAID = [
    _paid("tax_added", "22.80", "1.00", "3.80"),
    _paid("tax_contained", "19.00", "1.00", "3.80"),
    _paid("neither", "20.90", "1.00", "3.80"),
    _paid("discount_forgotten", "20.00", "1.00", "0.00"),
    _paid("nothing_but_a_price", "20.00", None, None),
    _paid("a_cent_off", "20.01", None, None),
    _paid("two_cents_off", "20.02", None, None),
    _paid("returned", "-22.00", None, "-2.00", -2),
]
_BOUNCES = [
    session("came", _NOON),
    session("bought", _NOON, purchases=1, page_views=0),
    session("stayed", _NOON, event_count=2, page_views=2),
]
_ENHANCED = [
    session(
        A,
        _NOON,
        session_end=at("2024-01-15 10:40:00"),
        session_duration_minutes=Decimal("40.0000"),
        purchases=3,
        total_spent=Decimal("500.00"),
        first_purchase_at=at("2024-01-15 10:00:50.49898"),
        event_count=9,
    ),
    session(B, _NOON, total_spent=Decimal("-0.01"), purchases=1),
]


@pytest.fixture(scope="module")
def one_batch(module_warehouse: Warehouse) -> Iterator[Warehouse]:
    """A warehouse with one batch, flagged."""
    module_warehouse.reset()
    module_warehouse.publish(
        events=[event("e1", B, _NOON, properties='{"is_test": "true"}'), event("e2", B, _NOON, "")],
        transactions=[*_EMPTY_LINES, *_PAID],
        sessions=[*_EMPTY_SESSIONS, *_BOUNCES, *_ENHANCED],
    )
    flag(module_warehouse)
    yield module_warehouse
    module_warehouse.reset()


def test_an_empty_string_is_no_value(one_batch: Warehouse) -> None:
    """Of a line without a product there is one, whether the product is empty or NULL."""
    line = "SELECT transaction_id, product_id, user_id, user_tier FROM staging.transactions_validated"
    assert one_batch.query(f"{line} WHERE transaction_id = 't1'") == [("t1", None, None, None)]
    warnings = codes(one_batch, "transactions_validated", "transaction_id", "validation_warnings")
    assert warnings["t1"] == ["duplicated_line", "missing_product_id", "missing_user_id"]
    visits = "SELECT session_id, user_id, user_tier FROM staging.user_sessions_enhanced"
    empty = f"{visits} WHERE session_id IS NULL OR session_id IN ('', 's1') ORDER BY session_id"
    assert one_batch.query(empty) == [("s1", None, None), (None, USER, "gold")]
    assert codes(one_batch, "user_sessions_enhanced", "session_id", "validation_warnings")["s1"] == ["missing_user_id"]
    assert codes(one_batch, "events_cleaned", "event_id", "validation_errors")["e2"] == ["missing_event_type"]


def test_what_was_paid_is_the_price_with_the_tax_added_or_contained(one_batch: Warehouse) -> None:
    warnings = codes(one_batch, "transactions_validated", "transaction_id", "validation_warnings")
    assert {name for name, found in warnings.items() if "total_differs" in found} == {
        "neither",
        "discount_forgotten",
        "two_cents_off",
    }


def test_a_bounce_is_one_event_that_is_no_purchase(one_batch: Warehouse) -> None:
    bounced = "SELECT session_id FROM staging.user_sessions_enhanced WHERE is_bounce_session"
    assert one_batch.query(f"{bounced} AND session_id IN ('came', 'bought', 'stayed')") == [("came",)]


def test_enhanced_session_columns(one_batch: Warehouse) -> None:
    columns = (
        "avg_order_value, conversion_time_minutes, is_high_value_session, is_bounce_session, is_test_user, is_valid"
    )
    kept = f"SELECT {columns} FROM staging.user_sessions_enhanced WHERE session_id IN ('{A}', '{B}')"
    assert one_batch.query(f"{kept} ORDER BY session_id") == [
        (Decimal("166.67"), Decimal("0.8416"), True, False, False, True),
        (Decimal("-0.01"), None, False, False, True, False),
    ]


# Three batches of several tests' rows, which share neither identifiers nor dates, flagged in any order -----------------------


def _bought(time: str, amount: str, session_id: str | None = A, **columns: Any) -> Row:
    return event("e", session_id, time, "purchase", properties=f'{{"amount": {amount}}}', **columns)


# Copies of one event, the one that counts first, and its amount: the one that the Spark job takes (tests/oracle).
_COPIES = (
    (_bought("2024-01-15 10:00:00", "9"), _bought("2024-01-15 10:00:01", "1"), "9"),
    (_bought("2024-01-15 10:00:01", "9"), _bought("2024-01-15 10:00:00", "1", session_id=None), "9"),
    (_bought("2024-01-15 10:00:00", "9"), _bought("2024-01-15 10:00:00", "10"), "9"),
    (_bought("2024-01-15 10:00:00", '"x"'), _bought("2024-01-15 10:00:00", "1"), "x"),
    (_bought("2024-01-15 10:00:00", "1", product_id="p"), _bought("2024-01-15 10:00:00", "1.00", product_id="q"), "1"),
)

BACK, TWICE, ONCE, AGAIN = (f"0f1c6d40-0000-4000-8000-0000000000b{number}" for number in range(4))
_SPENT = {"total_spent": Decimal("5.00"), "purchases": 1}
_EMPTIED = {"event_count": 0, "page_views": 0}
_EVENTS = {
    1: [event("e1", AGAIN, "2022-03-01 10:00:00"), event("e2", AGAIN, "2022-03-01 10:00:00")],
    2: [event("e1", AGAIN, "2022-06-15 10:00:00"), event("e3", AGAIN, "2022-06-15 10:00:00")],
    3: [],
}
_LINES = {
    1: [transaction("t1", None, "2022-03-01 10:00:00", "1.00")],
    2: [transaction("t1", "", "2022-06-15 10:00:00", "2.00")],
    3: [],
}
_SESSIONS = {
    1: [
        session(BACK, "2024-01-15 10:00:00", session_end=at("2024-01-15 23:00:00"), **_SPENT),
        session(TWICE, "2024-02-20 10:00:00"),
        session(ONCE, "2024-01-15 10:00:00"),
        session(A, "2024-03-15 10:00:00"),
        session(B, "2024-03-15 10:00:00"),
    ],
    2: [
        session(BACK, "2024-02-20 10:00:00"),
        session(ONCE, "2024-02-20 10:00:00"),
        session(TWICE, "2024-01-15 10:00:00", session_end=at("2024-01-15 23:00:00"), **_SPENT),
        session(A, "2024-03-15 10:00:00", **_EMPTIED),
        session(B, "2024-04-20 10:00:00", **_EMPTIED),
    ],
    3: [
        *(
            session(name, "2024-01-15 09:00:00", session_end=at("2024-01-15 23:00:00"), event_count=3, **_SPENT)
            for name in (BACK, TWICE)
        ),
        session("other", "2024-03-15 09:00:00"),
    ],
}


@dataclass(frozen=True)
class Flagged:
    """Hold a warehouse where three batches were flagged in an order. ids: of the batches by number."""

    warehouse: Warehouse
    order: tuple[int, ...]
    ids: dict[int, str]


_ORDERS = {"one by one": (1, 2, 3), **{str(order): order for order in ((1, 2, 3), (3, 2, 1), (2, 1, 3), (2, 3, 1))}}


@pytest.fixture(scope="module", params=_ORDERS)
def in_any_order(module_warehouse: Warehouse, request: pytest.FixtureRequest) -> Iterator[Flagged]:
    """Three batches that are loaded together and flagged in an order, or each loaded and flagged as it comes."""
    module_warehouse.reset()
    order = _ORDERS[request.param]
    copies, sold = _copies()
    ids = {}
    for number in (1, 2, 3):
        ids[number] = module_warehouse.publish(
            events=[*_EVENTS[number], *copies[number]],
            transactions=[*_LINES[number], *sold[number]],
            sessions=_SESSIONS[number],
            options=published(number),
        )
        if request.param == "one by one":
            flag(module_warehouse)
    if request.param != "one by one":
        module_warehouse.call("ops.load_pending()")
        for number in order:
            module_warehouse.call(f"ops.flag_quality('{ids[number]}')")
    yield Flagged(module_warehouse, order, ids)
    module_warehouse.reset()


def test_a_row_sent_again_with_another_date(in_any_order: Flagged) -> None:
    """The earliest copy of an event counts, the newest row of a transaction line, whatever lies between the dates.

    A row is found by its key, only what is compared is bounded by dates.
    """
    warehouse, ids = in_any_order.warehouse, in_any_order.ids
    order = [number for number in in_any_order.order if number != 3]
    days = (
        f"SELECT event_id, timestamp::DATE::STRING FROM staging.events_cleaned WHERE session_id = '{AGAIN}' ORDER BY 1"
    )
    assert warehouse.query(days) == [("e1", "2022-03-01"), ("e2", "2022-03-01"), ("e3", "2022-06-15")]
    total = "SELECT total_amount FROM staging.transactions_validated WHERE transaction_id = 't1'"
    assert warehouse.query(total) == [(Decimal("2.00"),)]
    changed = (
        "SELECT date FROM ops.date_changes WHERE dataset = %s AND batch_id = %s AND date < '2023-01-01' ORDER BY 1"
    )
    both = [(date(2022, 3, 1),), (date(2022, 6, 15),)]
    found = {name: [warehouse.query(changed, name, ids[n]) for n in order] for name in ("user_events", "transactions")}
    assert found == {
        "user_events": [both[:1], both[1:]] if order == [1, 2] else [both[1:], both],
        "transactions": [both[:1], both] if order == [1, 2] else [both[1:], []],
    }


@pytest.mark.parametrize("session_id", [BACK, TWICE], ids=["the older comes first", "the newer comes first"])
def test_an_identifier_that_comes_back_later_does_not_replace_the_session(
    in_any_order: Flagged, session_id: str
) -> None:
    """The maximum session length is 24 h: what comes after it is no part of the session, in whatever order it is flagged."""
    kept = "SELECT session_start, total_spent, event_count FROM staging.user_sessions_enhanced WHERE session_id = %s"
    assert in_any_order.warehouse.query(kept, session_id) == [
        (at("2024-01-15 09:00:00").replace(tzinfo=None), Decimal("5.00"), 3)
    ]
    loaded = "SELECT COUNT(*) FROM raw.user_sessions WHERE session_id = %s"
    assert in_any_order.warehouse.query(loaded, session_id) == [(3,)]


def test_an_identifier_that_comes_back_flagged_out_of_order(in_any_order: Flagged) -> None:
    start = "SELECT session_start::DATE::STRING FROM staging.user_sessions_enhanced WHERE session_id = %s"
    assert in_any_order.warehouse.query(start, ONCE) == [("2024-01-15",)]


def test_a_session_whose_events_count_elsewhere_goes(in_any_order: Flagged) -> None:
    """The second batch says that a session is no more, and that another one has lost all that it had on a later day."""
    warehouse, ids = in_any_order.warehouse, in_any_order.ids
    kept = (
        "SELECT session_id, event_count, batch_id FROM staging.user_sessions_enhanced"
        f" WHERE session_id IN ('{A}', '{B}', 'other') ORDER BY 1"
    )
    assert warehouse.query(kept) == [(B, 1, ids[1]), ("other", 1, ids[3])]
    days = {day for (day,) in warehouse.query(_DATES) if day >= date(2024, 3, 1)}
    assert days == {date(2024, 3, 15)}


def test_of_copies_of_an_event_one_counts_however_they_come(in_any_order: Flagged) -> None:
    """Both in one batch, the one that counts first or last; then their date is taken anew, and has one of them no more."""
    warehouse = in_any_order.warehouse
    expected = [
        (f"{number} {way}", counts["timestamp"].replace(tzinfo=None), counts.get("product_id"), amount)
        for number, (counts, _, amount) in enumerate(_COPIES)
        for way in _WAYS
    ]
    kept = "SELECT event_id, timestamp, product_id, properties_parsed:amount::STRING FROM staging.events_cleaned"
    assert warehouse.query(f"{kept} WHERE session_id = '{A}' ORDER BY 1") == expected
    lines = "SELECT SUM(total_amount) FROM staging.transactions_validated WHERE transaction_id = 't2'"
    assert warehouse.one(lines) == Decimal("3.00")
    options = published(4, scope={"user_events": "dates"}, dates={"user_events": ["2024-01-15"]})
    warehouse.publish(events=[event("0 first", A, "2024-01-16 10:00:00")], options=options)
    flag(warehouse)
    days = "SELECT timestamp::DATE FROM staging.events_cleaned WHERE timestamp >= '2023-01-01'"
    assert warehouse.query(days) == [(date(2024, 1, 16),)]


_WAYS = {"first": (1, 2), "last": (2, 1), "together": (2, 2)}


def _copies() -> tuple[dict[int, list[Row]], dict[int, list[Row]]]:
    """The copies of events by batch, and lines of which the first batch brings one twice."""
    events: dict[int, list[Row]] = {1: [], 2: [], 3: []}
    for number, (counts, other, _) in enumerate(_COPIES):
        for way, batches in _WAYS.items():
            for row, batch in zip((counts, other), batches, strict=True):
                events[batch].append(row | {"event_id": f"{number} {way}"})
    lines = [transaction("t2", f"p{number}", "2024-01-15 10:00:00", f"{number}.00") for number in (1, 2)]
    return events, {1: [*lines, lines[0]], 2: [], 3: []}
