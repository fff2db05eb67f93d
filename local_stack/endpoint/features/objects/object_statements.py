"""Answer statements about recorded objects, roles in use, and grants."""

from __future__ import annotations

from collections.abc import Callable

from local_stack.endpoint.features.objects import access_tokens, attachments, define, grants, show, tags
from local_stack.endpoint.features.objects.alerts import AlertClock, execute
from local_stack.endpoint.features.objects.in_use import use
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.tokens import leading_words
from local_stack.endpoint.session import Session
from local_stack.endpoint.sessions import Sessions
from local_stack.endpoint.statements import Result, Statement

_VERBS = frozenset(
    {"CREATE", "ALTER", "DROP", "SHOW", "DESCRIBE", "DESC", "GRANT", "REVOKE", "USE", "EXECUTE", "COMMENT"}
)
_READS = frozenset({"SHOW", "DESCRIBE", "DESC"})


class Objects:
    """Answer CREATE, ALTER, DROP, SHOW, DESCRIBE, GRANT, REVOKE and USE of recorded objects, and run alerts."""

    def __init__(self) -> None:
        self._alerts: AlertClock | None = None

    def start(self, sessions: Sessions) -> None:
        self._alerts = AlertClock(sessions)
        self._alerts.clock.start()

    def stop(self) -> None:
        if self._alerts is not None:
            self._alerts.clock.stop()

    def handle(self, statement: Statement, session: Session) -> Result | Statement | None:
        words = leading_words(statement.text, 1)
        if not words or words[0] not in _VERBS:
            return None
        text = statement.text.strip().removesuffix(";").rstrip()
        action = self._action(text, session)
        if action is None:
            return None
        if statement.describe_only and words[0] not in _READS:
            return Result.status("")
        if words[0] not in (*_READS, "USE", "EXECUTE"):
            with session.lock:  # every DDL commits the open transaction
                session.transaction.commit()
        result = action()
        if self._alerts is not None and words[0] in ("CREATE", "ALTER", "DROP"):
            self._alerts.clock.wake()
        return result

    def _action(self, text: str, session: Session) -> Callable[[], Result] | None:
        reader = Reader(text)
        match reader.next().upper:
            case "CREATE":
                return define.create(reader, session)
            case "ALTER":
                return _alter(text, reader, session)
            case "DROP":
                return define.drop(reader, session)
            case "SHOW":
                return show.show(reader, session)
            case "DESCRIBE" | "DESC":
                return show.describe(reader, session)
            case "GRANT":
                return grants.grant(reader, session)
            case "REVOKE":
                return grants.revoke(reader, session)
            case "USE":
                return use(reader, session)
            case "EXECUTE":
                return execute(reader, session, self._alerts)
            case "COMMENT":
                return define.comment(reader, session)
        return None


def _alter(text: str, reader: Reader, session: Session) -> Callable[[], Result] | None:
    start = reader.mark()
    for special in (tags.alter_tags, access_tokens.alter_user, attachments.alter_authentication):
        if (action := special(reader, session)) is not None:
            return action
        reader.back_to(start)
    if (action := define.alter(reader, session)) is not None:
        return action
    reader.back_to(start)
    if (action := attachments.alter_table(text, reader, session)) is not None:
        return action
    reader.back_to(start)
    return attachments.alter_levels(reader, session)
