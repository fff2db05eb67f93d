"""Run a scripting block: control flow and exceptions here, variables and statements in `execution`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from local_stack.endpoint.engine import cancellation
from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.procedures.scripting.execution import Answer, Execution
from local_stack.endpoint.features.procedures.scripting.failures import Failure, Guard, failure_of
from local_stack.endpoint.features.procedures.scripting.nodes import (
    Block,
    Body,
    Case,
    For,
    Handler,
    If,
    Jump,
    Node,
    Nothing,
    Raise,
    Return,
    While,
)
from local_stack.endpoint.features.procedures.scripting.parse import parse_block
from local_stack.endpoint.features.procedures.scripting.rows import row_of
from local_stack.endpoint.features.procedures.scripting.variables import Scope, Variable
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Statement


class _Jumped(Exception):
    """Carry BREAK or CONTINUE to its loop."""

    def __init__(self, jump: Jump) -> None:
        super().__init__()
        self.jump = jump


class _Returned(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def run_block(
    sql: str, session: Session, arguments: dict[str, Variable], alone: Callable[[str, Session], Statement]
) -> Answer:
    """Run a block's text. alone: runs a block that EXECUTE IMMEDIATE names, and gives the statement that reads its answer.

    Raises SqlError: of the exception that nobody handled, or 001003 before anything runs.
    """
    block = parse_block(sql)
    scope = Scope(names=dict(arguments))
    script = _Script(scope, Execution(session, scope, alone))
    try:
        script.block(block)
    except _Returned as returned:
        return returned.answer
    except _Jumped:
        raise compilation_error("BREAK or CONTINUE outside of a loop.", 1003, "42000") from None
    except Failure as failure:
        raise failure.uncaught() from failure
    return Answer()


class _Script:
    """Run one block. guards: the handlers of the blocks under way, the innermost last."""

    def __init__(self, scope: Scope, execution: Execution) -> None:
        self._scope, self._execution = scope, execution
        self._guards: list[Guard] = []
        self._handled: list[Failure] = []

    @contextmanager
    def _in(self, scope: Scope) -> Iterator[None]:
        outer, self._scope = self._scope, scope
        self._execution.scope = scope
        try:
            yield
        finally:
            self._scope = self._execution.scope = outer

    def block(self, block: Block) -> None:
        """Run a block. Its handlers are for its body, not for its declarations."""
        with self._in(Scope(self._scope, exceptions=block.exceptions)):
            self._run(block.declarations)
            guard, outer = Guard(block.handlers, self._scope), self._guards
            self._guards = [*outer, guard]
            try:
                self._run(block.body)
            except Failure as failure:
                handler = guard.handler(failure)
                if handler is None:
                    raise
                self._guards = outer
                self._handle(handler, failure, guard)
            finally:
                self._guards = outer

    def _handle(self, handler: Handler, failure: Failure, guard: Guard) -> None:
        self._handled.append(failure)
        try:
            with self._in(Scope(guard.scope, dict(failure.variables()))):
                self._run(handler.body)
        finally:
            self._handled.pop()

    def _run(self, body: Body) -> None:
        for step in body:
            cancellation.check()
            try:
                self._do(step.node)
            except (_Jumped, _Returned):
                raise
            except Exception as error:
                cancellation.check()  # no handler keeps a canceled block alive
                failure = failure_of(error, "STATEMENT_ERROR")
                failure.at(step)
                if not self._continues(failure):
                    raise failure from error

    def _continues(self, failure: Failure) -> bool:
        """Run the handler that lets the next statement follow; False where the innermost one for it ends its block."""
        for depth in reversed(range(len(self._guards))):
            handler = self._guards[depth].handler(failure)
            if handler is None:
                continue
            if not handler.continues:
                return False
            guards, self._guards = self._guards, self._guards[:depth]
            try:
                self._handle(handler, failure, guards[depth])
            finally:
                self._guards = guards
            return True
        return False

    def _do(self, node: Node) -> None:
        match node:
            case Return(expression=expression, table=table):
                raise _Returned(self._execution.answer(expression, table))
            case Raise(name=name):
                raise self._raised(name)
            case Jump():
                raise _Jumped(node)
            case If(branches=branches):
                self._run(self._branch(branches))
            case Case():
                self._run(self._case(node))
            case For() | While():
                self._loop(node)
            case Block():
                self.block(node)
            case Nothing():
                pass
            case _:
                self._execution.do(node)

    def _raised(self, name: str) -> Failure:
        if name:
            number, message = self._scope.exception(name)
            return Failure(name, message, number, "P0001")
        if not self._handled:
            raise compilation_error("RAISE without an exception outside of a handler.", 1003, "42000")
        return self._handled[-1]

    def _branch(self, branches: Sequence[tuple[str, Body]]) -> Body:
        for condition, body in branches:
            if not condition or self._execution.truth(condition):
                return body
        return ()

    def _case(self, node: Case) -> Body:
        """Choose a branch. See: https://docs.snowflake.com/en/sql-reference/snowflake-scripting/case"""
        if not node.operand:
            return self._branch(node.branches)
        operand = self._execution.evaluate(node.operand)
        for value, body in node.branches:
            if not value or self._execution.equals(operand, value):
                return body
        return ()

    def _loop(self, node: For | While) -> None:
        """Run the turns of a loop. BREAK and CONTINUE with another loop's label go on to that loop."""
        turns = self._while(node) if isinstance(node, While) else self._for(node)
        for scope in turns:
            try:
                with self._in(scope):
                    self._run(node.body)
            except _Jumped as jumped:
                if jumped.jump.label not in ("", node.label):
                    raise
                if jumped.jump.kind == "BREAK":
                    return

    def _while(self, node: While) -> Iterator[Scope]:
        if node.until:
            yield self._scope
            while not self._execution.truth(node.condition):
                yield self._scope
            return
        while not node.condition or self._execution.truth(node.condition):
            yield self._scope

    def _for(self, node: For) -> Iterator[Scope]:
        """Give each turn its variable: a counter, or the row of a cursor."""
        if node.last is not None:
            numbers = range(self._execution.integer(node.source), self._execution.integer(node.last) + 1)
            for number in reversed(numbers) if node.reverse else numbers:
                yield Scope(self._scope, {node.name: Variable(number, "NUMBER(38,0)")})
            return
        outcome = self._execution.rows_of(node.source)
        for values in outcome.rows():
            yield Scope(self._scope, {node.name: row_of(outcome, values)})
