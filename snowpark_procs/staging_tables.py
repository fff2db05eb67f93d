"""The three staging tables: keys, columns and what the flag step needs to know about them."""

from __future__ import annotations

from collections.abc import Mapping
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
    carried: columns that come with a row and are none of its content.
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
    carried: tuple[str, ...] = ()

    @property
    def judged_flags(self) -> tuple[str, ...]:
        """The columns that hold what the rules say of the row itself."""
        return tuple(f"own_{flag}" for flag in self.flags) if self.inherits else self.flags

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns but processed_at, which the merge sets."""
        flags = dict.fromkeys((*self.flags, *self.judged_flags))
        return (*self.key, *self.content, *self.variants, *flags, "is_valid", *self.carried, "batch_id")

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

    def judgement(self, expressions: Mapping[str, str]) -> dict[str, str]:
        """What the rules say of a row: column -> expression over the row's own columns, by what `compile_rules` returns.

        The flags that a row inherits are among them, as its own: its session's come after.
        """
        flags = {
            name: expressions[flag] for flag in self.flags for name in (flag, f"own_{flag}" if self.inherits else flag)
        }
        return {
            "validation_errors": expressions["errors"],
            "validation_warnings": expressions["warnings"],
            "is_valid": f"(ARRAY_SIZE({expressions['errors']}) = 0)",
            **flags,
        }

    def misjudged(self, judgement: Mapping[str, str]) -> str:
        """The condition that a row is not as its judgement says; the flags that it inherits do not matter."""
        inherited = self.flags if self.inherits else ()
        said = {f"{self.table}.{column}": value for column, value in judgement.items() if column not in inherited}
        variants = [f"{self.table}.{column}" for column in self.variants]
        conditions = [
            f"TO_JSON({column}) IS DISTINCT FROM TO_JSON({value})"
            if column in variants
            else f"{column} IS DISTINCT FROM {value}"
            for column, value in said.items()
        ]
        return "\n        OR ".join(conditions)

    def canonical_identifiers(self, source: str) -> dict[str, str]:
        return {column: canonical(f"{source}.{column}") for column in self.identifiers}


_VALIDATION = ("validation_errors", "validation_warnings")
_NO_EXTRAS = "NULL::STRING AS no_extras"

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
        "properties_text",
    ),
    variants=("properties_parsed", *_VALIDATION),
    extras=_NO_EXTRAS,
    inherits=True,
    previous=("session_id", "transaction_id", "ip_address"),
    carried=("loaded_at", "copies"),
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
    extras=_NO_EXTRAS,
    carried=("copies", "has_purchase"),
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
    extras="NULL::BOOLEAN AS has_bot_event, NULL::BOOLEAN AS has_test_event, NULL::NUMBER AS requests,"
    " NULL::NUMBER AS address_sessions",
    carried=("is_recounted",),
)

# Sessions last: their flags look at the batch's events.
STAGING_TABLES = (EVENTS, TRANSACTIONS, SESSIONS)
