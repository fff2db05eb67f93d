"""Tell what a statement is about: its verb, and the words that name a kind of object."""

from __future__ import annotations

from dataclasses import dataclass

from local_stack.endpoint.language.tokens import leading_words, tokenize

QUERY = "QUERY"
_VERBS = {
    "DESC": "DESCRIBE", "LS": "LIST", "RM": "REMOVE",
    **dict.fromkeys(("SELECT", "WITH", "VALUES", "(", "INSERT", "UPDATE", "DELETE", "MERGE"), QUERY),
}  # fmt: skip
# Words between a verb and the kind of object.
_MODIFIERS = {
    "CREATE": {
        "OR", "REPLACE", "ALTER", "TRANSIENT", "TEMP", "TEMPORARY", "SCOPED", "LOCAL", "GLOBAL", "VOLATILE", "SECURE",
        "RECURSIVE",
    },
    "ALTER": {"SECURE"},
    "SHOW": {"TERSE"},
    "COMMENT": {"IF", "EXISTS", "ON"},
}  # fmt: skip
# What takes a value for a `?`. Elsewhere it stands for a name, a location or an option, which no database binds.
_WITH_VALUES = {QUERY, "CALL", "EXPLAIN", "EXECUTE", "BEGIN", "DECLARE"}
_LONGEST_KIND = 4
_LONGEST_MODIFIERS = 6


@dataclass(frozen=True)
class Subject:
    """Hold what a statement is about.

    verb: the first word; DESC, LS and RM in full, QUERY for queries and DML. words: what follows, modifiers aside."""

    verb: str
    words: tuple[str, ...]

    @property
    def prefixes(self) -> list[str]:
        """Return what may name the kind, longest first: MASKING POLICY P, MASKING POLICY, MASKING, and nothing."""
        return [" ".join(self.words[:count]) for count in range(len(self.words), -1, -1)]


def subject(sql: str) -> Subject:
    """Return what a statement is about. The verb of no statement at all is empty."""
    words = leading_words(sql, 1 + _LONGEST_MODIFIERS + _LONGEST_KIND)
    if not words:
        return Subject("", ())
    verb = _VERBS.get(words[0], words[0])
    modifiers = _MODIFIERS.get(verb, set())
    first = next((i for i, word in enumerate(words[1:], 1) if word not in modifiers), len(words))
    return Subject(verb, words[first : first + _LONGEST_KIND])


def takes_binds(sql: str, about: Subject) -> bool:
    """Return whether the `?` of a statement are values of a query, or else are written into it as literals."""
    words = [token.text.upper() for token in tokenize(sql).parsed]
    if about.verb == "CREATE" and about.words[:1] in (("TABLE",), ("VIEW",)):
        return any(
            words[i + 1 : i + 2] in (["SELECT"], ["WITH"], ["("]) for i, word in enumerate(words) if word == "AS"
        )
    return about.verb in _WITH_VALUES and "INFER_SCHEMA" not in words
