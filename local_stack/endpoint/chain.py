"""Run one statement through its chain.

A family answers it by its verb and kind, or it is rewritten and DuckDB runs it.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from fakesnow.statement_type import statement_type_id
from sqlglot import Expr, exp

from local_stack.endpoint.engine.bindings import Bind, to_python
from local_stack.endpoint.engine.changes import note_changes
from local_stack.endpoint.engine.transactions import Effect
from local_stack.endpoint.errors import as_sql_error
from local_stack.endpoint.features.dbt_projects import DbtProjects
from local_stack.endpoint.features.get_ddl import get_ddl
from local_stack.endpoint.features.information_functions import information_functions
from local_stack.endpoint.features.objects import Objects, get_tag
from local_stack.endpoint.features.objects.kinds import KINDS
from local_stack.endpoint.features.objects.notifications import send
from local_stack.endpoint.features.objects.tag_references import FUNCTIONS as TAG_FUNCTIONS
from local_stack.endpoint.features.procedures import Procedures
from local_stack.endpoint.features.procedures.events import event_table
from local_stack.endpoint.features.procedures.frames import refuse_forbidden
from local_stack.endpoint.features.procedures.routine_statements import CALLED
from local_stack.endpoint.features.procedures.schema_views import schema_views
from local_stack.endpoint.features.refusals import refusal
from local_stack.endpoint.features.rights.gate import Gate
from local_stack.endpoint.features.rights.policies import policies
from local_stack.endpoint.features.rights.visibility import visible, visible_objects, without_limit
from local_stack.endpoint.features.session.activity import Activity
from local_stack.endpoint.features.session.control import CONTROL
from local_stack.endpoint.features.session.explain import Explain
from local_stack.endpoint.features.session.flow import flowed
from local_stack.endpoint.features.session.functions import CallOfFunction, evaluated
from local_stack.endpoint.features.session.identifiers import resolve_names
from local_stack.endpoint.features.session.parameters import SessionParameters
from local_stack.endpoint.features.session.query_history import FUNCTIONS as QUERY_FUNCTIONS
from local_stack.endpoint.features.session.use import UseStatements
from local_stack.endpoint.features.session.variables import SessionVariables
from local_stack.endpoint.features.stages.copy_files import CopyFiles
from local_stack.endpoint.features.stages.copy_history import FUNCTIONS as COPY_FUNCTIONS
from local_stack.endpoint.features.stages.define import StageDefinitions
from local_stack.endpoint.features.stages.files import StagedFiles
from local_stack.endpoint.features.stages.infer_schema import infer_schema
from local_stack.endpoint.features.stages.load import CopyIntoStatements
from local_stack.endpoint.features.stages.staged_query import staged_files
from local_stack.endpoint.features.tables.absent import KINDS as ABSENT_KINDS
from local_stack.endpoint.features.tables.absent import AbsentKinds
from local_stack.endpoint.features.tables.containers import Containers
from local_stack.endpoint.features.tables.declared import declarations
from local_stack.endpoint.features.tables.describe import DescribeTable
from local_stack.endpoint.features.tables.listing import ShowObjects
from local_stack.endpoint.features.tables.sequences import Sequences
from local_stack.endpoint.features.tables.show_keys import ShowKeys
from local_stack.endpoint.features.tables.table_statements import Tables
from local_stack.endpoint.features.tasks import Tasks
from local_stack.endpoint.features.tasks.table_functions import FUNCTIONS as TASK_FUNCTIONS
from local_stack.endpoint.language.foreign import refuse_foreign
from local_stack.endpoint.language.missing import as_written
from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.language.subject import Subject, subject, takes_binds
from local_stack.endpoint.outcome import Outcome, from_result
from local_stack.endpoint.session import Session
from local_stack.endpoint.sessions import Sessions
from local_stack.endpoint.statements import Result, Statement
from local_stack.endpoint.translation import numbers
from local_stack.endpoint.translation.arrays import aggregated, arrays
from local_stack.endpoint.translation.batches import parts, total
from local_stack.endpoint.translation.cases import cases
from local_stack.endpoint.translation.casts import casts, parsed_json, try_casts, variants
from local_stack.endpoint.translation.coercions import coercions
from local_stack.endpoint.translation.column_names import column_names
from local_stack.endpoint.translation.context import Context, Rewrite
from local_stack.endpoint.translation.effects import changed_tables, classify, writes
from local_stack.endpoint.translation.execution import Execution
from local_stack.endpoint.translation.integers import integers
from local_stack.endpoint.translation.merge import merged_by_name
from local_stack.endpoint.translation.names import (
    column_lists,
    default_sequences,
    existing_containers,
    function_names,
    information_schema,
    macros,
    quoted_calls,
    reserved_words,
    split_tables,
)
from local_stack.endpoint.translation.once import bound_once
from local_stack.endpoint.translation.paths import paths
from local_stack.endpoint.translation.queries import counts, group_order, joins, order_by_all, query_results, windows
from local_stack.endpoint.translation.result_columns import described
from local_stack.endpoint.translation.roles import role_functions
from local_stack.endpoint.translation.snowpark import (
    flatten,
    generator,
    named_values,
    pivots,
    plain_tables,
    positional_columns,
    samples,
)
from local_stack.endpoint.translation.snowpark_functions import functions
from local_stack.endpoint.translation.spellings import result_spellings, spellings
from local_stack.endpoint.translation.strictness import collations, require_named_tables, strictness
from local_stack.endpoint.translation.tables import create_table_as, temporary_tables, text_lengths
from local_stack.endpoint.translation.times import (
    called_times,
    formats,
    input_formats,
    intervals,
    session_functions,
    shifted_dates,
)
from local_stack.endpoint.translation.type_names import type_names
from local_stack.endpoint.translation.value_types import note_binds
from local_stack.endpoint.translation.variables import mark_inlined, session_variables
from local_stack.endpoint.translation.written import written

# What an open transaction of another session need not look at again: these do nothing, or say themselves what they commit.
_COMMIT_NOTHING = (
    *("QUERY", "CALL", "SHOW", "DESCRIBE", "USE", "SET", "UNSET", "LIST", "GET", "PUT", "COPY"),
    *("BEGIN", "COMMIT", "ROLLBACK"),  # a transaction that has written tells it itself
)


class Family(Protocol):
    """Answer the statements of one family (procedures, tasks, account objects, stages, …)."""

    def handle(self, statement: Statement, session: Session) -> Result | Statement | None:
        """Return a result, a rewritten statement for the rest of the chain, or None: it is another family's."""


class Serving(Protocol):
    """Run something of its own (workers, schedules) while the endpoint serves."""

    def start(self, sessions: Sessions) -> None:
        """Begin when the endpoint serves."""

    def stop(self) -> None:
        """End before the endpoint does."""


# Statements whose results travel by column, as Arrow; all others' are JSON, in Snowflake too.
_IN_COLUMNS = ("QUERY", "CALL", "EXECUTE", "BEGIN", "DECLARE", "EXPLAIN")
Families = tuple[Family, ...]
_RECORDED = ", ".join(sorted({kind.name for kind in KINDS} | {"INTEGRATION"}))
_LISTED = ", ".join(
    sorted({kind.plural for kind in KINDS} | {f"{kind.type} INTEGRATIONS" for kind in KINDS if kind.type})
)


def routes(
    procedures: Procedures, tasks: Tasks, objects: Objects, dbt: DbtProjects
) -> Mapping[tuple[str, str], Families]:
    """Return who is asked for a verb and a kind of object, in order. Nobody: the statement goes on to the engine.

    A verb alone stands for every kind that has no row of its own.
    """
    tables, containers, stages = Tables(), Containers(), StageDefinitions()
    variables = SessionVariables()
    rows: tuple[tuple[str, str, Families], ...] = (
        ("QUERY", "", (procedures,)),
        ("EXPLAIN", "", (Explain(),)),
        ("CALL", "", (CallOfFunction(), procedures)),
        ("BEGIN, DECLARE", "", (procedures,)),
        ("EXECUTE", "IMMEDIATE", (procedures,)),
        ("EXECUTE", "TASK", (tasks,)),
        ("EXECUTE", "ALERT", (objects,)),
        ("EXECUTE", "DBT PROJECT", (dbt,)),
        ("START, COMMIT, ROLLBACK", "", ()),
        ("SET, UNSET", "", (variables,)),
        ("CREATE, ALTER, DROP, DESCRIBE", "PROCEDURE, FUNCTION, AGGREGATE FUNCTION", (procedures,)),
        ("SHOW", "PROCEDURES, FUNCTIONS, USER FUNCTIONS, USER PROCEDURES", (procedures,)),
        ("CREATE, ALTER, DROP, DESCRIBE", "TASK", (tasks,)),
        ("SHOW", "TASKS", (tasks,)),
        ("COMMENT", "DATABASE, SCHEMA", (objects, containers)),
        ("COMMENT", "", (procedures, objects, tables)),
        ("GRANT, REVOKE", "", (objects,)),
        ("USE", "ROLE, WAREHOUSE, SECONDARY ROLES", (objects,)),
        ("USE", "", (UseStatements(),)),
        ("CREATE, ALTER, DROP, DESCRIBE", _RECORDED, (objects,)),
        ("CREATE, ALTER", "DBT PROJECT", (dbt, objects)),
        (
            "SHOW",
            f"{_LISTED}, INTEGRATIONS, GRANTS, FUTURE GRANTS, USER PATS, USER PROGRAMMATIC ACCESS TOKENS",
            (objects,),
        ),
        ("ALTER", "ACCOUNT", (objects,)),
        ("ALTER", "SESSION", (SessionParameters(),)),
        ("SHOW", "PARAMETERS", (SessionParameters(),)),
        ("SHOW", "VARIABLES", (variables,)),
        ("SHOW", "TRANSACTIONS, LOCKS, REGIONS", (Activity(),)),
        ("SHOW", ", ".join(ABSENT_KINDS), (AbsentKinds(),)),
        ("SHOW", "PRIMARY KEYS, UNIQUE KEYS, IMPORTED KEYS", (ShowKeys(),)),
        ("CREATE, ALTER, DROP, UNDROP", "DATABASE, SCHEMA", (objects, containers)),
        ("CREATE, ALTER, DROP, UNDROP", "TABLE, VIEW", (objects, tables)),
        ("TRUNCATE", "", (tables,)),
        ("CREATE, DROP", "SEQUENCE", ()),
        ("ALTER, DESCRIBE", "SEQUENCE", (Sequences(),)),
        ("DESCRIBE", "TABLE, VIEW", (DescribeTable(),)),
        ("SHOW", "TABLES, VIEWS, OBJECTS, SCHEMAS, DATABASES, SEQUENCES, COLUMNS", (ShowObjects(),)),
        ("CREATE, ALTER, DROP", "STAGE, FILE FORMAT", (stages,)),
        ("DESCRIBE", "STAGE, FILE FORMAT", (stages,)),
        ("SHOW", "STAGES, FILE FORMATS", (stages,)),
        ("PUT, GET, LIST, REMOVE", "", (StagedFiles(),)),
        ("COPY", "", (CopyIntoStatements(),)),
        ("COPY", "FILES", (CopyFiles(),)),
    )
    return {
        (verb, kind): families
        for verbs, kinds, families in rows
        for verb in verbs.split(", ")
        for kind in kinds.split(", ")
    }


BEFORE: list[Rewrite] = [
    quoted_calls,
    spellings,
    existing_containers,
    information_functions({**TASK_FUNCTIONS, **TAG_FUNCTIONS, **QUERY_FUNCTIONS, **COPY_FUNCTIONS}),
    information_schema,
    schema_views,
    event_table,
    visible_objects,
    strictness,
    collations,
    column_lists,
    staged_files,
    infer_schema,
    session_functions,
    role_functions,
    query_results,
    result_spellings,
    declarations,
    default_sequences,
    merged_by_name,
    coercions,
    written,
    temporary_tables,
    create_table_as,
    function_names,
    type_names,
    formats,
    intervals,
    variants,
    input_formats,
    try_casts,
    joins,
    order_by_all,
    windows,
    group_order,
    split_tables,
    plain_tables,
    pivots,
    generator,
    flatten,
    named_values,
    positional_columns,
    samples,
    arrays,
    functions,
    numbers.before,
]
AFTER: list[Rewrite] = [
    text_lengths,
    macros,
    aggregated,
    numbers.after,
    parsed_json,
    shifted_dates,
    casts,
    paths,
    counts,
    integers,
    bound_once,
    reserved_words,
    policies,
    called_times,
    cases,
]


class Chain:
    """Run statements on sessions."""

    def __init__(self) -> None:
        self._procedures, tasks, objects, dbt = Procedures(), Tasks(), Objects(), DbtProjects()
        self._serving: tuple[Serving, ...] = (self._procedures, tasks, objects, dbt)
        self._routes = routes(self._procedures, tasks, objects, dbt)
        self._called = {
            **CONTROL, **CALLED, **tasks.called, "GET_DDL": get_ddl, "SYSTEM$GET_TAG": get_tag,
            "SYSTEM$SEND_SNOWFLAKE_NOTIFICATION": send,
        }  # fmt: skip
        self._before: list[Rewrite] = [*self._procedures.rewrites, *BEFORE]

    def start(self, sessions: Sessions) -> None:
        for family in self._serving:
            family.start(sessions)

    def stop(self) -> None:
        for family in reversed(self._serving):
            family.stop()

    def run(self, statement: Statement, session: Session, batch: Sequence[tuple[Bind, ...]] = ()) -> Outcome:
        """Return one statement's outcome. Every failure is a SqlError."""
        try:
            refuse_forbidden(statement.text, session)
            statement, batch = resolve_names(flowed(statement, session), batch, session)
            about = subject(statement.text)
            if statement.binds and not takes_binds(statement.text, about):
                statement = replace(statement, text=session.with_binds(statement), binds=())
            gate = Gate(statement, about, session)
            gate.check()
            effect = gate.effect()
            limit = None
            if session.grants.enforced:
                statement, limit = without_limit(statement, about)
            with session.for_statement(statement.parameters):
                outcome = self._answer(statement, about, session, batch, gate)
            if about.verb not in _IN_COLUMNS:
                outcome = replace(outcome, is_text=True)
            if effect is not None:
                effect(outcome)
            if about.verb == "SHOW" and session.grants.enforced:
                outcome = visible(outcome, about, session.access, limit)
            return outcome
        except Exception as error:
            mapped = as_written(as_sql_error(error), statement)
            if mapped.sqlstate == "XX000":
                traceback.print_exc()
            if mapped is error:
                raise
            raise mapped from error

    def _answer(
        self, statement: Statement, about: Subject, session: Session, batch: Sequence[tuple[Bind, ...]], gate: Gate
    ) -> Outcome:
        """Ask the statement's families; what none of them answers goes to the engine."""
        asked = statement.text
        refuse_foreign(asked, lambda: self._procedures.function_names(session))
        for family in self._families(statement.text, about):
            match family.handle(statement, session):
                case Result() as result:
                    if about.verb not in _COMMIT_NOTHING:
                        session.engine.locks.note_commit(defines=True)
                    return from_result(result)
                case Statement() as rewritten:
                    statement = rewritten
        tree = self._procedures.parsed(statement.text, session)
        if tree is None:
            tree = gate.tree if gate.tree is not None and statement.text == asked else parse(statement.text)
        gate.check_late(tree)
        context = Context(session, statement.parameters, statement.text, describing=statement.describe_only)
        require_named_tables(tree)
        mark_inlined(tree, statement.inlined)
        note_binds(tree, batch[0] if batch else statement.binds)
        tree = evaluated(column_names(tree, statement.text), statement, session, self._called)
        tree = session_variables(self._procedures.expand(tree, statement, session), context)
        return self._run_on_engine(tree, statement, context, batch)

    def _families(self, sql: str, about: Subject) -> Families:
        """Return who is asked, by the longest name of a kind that the table has. Raises SqlError where it has none."""
        for kind in about.prefixes:
            if (families := self._routes.get((about.verb, kind))) is not None:
                return families
        if not about.verb:
            return ()  # the parser says that the statement is empty
        raise refusal(sql, about)

    def _run_on_engine(
        self, expression: Expr, statement: Statement, context: Context, batch: Sequence[tuple[Bind, ...]]
    ) -> Outcome:
        session = context.session
        with session.lock:
            if outcome := _transaction_control(expression, session):
                return outcome
            effect, tables = classify(expression, session.database, session.schema)
            execution = Execution(context, self._before, AFTER, statement_type_id(expression))
            if statement.describe_only:
                outcome = session.transaction.run(
                    Effect.READ,
                    (),
                    lambda: execution.describe(expression),
                )
                return described(outcome, expression, context.columns)
            rows = [[to_python(bind) for bind in row] for row in (batch or [statement.binds])]
            changed = changed_tables(expression, session)

            def action() -> Outcome:
                outcomes = [execution.run(part, values) for part, values in parts(expression, rows)]
                for after in context.on_success:
                    after()
                context.on_success.clear()
                note_changes(session.duck, changed)
                return outcomes[0] if len(outcomes) == 1 else total(outcomes)

            outcome = session.transaction.run(effect, tables, action, writes(expression, changed, session))
            return described(outcome, expression, context.columns)

    def translate(self, expression: Expr, session: Session) -> str:
        """Write the tree of a Snowflake query as DuckDB SQL."""
        named = column_names(expression, expression.sql(dialect="snowflake"))
        return Execution(Context(session), [session_variables, *BEFORE], AFTER).translate(named)


def _transaction_control(expression: Expr, session: Session) -> Outcome | None:
    match expression:
        case exp.Transaction():
            session.transaction.begin()
        case exp.Commit():
            session.transaction.commit()
        case exp.Rollback():
            session.transaction.rollback()
        case _:
            return None
    return from_result(Result.succeeded())
