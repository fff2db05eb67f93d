"""The shop's orders for the purchases of a week: lines with discount and tax, some cancelled, some returned later."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from local_stack.demo.week import DAYS, FIRST_DAY, Event, Week

_CENT = Decimal("0.01")
_TAX, _DISCOUNT = Decimal("0.19"), Decimal("0.10")
_LAST_DAY = FIRST_DAY + timedelta(days=DAYS - 1)
_PAYMENTS = ("card", "paypal", "invoice")


@dataclass(frozen=True)
class Line:
    """One row of the lake's transactions: an article of an order, or of a return. Times are UTC."""

    transaction_id: str
    user_id: str | None
    product_id: str
    quantity: int
    unit_price: Decimal
    total_amount: Decimal
    discount_amount: Decimal
    tax_amount: Decimal
    status: str
    payment_method: str
    user_tier: str | None
    created_at: datetime

    def row(self) -> dict[str, Any]:
        """The lake's columns, with the partition column date."""
        return {**{field.name: getattr(self, field.name) for field in fields(self)}, "date": self.created_at.date()}


def transactions(week: Week, seed: int) -> tuple[list[Line], list[Line]]:
    """The lines of the two deliveries, on time and late. The same arguments give the same lines.

    A line comes with the first of its purchases, and again with one that comes later; a return comes with its line.
    """
    rng = random.Random(f"orders {seed}")
    purchases: dict[tuple[str | None, str | None], list[Event]] = {}
    for event in week.distinct:
        if event.event_type == "purchase":
            purchases.setdefault((event.transaction_id, event.product_id), []).append(event)
    cancelled = {order for order in dict.fromkeys(order for order, _ in purchases) if rng.random() < 0.06}
    lines: dict[tuple[str | None, str | None], list[Line]] = {}
    for key, bought in purchases.items():
        line = _line(rng, bought, key[0] in cancelled)
        lines[key] = [line, *_return(rng, line)]
    on_time, late = _keys(week.on_time), _keys(week.late)
    return [line for key in lines if key in on_time for line in lines[key]], [
        line for key in lines if key in late for line in lines[key]
    ]


def _keys(events: Iterable[Event]) -> set[tuple[str | None, str | None]]:
    return {(event.transaction_id, event.product_id) for event in events if event.event_type == "purchase"}


def _line(rng: random.Random, bought: list[Event], is_cancelled: bool) -> Line:
    """The line of the purchases of one article in one order; some lines are cancelled alone."""
    first = min(bought, key=lambda event: (event.timestamp, event.event_id))
    quantity = sum(event.quantity for event in bought)
    gross = quantity * first.unit_price
    discount = _cents(gross * _DISCOUNT) if rng.random() < 0.15 else Decimal("0.00")
    tax = _cents((gross - discount) * _TAX)
    alone = rng.random() < 0.02
    return Line(
        transaction_id=first.transaction_id or "",
        user_id=first.user_id,
        product_id=first.product_id or "",
        quantity=quantity,
        unit_price=first.unit_price,
        total_amount=gross - discount + tax,
        discount_amount=discount,
        tax_amount=tax,
        status="cancelled" if is_cancelled or alone else "completed",
        payment_method=rng.choice(_PAYMENTS),
        user_tier=first.user_tier,
        created_at=first.timestamp,
    )


def _return(rng: random.Random, line: Line) -> list[Line]:
    """What comes back of a line some days later, within the week: a negative quantity under an id of its own, or nothing."""
    at = line.created_at + timedelta(days=rng.randrange(1, 5), seconds=rng.randrange(3_600))
    identifier, chance = str(uuid.UUID(int=rng.getrandbits(128), version=4)), rng.random()
    if line.status == "cancelled" or chance >= 0.08 or at.date() > _LAST_DAY:
        return []
    units = rng.randrange(1, line.quantity + 1)
    # The discount that was given is kept: the money that comes back is the part that was paid.
    gross, discount = -units * line.unit_price, -_cents(line.discount_amount * units / line.quantity)
    tax = _cents((gross - discount) * _TAX)
    returned = replace(
        line,
        transaction_id=identifier,
        quantity=-units,
        total_amount=gross - discount + tax,
        discount_amount=discount,
        tax_amount=tax,
        status="returned",
        created_at=at,
    )
    return [returned]


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)
