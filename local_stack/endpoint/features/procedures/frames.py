"""Refuse what a procedure may not do while it runs. A session has a stack of frames, one for each CALL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from local_stack.endpoint.engine.cancellation import Cancellation, current
from local_stack.endpoint.features.procedures.registry import FoundRoutine
from local_stack.endpoint.language.tokens import leading_words
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError, unsupported

_FRAMES = "procedure_frames"
FILE_OPERATION = "/*session.file*/"
_OPENS_TRANSACTION = re.compile(r"\s*(BEGIN|START)(\s+(WORK|TRANSACTION|NAME\s+\w+))*\s*;?\s*", re.IGNORECASE)
_READS = frozenset({"SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "LIST", "LS", "EXPLAIN", "CALL", "VALUES", "("})


@dataclass(frozen=True)
class Frame:
    """Hold one CALL under way. reads_only: it was called in a query, TABLE(p()). caller_transaction: the transaction that was
    open when it was called. cancellation: that of the CALL, to which its handler's own statements belong."""

    found: FoundRoutine
    reads_only: bool
    caller_transaction: int | None
    cancellation: Cancellation | None

    @property
    def has_owner_rights(self) -> bool:
        return self.found.routine.rights == "OWNER"


def frames(session: Session) -> list[Frame]:
    stack: list[Frame] = session.attributes.setdefault(_FRAMES, [])
    return stack


@contextmanager
def running(found: FoundRoutine, session: Session, reads_only: bool) -> Iterator[Frame]:
    """Open the frame of a CALL. With owner's rights the procedure's own database and schema are current.

    A transaction that the procedure opened and left open is rolled back, and is an error (Snowflake 090232).
    """
    frame = Frame(
        found, reads_only or any(f.reads_only for f in frames(session)), session.transaction_id, current.get()
    )
    caller_place = (session.database, session.schema)
    caller_roles = (session.role, session.secondary_roles)
    session.call_depth += 1
    frames(session).append(frame)
    try:
        if frame.has_owner_rights:
            session.place(found.database, found.schema)
            _use_owner(found, session)
        yield frame
    except BaseException:
        _roll_back_own(session, frame)
        raise
    else:
        if _roll_back_own(session, frame):
            raise SqlError(
                "Stored procedure execution error: Scoped transaction started in stored procedure is incomplete and it was "
                "rolled back.",
                90232,
                "P0000",
            )
    finally:
        frames(session).pop()
        session.call_depth -= 1
        if frame.has_owner_rights:
            session.place(*caller_place)
            session.role, session.secondary_roles = caller_roles


def _use_owner(found: FoundRoutine, session: Session) -> None:
    """Use the owner's role, and only it; a temporary and an anonymous procedure are the caller's own."""
    if session.grants.has_owner(*found.securable):
        session.role, session.secondary_roles = session.grants.owner(*found.securable)[1], ()


def _roll_back_own(session: Session, frame: Frame) -> bool:
    """Roll back a transaction that is not the caller's; whether there was one."""
    with session.lock:
        current = session.transaction_id
        if current is None or current == frame.caller_transaction:
            return False
        session.transaction.rollback()
        return True


def refuse_forbidden(sql: str, session: Session) -> None:
    """Raise SqlError for a statement that Snowflake refuses inside a procedure."""
    stack = frames(session)
    if not stack:
        return
    frame = stack[-1]
    words = leading_words(sql, 5)
    first = words[0] if words else ""
    if first in ("PUT", "GET") and FILE_OPERATION not in sql:
        raise _refused(f"{first}_FILES")
    is_callers = frame.caller_transaction is not None and session.transaction_id == frame.caller_transaction
    if first in ("COMMIT", "ROLLBACK") and is_callers:
        raise SqlError(
            "Stored procedure execution error: Modifying a transaction that has started at a different scope is not allowed.",
            90236,
            "P0000",
        )
    if frame.caller_transaction is not None and session.transaction.open and _OPENS_TRANSACTION.fullmatch(sql):
        raise unsupported("a transaction of a procedure's own inside its caller's open transaction")
    if words[:2] == ("ALTER", "SESSION") and "AUTOCOMMIT" in sql.upper():
        raise _refused("ALTER_SESSION")
    if frame.has_owner_rights:
        _refuse_for_owner(first, words)
    if frame.reads_only and first not in _READS:
        raise SqlError(
            f"Stored procedure execution error: Unsupported statement type '{first}' in a procedure that is called in a query: "
            "it may only read.",
            90255,
            "P0001",
        )


def _refuse_for_owner(first: str, words: tuple[str, ...]) -> None:
    if words[:2] == ("ALTER", "SESSION"):
        raise _refused("ALTER_SESSION")
    if first == "USE":
        raise _refused("USE")
    is_temporary = bool({"TEMP", "TEMPORARY"} & set(words)) and "SCOPED" not in words
    if first == "CREATE" and is_temporary and {"TABLE", "VIEW"} & set(words):
        raise _refused("temporary TABLE")


def _refused(kind: str) -> SqlError:
    return SqlError(f"Stored procedure execution error: Unsupported statement type '{kind}'.", 90254, "P0001")
