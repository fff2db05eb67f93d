"""A small fixed week with what real ones have: guests, no tier, an unknown tier, invalid rows, views over midnight."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal

from tests.dbt.staged_rows import Event, Session, Transaction

FIRST_DAY = datetime(2024, 1, 15)
TIERS = (None, "bronze", "silver", "gold", "platinum", "unknown")
AMOUNTS = ("19.99", "0.005", "1e2", "12,50", None, "7", "abc", "1249.50")
KINDS = ("page_view", "product_view", "product_view", "search", "add_to_cart", "purchase")


def sessions(seed: int = 7, count: int = 90) -> list[Session]:
    """Sessions of seven days; about one in ten is not valid, about one in five has no user."""
    source = random.Random(seed)
    made = []
    for number in range(count):
        purchases = source.choice((0, 0, 0, 1, 1, 2, 3))
        start = FIRST_DAY + timedelta(microseconds=source.randrange(7 * 86_400_000_000))
        made.append(
            Session(
                session_id=f"s{number}",
                session_start=start,
                first_purchase_at=start + timedelta(microseconds=source.randrange(36 * 10**8)) if purchases else None,
                user_id=source.choice((None, *(f"u{n}" for n in range(5)))),
                user_tier=source.choice(TIERS),
                lasts=timedelta(microseconds=source.randrange(86_400_000_000)),
                page_views=source.randrange(9),
                product_views=source.randrange(4),
                searches=source.randrange(3),
                add_to_cart_events=source.randrange(4),
                purchases=purchases,
                total_spent=Decimal(source.randrange(1, 99_999)).scaleb(-2) if purchases else Decimal(0),
                event_count=source.randrange(1, 20),
                is_valid=source.random() < 0.9,
                is_bot=source.random() < 0.1,
                is_test_user=source.random() < 0.1,
            )
        )
    return made


def events(seed: int = 7, count: int = 300) -> list[Event]:
    """Events of seven days in 40 sessions, every fourth within a minute of midnight."""
    source = random.Random(seed)
    made = []
    for number in range(count):
        moment = FIRST_DAY + timedelta(microseconds=source.randrange(7 * 86_400_000_000))
        if number % 4 == 0:
            moment = moment.replace(hour=23, minute=59) + timedelta(seconds=source.randrange(60))
        made.append(
            Event(
                event_id=f"e{number}",
                session_id=source.choice((None, *(f"s{n}" for n in range(40)))),
                event_type=source.choice(KINDS),
                timestamp=moment,
                user_id=source.choice((None, *(f"u{n}" for n in range(5)))),
                product_id=source.choice((None, "p1", "p2", "p3")),
                amount=source.choice(AMOUNTS),
                is_valid=source.random() < 0.9,
                user_tier=source.choice(TIERS),
                transaction_id=source.choice((None, *(f"t{n}" for n in range(25)))),
                quantity=source.choice((None, "2", "03", "0", "1.5", "many")),
                is_bot=source.random() < 0.1,
                is_test_user=source.random() < 0.05,
            )
        )
    return made


def transactions(seed: int = 7) -> list[Transaction]:
    """Lines of the events' transactions and of others: cancelled, returned, adjusted, without quantity or total."""
    source = random.Random(seed)
    made = []
    for number in range(30):
        for product in source.sample((None, "p1", "p2", "p3"), 2):
            made.append(
                Transaction(
                    transaction_id=f"t{number}",
                    product_id=product,
                    created_at=FIRST_DAY + timedelta(microseconds=source.randrange(7 * 86_400_000_000)),
                    quantity=source.choice((None, 0, 1, 3, -2)),
                    total_amount=source.choice((None, Decimal("19.99"), Decimal("-3.50"), Decimal("120.05"))),
                    tax_amount=source.choice((None, Decimal("0.49"))),
                    status=source.choice((None, "completed", "Cancelled", "adjustment", "returned")),
                    user_id=source.choice((None, *(f"u{n}" for n in range(5)))),
                    user_tier=source.choice(TIERS),
                    is_valid=source.random() < 0.9,
                    is_test_user=source.random() < 0.1,
                )
            )
    return made
