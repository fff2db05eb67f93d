"""Hold a scripting block as a tree of statements.

See: https://docs.snowflake.com/en/developer-guide/snowflake-scripting/index
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sql:
    """Run any SQL statement. into: the variables that take its row's columns."""

    text: str
    into: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExecuteImmediate:
    """Run EXECUTE IMMEDIATE. expression: gives the statement's text. using: the variables for its placeholders."""

    expression: str
    using: tuple[str, ...] = ()


@dataclass(frozen=True)
class Declare:
    """Declare a variable, by DECLARE or LET. type: as declared, '' where the value tells it. value: an expression, or None."""

    name: str
    type: str = ""
    value: str | None = None


@dataclass(frozen=True)
class DeclareResultSet:
    """Declare a RESULTSET. query: what runs when it is declared, or None."""

    name: str
    query: Query | None = None


@dataclass(frozen=True)
class DeclareCursor:
    """Declare a cursor. source: a query, or the name of a RESULTSET; it is looked at when the cursor opens."""

    name: str
    source: str


@dataclass(frozen=True)
class Assign:
    """name := value. Whether the value is an expression or a query depends on what the name was declared as."""

    name: str
    value: str


@dataclass(frozen=True)
class Return:
    """Return from the block. expression: '' for RETURN without a value. table: RETURN TABLE(…)."""

    expression: str
    table: bool = False


@dataclass(frozen=True)
class Raise:
    """Raise an exception. name: '' raises the handled one again."""

    name: str = ""


@dataclass(frozen=True)
class Jump:
    """Leave or continue a loop. kind: BREAK or CONTINUE. label: of the loop that is meant, '' for the innermost."""

    kind: str
    label: str = ""


@dataclass(frozen=True)
class Nothing:
    """Do nothing: the statement NULL."""


@dataclass(frozen=True)
class If:
    """Choose by conditions. branches: (condition, statements); the condition of ELSE is ''."""

    branches: tuple[tuple[str, Body], ...]


@dataclass(frozen=True)
class Case:
    """Choose by CASE. operand: what the branches' values are compared with, or ''. The value of ELSE is ''."""

    operand: str
    branches: tuple[tuple[str, Body], ...]


@dataclass(frozen=True)
class For:
    """Run FOR name IN source. last: the upper bound when it counts, else None: source is a cursor or a RESULTSET."""

    name: str
    source: str
    last: str | None
    body: Body
    reverse: bool = False
    label: str = ""


@dataclass(frozen=True)
class While:
    """Run WHILE, REPEAT (until: the condition ends it, checked after the body) and LOOP ('' as condition)."""

    condition: str
    body: Body
    until: bool = False
    label: str = ""


@dataclass(frozen=True)
class Open:
    """Open a cursor. using: the variables for the placeholders of its query."""

    name: str
    using: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fetch:
    """Fetch from a cursor. into: the variables that take the next row's columns."""

    name: str
    into: tuple[str, ...]


@dataclass(frozen=True)
class Close:
    """CLOSE name."""

    name: str


@dataclass(frozen=True)
class Handler:
    """Handle exceptions: WHEN names THEN body. continues: behind the statement that failed, not at the block's end."""

    names: tuple[str, ...]
    body: Body
    continues: bool = False


@dataclass(frozen=True)
class Block:
    """Hold a block. exceptions: number and message by name."""

    declarations: Body
    body: Body
    handlers: tuple[Handler, ...] = ()
    exceptions: dict[str, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """Hold a statement and where it begins in the block's text: line from 1, position in it from 0."""

    node: Node
    line: int
    position: int


Query = Sql | ExecuteImmediate
Body = tuple[Step, ...]
Node = (
    Sql | ExecuteImmediate | Declare | DeclareResultSet | DeclareCursor | Assign | Return | Raise | Jump | Nothing | If
    | Case | For | While | Open | Fetch | Close | Block
)  # fmt: skip
