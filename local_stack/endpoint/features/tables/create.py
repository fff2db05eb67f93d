"""Answer CREATE TABLE … CLONE, CREATE TABLE … LIKE, CREATE OR ALTER TABLE and CREATE TABLE … USING TEMPLATE.

Every other CREATE TABLE goes on to the engine.
See: https://docs.snowflake.com/en/sql-reference/sql/create-table
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from local_stack.endpoint.engine import policy_references
from local_stack.endpoint.engine.load_history import forget_loads
from local_stack.endpoint.errors import existing_object, missing_object
from local_stack.endpoint.features.tables import clone
from local_stack.endpoint.features.tables.columns import columns_of, declared_columns
from local_stack.endpoint.features.tables.comments import set_comment
from local_stack.endpoint.features.tables.keys import take_keys
from local_stack.endpoint.features.tables.options import take_options
from local_stack.endpoint.features.tables.reshape import reshape
from local_stack.endpoint.features.tables.template import with_columns
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import Result, Statement, unsupported
from local_stack.endpoint.translation.effects import ddl
from local_stack.endpoint.translation.tables import physical_name

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

_MODIFIERS = (
    "OR", "REPLACE", "ALTER", "TRANSIENT", "TEMP", "TEMPORARY", "SCOPED", "LOCAL", "GLOBAL", "VOLATILE",
)  # fmt: skip
_TEMPORARY = {"TEMP", "TEMPORARY", "VOLATILE"}


@dataclass(frozen=True)
class _Copy:
    """Hold CREATE [OR REPLACE] [TEMPORARY] TABLE [IF NOT EXISTS] target {CLONE | LIKE} source."""

    source: SchemaName
    target: SchemaName
    with_rows: bool
    replace: bool
    if_missing: bool
    temporary: bool
    transient: bool

    def run(self, session: Session) -> Result:
        """Make the copy. Raises SqlError where the source is missing or the target exists."""
        name = self.target
        place = SchemaName("temp", "main", physical_name(_parts(name))) if self.temporary else name
        with session.lock:
            if session.relation_kind(place) and not self.replace:
                if self.if_missing:
                    return Result.existed(name.name)
                raise existing_object(str(name))
            session.transaction.run(*ddl(name), lambda: self._create(session, place))
        return Result.created("Table", name.name)

    def _create(self, session: Session, place: SchemaName) -> None:
        physical = session.physical_table(self.source)
        if session.relation_kind(physical) != "TABLE":
            raise missing_object("table", str(self.source))
        note = {key: value for key, value in session.notes.of(self.source).items() if key != "transient"}
        if physical != place:  # CREATE OR REPLACE TABLE t CLONE t keeps the table as it is
            if session.relation_kind(place):
                session.duck.execute(f"DROP TABLE {session.quoted(place)}")
            clone.clone_table(session, physical, place, with_rows=self.with_rows)
        if self.temporary:
            session.temporary_tables[_parts(self.target)] = place.name
        else:
            forget_loads(session.duck, *_parts(self.target))
        content = {**note, "transient": True} if self.transient else note
        session.notes.write(self.target, content, self.temporary)
        if self.with_rows and self.source != self.target:
            policy_references.copy(session.catalog, self.source, self.target)


def create(reader: Reader, statement: Statement, session: Session) -> Result | Statement | None:
    """Answer CLONE, LIKE, OR ALTER and USING TEMPLATE. Return None for every other CREATE TABLE."""
    words: set[str] = set()
    while word := reader.accept_any(*_MODIFIERS):
        words.add(word)
    reader.expect("TABLE")
    if_missing = reader.accept("IF", "NOT", "EXISTS")
    name = session.resolve(reader.name())
    if "ALTER" in words:
        return _create_or_alter(name, statement, session)
    kind = reader.accept_any("LIKE", "CLONE")
    if kind is None:
        return with_columns(reader, statement, session)
    source = session.resolve(reader.name())
    while reader.accept("COPY", "GRANTS"):
        pass
    reader.expect_end()
    copied = _Copy(
        source, name, kind == "CLONE", "REPLACE" in words, if_missing, bool(words & _TEMPORARY), "TRANSIENT" in words
    )
    return copied.run(session)


def _create_or_alter(name: SchemaName, statement: Statement, session: Session) -> Result | Statement:
    """Give the table the columns, keys, options and comment of the statement.

    What the statement does not name is removed from the table. A statement on a new table goes on as CREATE TABLE.
    See: https://docs.snowflake.com/en/sql-reference/sql/create-table (CREATE OR ALTER TABLE)
    """
    text = _without_or_alter(statement.text)
    physical = session.physical_table(name)
    with session.lock:
        if session.relation_kind(physical) is None:
            return Statement(text, (), statement.describe_only, statement.parameters)
    definition = parse(text)
    if not isinstance(definition, exp.Create) or not isinstance(definition.this, exp.Schema):
        raise Reader(text).unexpected()
    if definition.find(exp.Tags):
        raise unsupported("tags in CREATE OR ALTER of an existing table")  # in Snowflake too
    wanted, existing = declared_columns(session, name, definition), columns_of(session, name)
    keys, options = take_keys(session, definition.this), take_options(definition)
    comment = definition.find(exp.SchemaCommentProperty)
    kinds = {column.name: column.kind for column in wanted if column.kind}
    with session.lock:
        session.transaction.run(*ddl(name), lambda: reshape(session, physical, existing, wanted))
        set_comment(session, physical, "TABLE", None, comment.this.name if comment else None)
        session.notes.change(name, keys=keys, options=options, kinds=kinds)
    return Result.succeeded()


def _without_or_alter(text: str) -> str:
    reader = Reader(text)
    reader.expect("CREATE")
    start = reader.token.start
    reader.expect("OR", "ALTER")
    return text[:start] + text[reader.token.start :]


def _parts(name: SchemaName) -> tuple[str, str, str]:
    return name.database, name.schema, name.name
