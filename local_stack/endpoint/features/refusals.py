"""Refuse by name what the stand-in does not have."""

from __future__ import annotations

from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.subject import Subject
from local_stack.endpoint.statements import SqlError, unsupported

_TWO_WORDS = ("DYNAMIC", "EXTERNAL", "ICEBERG", "HYBRID", "EVENT", "MATERIALIZED")
# Verbs that Snowflake knows: of these a kind is missing here. Any other word is a syntax error, as in Snowflake.
_KNOWN = frozenset(
    {
        "CREATE", "ALTER", "DROP", "UNDROP", "SHOW", "DESCRIBE", "COPY", "PUT", "GET", "LIST", "REMOVE", "USE", "GRANT",
        "REVOKE", "CALL", "EXECUTE",
    }
)  # fmt: skip


def refusal(sql: str, about: Subject) -> SqlError:
    """Return the error for a statement that no family has."""
    if about.verb not in _KNOWN:
        return Reader(sql).unexpected()
    words = about.words[: 2 if about.words[:1] and about.words[0] in _TWO_WORDS else 1]
    return unsupported(" ".join((about.verb, *words)))
