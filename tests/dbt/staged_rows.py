"""Rows of STAGING as Python values, and the SQL that writes them. Only the columns that the marts read are set."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Event:
    """One row of staging.events_cleaned; amount and quantity are texts of properties, None for no such property."""

    event_id: str
    session_id: str | None
    event_type: str
    timestamp: datetime
    user_id: str | None = None
    product_id: str | None = None
    amount: str | None = None
    is_valid: bool = True
    user_tier: str | None = None
    transaction_id: str | None = None
    quantity: str | None = None
    is_bot: bool = False
    is_test_user: bool = False

    @property
    def date(self) -> date:
        return self.timestamp.date()


@dataclass(frozen=True)
class Session:
    """One row of staging.user_sessions_enhanced."""

    session_id: str
    session_start: datetime
    user_id: str | None = None
    user_tier: str | None = None
    page_views: int = 0
    product_views: int = 0
    searches: int = 0
    add_to_cart_events: int = 0
    purchases: int = 0
    total_spent: Decimal = Decimal(0)
    event_count: int = 1
    first_purchase_at: datetime | None = None
    is_valid: bool = True
    lasts: timedelta = timedelta(0)
    is_bot: bool = False
    is_test_user: bool = False

    @property
    def date(self) -> date:
        return self.session_start.date()

    @property
    def session_end(self) -> datetime:
        return self.session_start + self.lasts


@dataclass(frozen=True)
class Transaction:
    """One row of staging.transactions_validated."""

    transaction_id: str
    product_id: str | None
    created_at: datetime
    quantity: int | None = 1
    total_amount: Decimal | None = None
    discount_amount: Decimal | None = None
    tax_amount: Decimal | None = None
    status: str | None = None
    user_id: str | None = None
    user_tier: str | None = None
    is_valid: bool = True
    is_test_user: bool = False

    @property
    def key(self) -> tuple[str, str | None]:
        return self.transaction_id, self.product_id

    @property
    def date(self) -> date:
        return self.created_at.date()


SESSION_COLUMNS: dict[str, Callable[[Session], Any]] = {
    "session_id": lambda s: s.session_id,
    "user_id": lambda s: s.user_id,
    "user_tier": lambda s: s.user_tier,
    "session_start": lambda s: s.session_start,
    "session_end": lambda s: s.session_end,
    "session_duration_minutes": lambda s: Decimal(s.lasts // timedelta(microseconds=6000)).scaleb(-4),
    "page_views": lambda s: s.page_views,
    "product_views": lambda s: s.product_views,
    "searches": lambda s: s.searches,
    "add_to_cart_events": lambda s: s.add_to_cart_events,
    "purchases": lambda s: s.purchases,
    "total_spent": lambda s: s.total_spent,
    "event_count": lambda s: s.event_count,
    "converted_to_purchase": lambda s: s.purchases > 0,
    "first_purchase_at": lambda s: s.first_purchase_at,
    "is_bot_traffic": lambda s: s.is_bot,
    "is_test_user": lambda s: s.is_test_user,
    "is_bounce_session": lambda s: s.event_count == 1,
    "is_valid": lambda s: s.is_valid,
    "validation_errors": lambda s: [] if s.is_valid else ["broken"],
    "validation_warnings": lambda _: [],
}

EVENT_COLUMNS: dict[str, Callable[[Event], Any]] = {
    "event_id": lambda e: e.event_id,
    "session_id": lambda e: e.session_id,
    "user_id": lambda e: e.user_id,
    "event_type": lambda e: e.event_type,
    "timestamp": lambda e: e.timestamp,
    "product_id": lambda e: e.product_id,
    "user_tier": lambda e: e.user_tier,
    "transaction_id": lambda e: e.transaction_id,
    "properties_parsed": lambda e: {
        name: text for name, text in (("amount", e.amount), ("quantity", e.quantity)) if text is not None
    },
    "is_bot_traffic": lambda e: e.is_bot,
    "is_test_user": lambda e: e.is_test_user,
    "is_valid": lambda e: e.is_valid,
    "validation_errors": lambda e: [] if e.is_valid else ["broken"],
    "validation_warnings": lambda _: [],
}


TRANSACTION_COLUMNS: dict[str, Callable[[Transaction], Any]] = {
    "transaction_id": lambda t: t.transaction_id,
    "product_id": lambda t: t.product_id,
    "created_at": lambda t: t.created_at,
    "quantity": lambda t: t.quantity,
    "total_amount": lambda t: t.total_amount,
    "discount_amount": lambda t: t.discount_amount,
    "tax_amount": lambda t: t.tax_amount,
    "status": lambda t: t.status,
    "user_id": lambda t: t.user_id,
    "user_tier": lambda t: t.user_tier,
    "is_valid": lambda t: t.is_valid,
    "is_test_user": lambda t: t.is_test_user,
    "validation_errors": lambda t: [] if t.is_valid else ["broken"],
    "validation_warnings": lambda _: [],
}


def literal(value: Any) -> str:
    """A Snowflake literal; lists and dicts are JSON text, to be parsed where they are inserted."""
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).upper()
        case int() | Decimal():
            return str(value)
        case datetime():
            return f"'{value:%Y-%m-%d %H:%M:%S.%f}'"
        case date():
            return f"'{value}'"
        case list() | dict():
            return literal(json.dumps(value))
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


def insert_statements(table: str, columns: dict[str, Callable[[Any], Any]], rows: Sequence[Any]) -> Iterable[str]:
    """INSERTs of at most 200 rows."""
    for start in range(0, len(rows), 200):
        part = [[read(row) for read in columns.values()] for row in rows[start : start + 200]]
        variant = [any(isinstance(row[i], list | dict) for row in part) for i in range(len(columns))]
        selected = ", ".join(
            f"PARSE_JSON(column{i + 1})" if is_variant else f"column{i + 1}" for i, is_variant in enumerate(variant)
        )
        values = ", ".join("(" + ", ".join(map(literal, row)) + ")" for row in part)
        yield f"INSERT INTO {table} ({', '.join(columns)}) SELECT {selected} FROM VALUES {values}"
