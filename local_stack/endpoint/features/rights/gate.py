"""Check every statement before it runs, and note what it does to grants after it has run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import Expr
from sqlglot.errors import SqlglotError

from local_stack.endpoint.errors import nothing_there
from local_stack.endpoint.features.rights import definitions, queries, uses
from local_stack.endpoint.features.rights.effects import Effect, effect_of
from local_stack.endpoint.features.rights.execution import check_owner
from local_stack.endpoint.features.rights.heads import Head, read_head
from local_stack.endpoint.features.rights.judge import Need, judge
from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.subject import QUERY, Subject
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError, Statement

_DEFINES = frozenset({"CREATE", "ALTER", "DROP", "UNDROP", "DESCRIBE", "COMMENT"})
_USES: dict[str, Callable[[Reader, Session], Iterator[Need]]] = {
    "COPY": uses.of_copy, "EXECUTE": uses.of_execute,
}  # fmt: skip
_MOVES_FILES = frozenset({"COPY", "PUT", "GET", "LIST", "REMOVE"})
_WRITES_FILES = frozenset({"PUT", "REMOVE"})


class Gate:
    """Check one statement. `tree` is the parsed statement, or None where parsing was not needed."""

    def __init__(self, statement: Statement, about: Subject, session: Session) -> None:
        self._statement, self._about, self._session = statement, about, session
        self._head: Head | None = read_head(statement.text, session) if about.verb in _DEFINES else None
        self.tree: Expr | None = None

    def check(self) -> None:
        """Raise SqlError where the session's roles may not do what the statement does."""
        if not self._session.grants.enforced:
            return
        text, session, verb = self._statement.text, self._session, self._about.verb
        if self._head is not None:
            self._judge(definitions.of_head(self._head, session))
            if definitions.resumes(self._head):
                check_owner(self._head.kind, self._head.place, session)
        if verb in (QUERY, "TRUNCATE") or self._reads():
            self._check_tree(text)
        if verb == "ALTER" and self._about.words[:1] == ("ACCOUNT",):
            judge(definitions.of_account(text), session)
        if verb == "USE":
            self._check_use(text)
        if verb in _USES:
            for need in _USES[verb](Reader(text), session):
                judge(need, session)
                if verb == "EXECUTE" and need.kind in ("TASK", "ALERT"):
                    check_owner(need.kind, need.place, session)
        if verb == "CALL":
            uses.of_call(Reader(text), session)
        if verb in _MOVES_FILES or (verb == QUERY and "@" in text):
            self._judge(uses.of_stages(text, session, writes=verb in _WRITES_FILES or _unloads(text, verb)))

    def effect(self) -> Effect | None:
        """Return what to do with the grants once the statement has succeeded."""
        if self._head is None or self._statement.describe_only:
            return None
        return effect_of(self._head, self._session)

    def _reads(self) -> bool:
        """Return whether the definition of a table or view holds a query."""
        head = self._head
        return head is not None and head.verb == "CREATE" and head.kind in ("TABLE", "VIEW") and head.says("AS")

    def _check_use(self, text: str) -> None:
        """Check the object of a USE. Report it as missing whenever the session may not use it."""
        try:
            self._judge(uses.of_use(Reader(text), self._session))
        except SqlError as error:
            if error.errno not in (2003, 3001):
                raise
            raise nothing_there() from None

    def check_late(self, tree: Expr) -> None:
        """Check a query that could not be parsed until other rewrites had changed it."""
        if self.tree is None and self._session.grants.enforced and (self._about.verb == QUERY or self._reads()):
            self._judge_tree(tree)

    def _check_tree(self, text: str) -> None:
        try:
            self.tree = parse(text)
        except (SqlError, SqlglotError):
            return  # check_late checks it later, and whatever runs the statement reports what is wrong
        self._judge_tree(self.tree)

    def _judge_tree(self, tree: Expr) -> None:
        self._judge(queries.of_tree(tree, self._session))
        queries.check_functions(tree, self._session)

    def _judge(self, needs: Iterator[Need]) -> None:
        for need in needs:
            judge(need, self._session)


def _unloads(text: str, verb: str) -> bool:
    """Return whether a COPY writes to its first stage: COPY INTO @stage, COPY FILES INTO @stage."""
    third = Reader(text).peek(2) if verb == "COPY" else None
    return third is not None and (third.upper == "INTO" or third.kind not in ("word", "quoted"))
