"""Hold the names of objects that live in a schema."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import Expr, exp

from local_stack.endpoint.language.quoting import quote_name


@dataclass(frozen=True)
class SchemaName:
    """Name an object that lives in a schema, in full."""

    database: str
    schema: str
    name: str

    def __str__(self) -> str:
        return ".".join(quote_name(part) for part in (self.database, self.schema, self.name))


def stored(name: Expr | str | None) -> str:
    """Return an identifier as stored."""
    if isinstance(name, exp.Identifier):
        return str(name.this) if name.quoted else str(name.this).upper()
    return "" if name is None else str(name.name if isinstance(name, Expr) else name).upper()


def called_name(call: exp.Anonymous) -> tuple[str, ...]:
    """Return the parts of a called function's name. The tree of `db.schema.f(x)` is a chain of dots."""
    parts: list[Expr | str] = [call.this]
    dot = call.parent
    if isinstance(dot, exp.Dot) and dot.expression is call:
        before = dot.this.flatten() if isinstance(dot.this, exp.Dot) else [dot.this]
        parts = [*(part if isinstance(part, exp.Identifier) else part.this for part in before), *parts]
    return tuple(stored(part) for part in parts)


def stored_name(text: str) -> str:
    """Return the name that a single written identifier is stored as: upper case unless quoted."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"')
    return text.upper()
