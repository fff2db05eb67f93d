"""Apply masking and row access policies in queries.

A query reads a protected table through the table's policies, also where it reads it through a view. The rewrite works
on DuckDB's tree, where a view's definition can replace the view.
See: https://docs.snowflake.com/en/user-guide/security-column-intro, security-row-intro
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import sqlglot
from sqlglot import Expr, exp

from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.features.rights.views import Place, definition, place_of, sources
from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.language.quoting import dotted
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import unsupported
from local_stack.endpoint.translation.context import CHANGED, Context, identifier

_REFERENCE = "POLICY REFERENCE"
# The protected table has this name while its policies are evaluated. Policies may query other tables.
_ROW = "PROTECTED_ROW"


@dataclass
class Protection:
    """Hold the policies of one table or view.

    `masks` holds the masking policy of each column, with the columns that are passed to it. `rows` is the row access
    policy.
    """

    masks: dict[str, tuple[StoredObject, list[str]]] = field(default_factory=dict)
    rows: tuple[StoredObject, list[str]] | None = None


@dataclass
class Reading:
    """Hold one statement's reading of protected tables: `bodies` are the policies' expressions that it has needed."""

    protected: dict[Place, Protection]
    session: Session
    bodies: dict[tuple[str, str, tuple[str, ...]], str] = field(default_factory=dict)


def policies(expression: Expr, context: Context) -> Expr:
    """Replace each protected table that a statement reads by what its policies let the role see of it."""
    session = context.session
    if not session.grants.enforced or _defines_view(expression):
        return expression
    protected = _protections(session)
    if not protected:
        return expression
    return _protect(expression, Reading(protected, session))


def _defines_view(expression: Expr) -> bool:
    return isinstance(expression, exp.Create) and expression.kind == "VIEW"


def _protections(session: Session) -> dict[Place, Protection]:
    return session.catalog.cached("policies", lambda: _read(session))


def _read(session: Session) -> dict[Place, Protection]:
    kinds = ("MASKING POLICY", "ROW ACCESS POLICY")
    known = {(kind, stored.full_name): stored for kind in kinds for stored in session.catalog.objects(kind)}
    found: dict[Place, Protection] = defaultdict(Protection)
    for reference in session.catalog.objects(_REFERENCE):
        said = reference.definition
        policy = known.get((said["policy_kind"], said["policy"]))
        if policy is None:
            continue
        protection = found[reference.database, reference.schema, said["table"]]
        given = said.get("given") or [said["column"]]
        if policy.kind == "MASKING POLICY":
            protection.masks[said["column"]] = policy, given
        else:
            protection.rows = policy, given
    return dict(found)


def _protect(tree: Expr, reading: Reading) -> Expr:
    hidden = {cte.alias.upper() for cte in tree.find_all(exp.CTE)}
    target = _target(tree)
    for table in list(tree.find_all(exp.Table)):
        if table is target or table.meta.get(CHANGED) or not isinstance(table.this, exp.Identifier):
            continue
        if not table.args.get("db") and table.name.upper() in hidden:
            continue
        query = _query(reading.session.full_name(table), reading)
        if query is not None:
            _stand_in(table, query)
    return tree


def _target(tree: Expr) -> exp.Table | None:
    if not isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge | exp.Create):
        return None
    found = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    return found if isinstance(found, exp.Table) else None


def _query(place: Place, reading: Reading) -> Expr | None:
    """Return the query that replaces a table or view. Return None where it may be read as it is."""
    protected, session = reading.protected, reading.session
    if not _shields(place, protected, session):
        return None
    source: Expr | None = None
    if (view := _view(place, session)) is not None:
        source = _expanded(view, reading)
    protection = protected.get(place)
    if protection is None:
        return source
    relation = f"({source.sql(dialect='duckdb')})" if source is not None else dotted(*place)
    masks = ", ".join(
        f"{_body(policy, given, reading)} AS {identifier(column).sql(dialect='duckdb')}"
        for column, (policy, given) in protection.masks.items()
    )
    where = f" WHERE {_body(*protection.rows, reading)}" if protection.rows else ""
    star = f"* REPLACE ({masks})" if masks else "*"
    return sqlglot.parse_one(f"SELECT {star} FROM {relation} AS {_ROW}{where}", read="duckdb")


def _shields(place: Place, protected: dict[Place, Protection], session: Session) -> bool:
    """Return whether a table or view has a policy, or anything that the view reads."""

    def found() -> bool:
        if place in protected:
            return True
        view = _view(place, session)
        return view is not None and any(_shields(place_of(table), protected, session) for table in sources(view))

    return session.grants.cached(("shields", place, frozenset(protected)), found)


def _view(place: Place, session: Session) -> exp.Create | None:
    return None if session.grants.has_owner("TABLE", ".".join(place)) else definition(place, session)


def _expanded(view: exp.Create, reading: Reading) -> Expr | None:
    """Return a view's query with the tables in it protected. Return None where none of them has a policy."""
    tree = view.copy()
    changed = False
    for table in list(sources(tree)):
        query = _query(place_of(table), reading)
        if query is not None:
            _stand_in(table, query)
            changed = True
    if not changed:
        return None
    query = tree.expression
    if isinstance(view.this, exp.Schema):
        columns = [exp.to_identifier(column.name, quoted=True) for column in view.this.expressions]
        alias = exp.TableAlias(this=exp.to_identifier("view"), columns=columns)
        return exp.select("*").from_(exp.Subquery(this=query, alias=alias))
    return query if isinstance(query, Expr) else None


def _stand_in(table: exp.Table, query: Expr) -> None:
    """Replace a table by a query, under the table's alias or name."""
    alias = table.args.get("alias") or exp.TableAlias(this=table.this.copy())
    extra = {name: table.args[name] for name in ("joins", "pivots", "laterals", "sample") if table.args.get(name)}
    table.replace(exp.Subquery(this=query, alias=alias.copy(), **extra))


def _body(policy: StoredObject, given: list[str], reading: Reading) -> str:
    """Return a policy's expression over the given columns as DuckDB SQL, for the roles in use."""
    key = policy.kind, policy.full_name, tuple(given)
    if key not in reading.bodies:
        reading.bodies[key] = _translated(policy, given, reading.session)
    return reading.bodies[key]


def _translated(policy: StoredObject, given: list[str], session: Session) -> str:
    values = policy.definition["properties"]
    names = {str(argument[0]).upper(): column for argument, column in zip(values["ARGUMENTS"], given, strict=False)}
    tree = parse(f"SELECT {values['BODY']} AS value")
    for column in list(tree.find_all(exp.Column)):
        if not column.table and column.name.upper() in names and not column.find_ancestor(exp.From):
            column.replace(exp.column(identifier(names[column.name.upper()]), table=identifier(_ROW)))
    translated = sqlglot.parse_one(session.to_duckdb(tree), read="duckdb")
    if not isinstance(translated, exp.Select) or len(translated.expressions) != 1:
        raise unsupported(f"the body of the policy {policy.full_name}")
    return f"({translated.expressions[0].unalias().sql(dialect='duckdb')})"
