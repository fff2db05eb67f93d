"""The histories are told apart by their metrics: every wrong definition below gives other numbers on them.

A definition that could be wrong unnoticed would prove nothing where the models agree with it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import duckdb
import pytest

from tests.oracle.compute import Delivery, Options, database
from tests.oracle.definitions import STEPS, TABLES

Content = Counter[tuple[Any, ...]]
_OWN_TIER = "CASE WHEN user_id IS NULL THEN {0}.user_tier ELSE user_tiers.user_tier END AS user_tier"
_ONE_TIER = """FROM (
    SELECT s.* REPLACE (coalesce(t.user_tier, s.user_tier) AS user_tier)
    FROM judged_sessions AS s LEFT JOIN user_tiers AS t USING (user_id, date)
)"""
# What is wrong -> the step or table, what stands there, what is put in its place.
_MUTANTS = {
    "a purchase event is an order": (
        "bought",
        "coalesce(transaction_id, 'event:' || event_id)",
        "'event:' || event_id",
    ),
    "an order ends at midnight": ("bought", "coalesce(transaction_id", "coalesce(transaction_id || date"),
    "an order ends with its session": ("bought", "coalesce(transaction_id", "coalesce(transaction_id || session_id"),
    "a purchase without number is no order": ("bought", "WHERE", "WHERE transaction_id IS NOT NULL AND"),
    "an order stands on its last purchase's date": ("orders", "utc_date(min(us))", "utc_date(max(us))"),
    "an order's user is that of its first purchase": ("orders", "FILTER (user_id IS NOT NULL)", ""),
    "an order's tier is that of its first purchase": ("orders", "FILTER (user_tier IS NOT NULL)", ""),
    "an order is cancelled with one of its lines": ("orders", "bool_and", "bool_or"),
    "a purchase has not the user of its session": (
        "counted_events",
        "coalesce(events.user_id, s.user_id)",
        "events.user_id",
    ),
    "a purchase has not the tier of its session": (
        "counted_events",
        "coalesce(events.user_tier, s.user_tier)",
        "events.user_tier",
    ),
    "a session's user is that of its first event": ("known_sessions", "FILTER (user_id IS NOT NULL)", ""),
    "a session's tier is that of its first event": ("known_sessions", "FILTER (user_tier IS NOT NULL)", ""),
    "a robot is told by its first event": (
        "known_sessions",
        "coalesce(bool_or(names_a_robot(browser)) FILTER (is_valid), false)",
        "names_a_robot(first(browser ORDER BY us, event_id))",
    ),
    "robots have a name": ("judged_sessions", "OR (requests", "OR false AND (requests"),
    "as fast as allowed is too fast": ("judged_sessions", "60000000 > {bot", "60000000 >= {bot"),
    "a few requests tell a robot": ("judged_sessions", "requests >= {bot_min_requests}", "true"),
    "a rate is told of a minute at least": ("judged_sessions", "end_us - us, 1000000)", "end_us - us, 60000000)"),
    "robots may repeat themselves": ("judged_sessions", "max_repeats, 0) > {bot_repeats}", "max_repeats, 0) > 1000"),
    "as often as allowed is too often": ("judged_sessions", "max_repeats, 0) >", "max_repeats, 0) >="),
    "a session stands on its last event's date": ("known_sessions", "utc_date(min(us))", "utc_date(max(us))"),
    "a session has no longest length": ("members", "QUALIFY", "QUALIFY true OR"),
    "the longest length is not part of it": ("members", "us <= min", "us < min"),
    "identifiers have several forms": ("events", "canonical(session_id) AS", "session_id AS"),
    "users have several forms": ("events", "canonical(user_id) AS", "nullif(user_id, '') AS"),
    "users of transactions have several forms": ("transaction_lines", "canonical(user_id)", "nullif(user_id, '')"),
    "a copy counts again": ("events", "QUALIFY", "QUALIFY true OR"),
    "a copy days away counts again": (
        "events",
        "PARTITION BY canonical(event_id)",
        "PARTITION BY canonical(event_id), us // 172800000000",
    ),
    "the newest copy counts": ("events", "us NULLS LAST", "delivery DESC"),
    "a copy without a session counts": ("events", "session_id IS NULL OR us IS NULL, us", "us"),
    "the latest copy counts": ("events", "us NULLS LAST", "us DESC"),
    "of copies of one moment the dearest counts": (
        "events",
        "THEN amount END NULLS FIRST",
        "THEN -amount END NULLS FIRST",
    ),
    "an empty tier is a tier": ("events", "nullif(user_tier, '')", "user_tier"),
    "an empty user is a user": ("events", "canonical(user_id) AS", "coalesce(canonical(user_id), user_id) AS"),
    "an empty product is a product": ("events", "nullif(product_id, '')", "product_id"),
    "an empty status is a status": ("transaction_lines", "nullif(status, '')", "status"),
    "an empty number is an order's": ("events", "canonical(transaction_id)", "transaction_id"),
    "invalid events count": ("counted_events", "events.is_valid", "true"),
    "invalid sessions count": ("judged_sessions", "plausible(us) AND total_spent >= 0 AS", "true AS"),
    "events of invalid sessions do not count": ("counted_events", "events.is_valid", "events.is_valid AND s.is_valid"),
    "events are judged one by one for robots": ("counted_events", "coalesce(s.is_bot, ", "coalesce(NULL, "),
    "events are judged one by one for tests": ("counted_events", "coalesce(s.is_test, ", "coalesce(NULL, "),
    "robots count": ("sessions", "NOT is_bot", "true"),
    "test users count": ("sessions", "NOT is_test", "true"),
    "test users' returns count": ("given_back", "names_a_test_user(t.user_id)", "false"),
    "returns in robots' sessions count": ("given_back", "coalesce(v.one_counts, true)", "true"),
    "a robot's session makes its user's returns a robot's": ("return_visits", "bool_or", "bool_and"),
    "a user's robots make his returns robots'": ("return_visits", "AND t.us BETWEEN s.us AND s.end_us", ""),
    "returns of orders that are left out count": (
        "given_back",
        "t.transaction_id IN (SELECT order_id FROM left_out_purchases)",
        "false",
    ),
    "what a status took off is taken off again": ("return_lines", "order_amount IS NULL", "true"),
    "each return may take off the whole order": ("return_lines", "sum(worth) OVER earlier", "0"),
    "returns of an order come in the order of their products": (
        "return_lines",
        "ORDER BY us, product_id NULLS FIRST",
        "ORDER BY product_id, us",
    ),
    "the first delivered row of a transaction stands": (
        "transaction_lines",
        "ORDER BY delivery DESC",
        "ORDER BY delivery",
    ),
    "negative prices count": ("transaction_lines", "AND coalesce(unit_price, 0) >= 0", ""),
    "statuses are told by their case": ("transaction_lines", "lower(status)", "status"),
    "quantities of events do not count": ("bought_lines", "coalesce(quantity, 1)", "1"),
    "quantities of transactions do not count": ("order_lines", "coalesce(t.quantity, line.counted)", "line.counted"),
    "a line's return is its transaction": ("order_lines", "AND coalesce(t.quantity, 0) >= 0", ""),
    "a line without product has no transaction": ("order_lines", "IS NOT DISTINCT FROM t.product_id", "= t.product_id"),
    "cancelled lines are worth something": ("order_lines", "WHEN is_cancelled THEN 0", ""),
    "tax is revenue": ("order_lines", "t.total_amount - coalesce(t.tax_amount, 0)", "t.total_amount"),
    "discounts are taken off twice": (
        "order_lines",
        "t.total_amount - ",
        "t.total_amount - coalesce(t.discount_amount, 0) - ",
    ),
    "the events' amount is what was paid": ("order_lines", "WHEN t.total_amount IS NOT NULL", "WHEN false"),
    "there are no returns": ("return_lines", "NOT is_left_out", "false"),
    "adjustments are returns": ("given_back", "AND t.status IS DISTINCT FROM 'adjustment'", ""),
    "a return gives back the total as it is written": ("given_back", "abs(", "("),
    "sessions keep their own tier": ("placed_sessions", _OWN_TIER.format("sessions"), "sessions.user_tier"),
    "orders keep their own tier": ("placed_orders", _OWN_TIER.format("orders"), "orders.user_tier"),
    "returns keep their own tier": ("placed_return_lines", _OWN_TIER.format("return_lines"), "return_lines.user_tier"),
    "a date's tier is that of the first session": ("user_tiers", "last(", "first("),
    "a date's tier is that of its last session, with one or without": ("user_tiers", "AND user_tier IS NOT NULL", ""),
    "an order's tier goes before a session's": ("user_tiers", "2, us, order_id", "4, us, order_id"),
    "a return's tier goes before an order's": ("user_tiers", "1, us, transaction_id", "2, us, transaction_id"),
    "a lifetime is one day's average": (
        "user_days",
        "OVER (PARTITION BY user_id ORDER BY date)::DECIMAL",
        "OVER (PARTITION BY user_id, date)::DECIMAL",
    ),
    "a lifetime has a whole history, later days too": ("user_days", "ORDER BY date", ""),
    "a date with sessions alone is not active": (
        "user_days",
        "SELECT user_id, date, 0 AS net, 'session' AS act FROM sessions",
        "SELECT NULL AS user_id, NULL::DATE AS date, 0 AS net, NULL AS act",
    ),
    "a date with returns alone is not active": ("user_days", "FROM return_lines", "FROM return_lines WHERE false"),
    "an order of the same date is an earlier one": ("buyers", "date > min", "date >= min"),
    "guests' revenue is revenue of users": (
        "marts.daily_metrics",
        "FILTER (user_id IS NOT NULL), 0) AS revenue_of_users",
        ", 0) AS revenue_of_users",
    ),
    "guests' orders are orders of buyers": (
        "marts.user_tier_analytics",
        "count(user_id) AS orders_of_users",
        "count(*) AS orders_of_users",
    ),
    "every buyer buys again": ("marts.user_tier_analytics", "orders >= 2", "orders >= 1"),
    "who buys at once bounces": ("marts.user_tier_analytics", "event_count = 1 AND purchases = 0", "event_count = 1"),
    "return lines are returns": ("marts.daily_totals", "count(DISTINCT transaction_id)", "count(*)"),
    "a view lasts without limit": ("marts.product_performance", "AND viewed <= {idle_us}", ""),
    "the limit of a view is none": ("marts.product_performance", "viewed <= {idle_us}", "viewed < {idle_us}"),
    "a view ends at midnight": (
        "marts.product_performance",
        "PARTITION BY session_id ORDER BY us",
        "PARTITION BY session_id, date ORDER BY us",
    ),
    "a view ends with the next event about a product": (
        "marts.product_performance",
        "FROM counted_events WHERE session_id IS NOT NULL",
        "FROM counted_events WHERE session_id IS NOT NULL AND product_id IS NOT NULL",
    ),
    "a view ends with its session": (
        "marts.product_performance",
        "FROM counted_events WHERE session_id",
        "FROM members WHERE session_id",
    ),
    "viewers are sessions": ("marts.product_performance", "count(DISTINCT own_user_id)", "count(DISTINCT session_id)"),
    "a product sells when it is bought, not with its order": (
        "marts.product_performance",
        "JOIN orders USING (order_id)",
        "JOIN (SELECT DISTINCT order_id, product_id, date FROM bought) USING (order_id, product_id)",
    ),
    "a price is that of a purchase": (
        "marts.product_performance",
        "units AS avg_selling_price__per",
        "purchases AS avg_selling_price__per",
    ),
    "what is compared leaves robots out": (
        "marts.daily_speed_comparable",
        "FROM judged_sessions",
        "FROM judged_sessions WHERE NOT is_bot",
    ),
    "what is compared leaves test users out": (
        "marts.daily_speed_comparable",
        "FROM judged_sessions",
        "FROM judged_sessions WHERE NOT is_test",
    ),
    "what is compared has one tier a user and date": (
        "marts.daily_speed_comparable",
        "FROM judged_sessions",
        _ONE_TIER,
    ),
}


@pytest.fixture(scope="module")
def right(rightly: duckdb.DuckDBPyConnection) -> dict[str, Content]:
    return {table: _content(rightly, query) for table, (_, query) in TABLES.items()}


@pytest.mark.parametrize("mutant", sorted(name for name, (what, *_) in _MUTANTS.items() if what in STEPS))
def test_a_wrong_word_gives_other_numbers(mutant: str, deliveries: list[Delivery], right: dict[str, Content]) -> None:
    step, definition, wrong = _MUTANTS[mutant]
    assert definition in STEPS[step]
    with database(deliveries, steps={**STEPS, step: STEPS[step].replace(definition, wrong)}) as connection:
        assert any(_content(connection, query) != right[table] for table, (_, query) in TABLES.items())


@pytest.mark.parametrize("mutant", sorted(name for name, (what, *_) in _MUTANTS.items() if what in TABLES))
def test_a_wrong_column_gives_other_numbers(
    mutant: str, rightly: duckdb.DuckDBPyConnection, right: dict[str, Content]
) -> None:
    table, definition, wrong = _MUTANTS[mutant]
    query = TABLES[table][1]
    assert definition in query
    assert _content(rightly, query.replace(definition, wrong)) != right[table]


def _content(connection: duckdb.DuckDBPyConnection, query: str) -> Content:
    return Counter(connection.execute(query.format(**Options().placeholders)).fetchall())
