"""Statements that the stand-in does not have, refused by name; asked last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.tokens import leading_words
from local_stack.endpoint.statements import Result, Statement, unsupported

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

_MODIFIERS = {
    "OR",
    "REPLACE",
    "ALTER",
    "IF",
    "NOT",
    "EXISTS",
    "TEMP",
    "TEMPORARY",
    "TRANSIENT",
    "SECURE",
    "LOCAL",
    "SCOPED",
    "VOLATILE",
    "GLOBAL",
}
# What fakesnow or we can create, alter and drop. Everything else of DDL is refused.
_KNOWN = {
    "TABLE", "VIEW", "SCHEMA", "DATABASE", "SEQUENCE", "SESSION", "STAGE", "FILE", "USER", "TAG", "RECURSIVE", "SECRET",
}  # fmt: skip
_SHOW = {"FUNCTIONS", "PRIMARY", "UNIQUE", "IMPORTED", "USER", "VARIABLES", "TERSE"}
_TOP = {
    "SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "BEGIN", "START", "COMMIT", "ROLLBACK", "SET", "UNSET",
    "COMMENT", "DESCRIBE", "DESC", "EXPLAIN", "VALUES", "(",
}  # fmt: skip


class Refusals:
    """The extension. EXECUTE IMMEDIATE of a literal is that statement."""

    def handle(self, statement: Statement, session: Session) -> Result | Statement | None:
        words = leading_words(statement.text, 8)
        if not words or words[0] in _TOP:
            return None
        after = [w for w in words[1:] if w not in _MODIFIERS]
        match words[0]:
            case "EXECUTE" if words[1:2] == ("IMMEDIATE",):
                return _execute_immediate(statement, session)
            case "CREATE" | "ALTER" | "DROP" | "UNDROP":
                if not after or after[0] in _KNOWN:
                    return None
                raise unsupported(f"{words[0]} {_first_words(after)}")
            case "SHOW":
                if after[:1] and after[0] in _SHOW:
                    return None
                raise unsupported(f"SHOW {_first_words(after)}")
            case (
                "COPY"
                | "PUT"
                | "GET"
                | "LIST"
                | "LS"
                | "REMOVE"
                | "RM"
                | "USE"
                | "GRANT"
                | "REVOKE"
                | "CALL"
                | "EXECUTE"
            ):
                raise unsupported(_first_words(list(words)))
        raise Reader(statement.text).unexpected()


def _first_words(words: list[str]) -> str:
    """The words that name a kind of statement: DYNAMIC TABLE, STREAM, …"""
    two = (
        words[:2]
        if words[:1] and words[0] in ("DYNAMIC", "EXTERNAL", "ICEBERG", "HYBRID", "EVENT", "MATERIALIZED")
        else words[:1]
    )
    return " ".join(two)


def _execute_immediate(statement: Statement, session: Session) -> Statement:
    reader = Reader(session.with_binds(statement).rstrip().rstrip(";"))
    reader.expect("EXECUTE", "IMMEDIATE")
    if reader.token.kind not in ("string", "dollar"):
        raise unsupported("EXECUTE IMMEDIATE of anything but a literal")
    text = reader.string().strip()
    if not reader.at_end():
        raise unsupported("EXECUTE IMMEDIATE … USING")
    if leading_words(text, 1)[:1] in (("BEGIN",), ("DECLARE",), ("LET",)) and text.upper().rstrip("; \n").endswith(
        "END"
    ):
        raise unsupported("EXECUTE IMMEDIATE of a Snowflake Scripting block")
    return Statement(text, (), statement.describe_only)
