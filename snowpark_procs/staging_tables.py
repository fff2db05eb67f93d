"""The three staging tables: keys, columns and what the flag step needs to know about them."""

from __future__ import annotations

from dataclasses import dataclass

from snowpark_procs.identifiers import canonical


@dataclass(frozen=True)
class StagingTable:
    """One dataset's current rows.

    dataset: as in the manifest. rules: as in ops.quality_rules. statement: fills the table's delta. key: columns that
    identify a row; the first is never NULL in a row with a key. time: the column whose UTC date is the row's. identifiers:
    source columns brought to canonical form. flags: columns filled by rules. content: the other columns. extras: what
    predicates may use besides, as SQL for checking a predicate. inherits: the flags are those of the row's session; what the
    rules say of the row itself is in columns `own_<flag>`. previous: columns of the current row that its delta keeps.
    """

    dataset: str
    table: str
    rules: str
    statement: str
    key: tuple[str, ...]
    time: str
    identifiers: tuple[str, ...]
    flags: tuple[str, ...]
    content: tuple[str, ...]
    variants: tuple[str, ...]
    extras: str
    inherits: bool = False
    previous: tuple[str, ...] = ()

    @property
    def judged_flags(self) -> tuple[str, ...]:
        """The columns that hold what the rules say of the row itself."""
        return tuple(f"own_{flag}" for flag in self.flags) if self.inherits else self.flags

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns but processed_at, which the merge sets."""
        flags = dict.fromkeys((*self.flags, *self.judged_flags))
        return (*self.key, *self.content, *self.variants, *flags, "is_valid", "batch_id")

    def match(self, left: str, right: str) -> str:
        """The condition that two rows have the same key: further key columns may be NULL on both sides."""
        first, *others = self.key
        conditions = [f"{left}.{first} = {right}.{first}"]
        conditions += [f"EQUAL_NULL({left}.{column}, {right}.{column})" for column in others]
        return " AND ".join(conditions)

    def differs(self, left: str, right: str) -> str:
        """The condition that two rows of one key differ in content (not merely in the batch that brought them)."""
        conditions = [
            f"{left}.{column} IS DISTINCT FROM {right}.{column}"
            for column in (*self.content, *self.judged_flags, "is_valid")
        ]
        # VARIANT values are compared by their text.
        conditions += [f"TO_JSON({left}.{c}) IS DISTINCT FROM TO_JSON({right}.{c})" for c in self.variants]
        return "\n        OR ".join(conditions)

    def canonical_identifiers(self, source: str) -> dict[str, str]:
        return {column: canonical(f"{source}.{column}") for column in self.identifiers}


_VALIDATION = ("validation_errors", "validation_warnings")

EVENTS = StagingTable(
    dataset="user_events",
    table="events_cleaned",
    rules="events",
    statement="flag_events",
    key=("event_id",),
    time="timestamp",
    identifiers=("event_id", "user_id", "session_id", "transaction_id"),
    flags=("is_bot_traffic", "is_test_user"),
    content=(
        "user_id",
        "session_id",
        "event_type",
        "timestamp",
        "device_type",
        "browser",
        "ip_address",
        "page_url",
        "product_id",
        "search_query",
        "transaction_id",
        "user_tier",
    ),
    variants=("properties_parsed", *_VALIDATION),
    extras="NULL::STRING AS properties_text, NULL::TIMESTAMP_NTZ AS loaded_at",
    inherits=True,
    previous=("session_id",),
)

TRANSACTIONS = StagingTable(
    dataset="transactions",
    table="transactions_validated",
    rules="transactions",
    statement="flag_transactions",
    key=("transaction_id", "product_id"),
    time="created_at",
    identifiers=("transaction_id", "user_id"),
    flags=("is_test_user",),
    content=(
        "user_id",
        "quantity",
        "unit_price",
        "total_amount",
        "discount_amount",
        "tax_amount",
        "status",
        "payment_method",
        "user_tier",
        "created_at",
    ),
    variants=_VALIDATION,
    extras="NULL::STRING AS no_extras",
)

SESSIONS = StagingTable(
    dataset="user_sessions",
    table="user_sessions_enhanced",
    rules="sessions",
    statement="flag_sessions",
    key=("session_id",),
    time="session_start",
    identifiers=("session_id", "user_id"),
    flags=("is_bot_traffic", "is_test_user", "is_high_value_session", "is_bounce_session"),
    content=(
        "user_id",
        "user_tier",
        "session_start",
        "session_end",
        "session_duration_minutes",
        "page_views",
        "product_views",
        "searches",
        "add_to_cart_events",
        "purchases",
        "total_spent",
        "items_purchased",
        "avg_order_value",
        "device_type",
        "browser",
        "converted_to_purchase",
        "conversion_time_minutes",
        "first_purchase_at",
        "event_count",
        "distinct_ip_count",
        "requests_per_minute",
        "max_repeats",
    ),
    variants=_VALIDATION,
    extras="NULL::BOOLEAN AS has_bot_event, NULL::BOOLEAN AS has_test_event, NULL::NUMBER AS requests",
)

# Sessions last: their flags look at the batch's events.
STAGING_TABLES = (EVENTS, TRANSACTIONS, SESSIONS)
