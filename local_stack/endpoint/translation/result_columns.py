"""Tell what DuckDB does not know of a query's columns: ARRAY, OBJECT or TIMESTAMP_TZ, VARCHAR's length, and what never is NULL.

DuckDB has one type, JSON, for VARIANT, ARRAY and OBJECT, one type for TIMESTAMP_LTZ and TIMESTAMP_TZ, and its results say
nothing of NULL. It is read off the query, down to constants, casts, functions and the declared columns of tables. What
cannot be told is a VARIANT, a TIMESTAMP_LTZ, and can be NULL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sqlglot import Expr, exp

from local_stack.endpoint.language.types import Kind
from local_stack.endpoint.outcome import ColumnInfo, Outcome
from local_stack.endpoint.translation.known_columns import Columns, Known, TableColumns
from local_stack.endpoint.translation.nullability import can_be_null
from local_stack.endpoint.translation.value_types import NUMBER, TEXT, VARIANT, branches, type_of
from local_stack.endpoint.translation.variables import INLINED

_TYPES: dict[exp.DType, Kind] = {
    exp.DType.ARRAY: "ARRAY",
    exp.DType.LIST: "ARRAY",
    exp.DType.OBJECT: "OBJECT",
    exp.DType.MAP: "OBJECT",
    exp.DType.STRUCT: "OBJECT",
    exp.DType.TIMESTAMPTZ: "TIMESTAMP_TZ",
}
# Functions by sqlglot's class, or by name where it has none.
_FUNCTIONS: dict[str, Kind] = {
    **dict.fromkeys(
        ("Array", "ArrayAgg", "ArrayAppend", "ArrayCompact", "ArrayConcat", "ArrayDistinct", "ArrayPrepend", "ArraySlice",
         "ArrayExcept", "ArrayIntersect", "ArrayInsert", "ArrayRemove", "ArraySort", "SortArray", "ArrayReverse", "MapKeys",
         "JSONKeys", "Split", "ToArray", "StrtokToArray", "ArrayUnionAgg", "ArrayUniqueAgg", "ArraysZip", "GenerateSeries",
         "ArrayConstructCompact", "Flatten"), "ARRAY"),
    **dict.fromkeys(
        ("JSONObject", "JSONObjectAgg", "ObjectAgg", "ObjectInsert", "Struct", "ARRAYS_TO_OBJECT", "TO_OBJECT",
         "OBJECT_CONSTRUCT", "OBJECT_CONSTRUCT_KEEP_NULL", "OBJECT_DELETE", "OBJECT_PICK"), "OBJECT"),
    **dict.fromkeys(("TO_TIMESTAMP_TZ", "TRY_TO_TIMESTAMP_TZ", "TimestampTzFromParts"), "TIMESTAMP_TZ"),
}  # fmt: skip
_REFINED = {"ARRAY": "VARIANT", "OBJECT": "VARIANT", "TIMESTAMP_TZ": "TIMESTAMP_LTZ"}  # what DuckDB takes each kind for


def described(outcome: Outcome, expression: Expr, of_table: TableColumns) -> Outcome:
    """Return the outcome of a query, its columns described as far as they are known."""
    if not isinstance(expression, exp.Query):
        return outcome
    known = columns_of_query(expression, of_table)
    if known is None or len(known) != len(outcome.columns):
        return outcome
    return replace(outcome, columns=tuple(map(_described, outcome.columns, known)))


def _described(column: ColumnInfo, known: Known) -> ColumnInfo:
    if known.kind and column.type == _REFINED[known.kind]:
        column = replace(column, type=known.kind)
    if known.length and column.type == "TEXT":
        column = replace(column, length=known.length)
    return replace(column, nullable=column.nullable and known.nullable)


def declared(kind: exp.DataType | None) -> Kind | None:
    """Return the kind that a column or a cast declares."""
    return _TYPES.get(kind.this) if isinstance(kind, exp.DataType) else None


def columns_of_view(create: exp.Create, of_table: TableColumns) -> Sequence[Known]:
    """Return the columns of the view that CREATE VIEW makes, as far as they are known."""
    query = create.expression
    columns = columns_of_query(query, of_table) if isinstance(query, exp.Query) else None
    names = create.this.expressions if isinstance(create.this, exp.Schema) else ()
    if columns is None or (names and len(names) != len(columns)):
        return ()
    given = [_stored_name(name if isinstance(name, exp.Identifier) else name.this) for name in names]
    return [replace(one, name=name) for one, name in zip(columns, given, strict=True)] if given else columns


def columns_of_create(create: exp.Create, of_table: TableColumns) -> dict[str, Kind]:
    """Return the columns of a kind of a table that CREATE TABLE makes."""
    if isinstance(create.this, exp.Schema):
        named = [
            Known(_stored(c), declared(c.args.get("kind")))
            for c in create.this.expressions
            if isinstance(c, exp.ColumnDef)
        ]
    else:
        query = create.expression
        named = list((columns_of_query(query, of_table) if isinstance(query, exp.Query) else None) or [])
    return {column.name: column.kind for column in named if column.kind is not None}


def columns_of_query(query: Expr, of_table: TableColumns) -> Columns:
    """Return the columns of a query."""
    if clause := query.args.get("with_"):
        of_table = _with_names(clause, of_table)
    if isinstance(query, exp.Subquery):
        return columns_of_query(query.this, of_table)
    if isinstance(query, exp.SetOperation):
        return _united(columns_of_query(query.left, of_table), columns_of_query(query.right, of_table), query)
    return Scope(query, of_table).columns() if isinstance(query, exp.Select) else None


# What LATERAL FLATTEN(…) has beside its source.
_FLATTENED = tuple(
    Known(name, type=kind)
    for name, kind in zip(
        ("SEQ", "KEY", "PATH", "INDEX", "VALUE", "THIS"), (NUMBER, TEXT, TEXT, NUMBER, VARIANT, VARIANT), strict=True
    )
)


def scopes(query: Expr, of_table: TableColumns) -> Iterator[Scope]:
    """Yield every SELECT in a statement, those that it needs first, and last what UPDATE, MERGE or DELETE has of its own."""
    if clause := query.args.get("with_"):
        for named in clause.expressions:
            yield from scopes(named.this, of_table)
        of_table = _with_names(clause, of_table)
    for inner in _queries_in(query):
        yield from scopes(inner, of_table)
    if isinstance(query, exp.Select):
        yield Scope(query, of_table)
    elif isinstance(query, exp.Update | exp.Merge | exp.Delete):
        yield Scope(_sources(query), of_table, query)


def _sources(change: exp.Update | exp.Merge | exp.Delete) -> exp.Select:
    """Return a query that has what a change of rows reads for its sources."""
    source = change.args.get("from_") or change.args.get("using")
    source = source.this if isinstance(source, exp.From) else source
    query = exp.select("*").from_(change.this.copy())
    for other in source if isinstance(source, list) else [source]:
        if isinstance(other, Expr):
            query.join(other.copy(), join_type="cross", copy=False)
    return query


def _queries_in(query: Expr) -> Iterator[Expr]:
    """Yield the queries that are in no other one in this query, those of its WITH aside."""
    for node in query.walk(prune=lambda node: node is not query and isinstance(node, exp.Query | exp.With)):
        if node is not query and isinstance(node, exp.Query):
            yield node


def _with_names(clause: exp.With, of_table: TableColumns) -> TableColumns:
    """Return of_table, for which the queries of a WITH are tables too."""
    for named in clause.expressions:
        columns = None if clause.args.get("recursive") else columns_of_query(named.this, of_table)
        of_table = _also(_stored(named.args["alias"]), _renamed(columns, named.args["alias"]), of_table)
    return of_table


def _also(name: str, columns: Columns, of_table: TableColumns) -> TableColumns:
    return lambda table: columns if not table.db and _stored(table) == name else of_table(table)


def _united(left: Columns, right: Columns, query: exp.SetOperation) -> Columns:
    if left is None or right is None or len(left) != len(right) or query.args.get("by_name"):
        return None
    return [
        Known(
            one.name,
            one.kind if one.kind == other.kind else None,
            one.nullable or other.nullable,
            max(one.length, other.length) if one.length and other.length else None,
            one.type if one.type == other.type else None,
        )
        for one, other in zip(left, right, strict=True)
    ]


def _renamed(columns: Columns, alias: Expr | None) -> Columns:
    names = alias.args.get("columns") if alias is not None else None
    if columns is None or not names:
        return columns
    return [replace(one, name=_stored_name(name)) for one, name in zip(columns, names, strict=False)]


class Scope:
    """Hold one SELECT: its sources by alias, in order. tree: what stands in its scope, if that is not in the SELECT."""

    def __init__(self, select: exp.Select, of_table: TableColumns, tree: Expr | None = None) -> None:
        self.select, self.tree, self._of_table = select, tree or select, of_table
        self.sources: list[tuple[str, Columns]] = []
        self._merges_columns = False  # by USING or NATURAL: `*` has them once
        clause = select.args.get("from_")
        if clause is not None:
            self._add(clause.this)
            for join in (*(clause.this.args.get("joins") or ()), *(select.args.get("joins") or ())):
                self._join(join)
        for lateral in select.args.get("laterals") or ():
            self.sources.append((_stored_name(lateral.args.get("alias")), _flattened(lateral)))

    def columns(self) -> Columns:
        found: list[Known] = []
        for projection in self.select.expressions:
            if isinstance(projection, exp.Star) or projection.is_star:
                chosen = self._star(projection)
                if chosen is None:
                    return None
                found += chosen
            else:
                nullable, length = self._nullable(projection), self._length(projection)
                kind, known_type = self._kind(projection), self.type_of(projection)
                found.append(
                    Known(_stored(projection), kind, nullable, length, known_type, self.exact(projection.unalias()))
                )
        return found

    def _add(self, source: Expr) -> None:
        self.sources.append((_stored_name(source.args.get("alias")) or _stored(source), self._source(source)))

    def _source(self, source: Expr) -> Columns:
        columns: Columns = None
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
            columns = self._of_table(source)
        elif isinstance(source, exp.Subquery):
            columns = columns_of_query(source, self._of_table)
            if isinstance(source.this, exp.Table) and not source.this.args.get("joins"):
                columns = self._source(source.this)
        elif isinstance(source, exp.Values):
            columns = _values(source)
        elif isinstance(source, exp.Lateral | exp.TableFromRows):
            columns = _flattened(source)
        if source.args.get("pivots") or source.args.get("changes") or source.args.get("joins"):
            return None
        return _renamed(columns, source.args.get("alias"))

    def _join(self, join: exp.Join) -> None:
        before = len(self.sources)
        self._add(join.this)
        side = str(join.args.get("side") or "").upper()
        self._merges_columns |= bool(join.args.get("using") or str(join.args.get("method") or "").upper() == "NATURAL")
        if str(join.args.get("method") or "").upper() == "ASOF":
            side = "LEFT"
        for position, (name, columns) in enumerate(self.sources):
            optional = side == "FULL" or (side == "LEFT") == (position >= before)
            if side in ("FULL", "LEFT", "RIGHT") and optional and columns is not None:
                self.sources[position] = (name, [replace(one, nullable=True) for one in columns])

    def _star(self, projection: Expr) -> Columns:
        star = projection if isinstance(projection, exp.Star) else projection.this
        if not isinstance(star, exp.Star) or any(
            star.args.get(part) for part in ("except_", "replace", "rename", "ilike")
        ):
            return None
        wanted = _stored_name(projection.args.get("table")) if isinstance(projection, exp.Column) else ""
        chosen = [columns for name, columns in self.sources if not wanted or name == wanted]
        if self._merges_columns or not chosen or None in chosen:
            return None
        return [column for columns in chosen for column in columns or ()]

    def _find(self, node: Expr) -> Known | None:
        """Return the source's column that a column or a position stands for."""
        if isinstance(node, exp.Parameter) or isinstance(node.this, exp.Parameter):
            position = node if isinstance(node, exp.Parameter) else node.this
            columns = self.sources[0][1] if len(self.sources) == 1 else None
            number = int(position.this.name) if position.this.name.isdigit() else 0
            return columns[number - 1] if columns is not None and 0 < number <= len(columns) else None
        table = _stored_name(node.args.get("table"))
        for name, columns in self.sources:
            for column in columns or ():
                if column.name == _stored(node) and table in ("", name):
                    return column
        return None

    def _nullable(self, projection: Expr) -> bool:
        if _groups_are_merged(self.select):
            return True
        return can_be_null(projection, self._nullable_column)

    def _nullable_column(self, node: Expr) -> bool:
        found = self._find(node)
        return found is None or found.nullable

    def _length(self, projection: Expr) -> int | None:
        """Return the length of a text's type: of a choice that of its longest branch, NULL aside."""
        value = _bare(projection)
        if isinstance(value, exp.Column | exp.Parameter):
            found = self._find(value)
            return found.length if found else None
        if isinstance(value, exp.Case | exp.If | exp.Coalesce):
            lengths = [self._length(branch) for branch in branches(value) if not isinstance(branch, exp.Null)]
            return max((length for length in lengths if length), default=None) if all(lengths) else None
        return _declared_length(value)

    def nodes(self, *kinds: type[Expr]) -> list[Expr]:
        """Return what is of some classes in this scope, not in a query within it: the innermost first."""
        found = self.tree.walk(prune=lambda node: node is not self.tree and isinstance(node, exp.Query | exp.With))
        return sorted((node for node in found if isinstance(node, kinds)), key=lambda node: -node.depth)

    def type_of(self, projection: Expr) -> str | None:
        """Return the type of a value, as far as it is known."""
        return type_of(projection, self._type_of_column) or self._kind(projection)

    def exact(self, value: Expr) -> str | None:
        """Return the type of a table's column as DESCRIBE shows it; None for any other value."""
        found = self._find(value.unnest()) if isinstance(value.unnest(), exp.Column) else None
        return found.exact if found is not None else None

    def _type_of_column(self, node: Expr) -> str | None:
        if (found := self._find(node)) is not None:
            return found.type
        if not isinstance(node, exp.Column) or node.args.get("table"):
            return None
        # An alias: of the projections, those before the one that it stands in.
        before = self.select.selects[: self._place(node)]
        named = next((one for one in before if isinstance(one, exp.Alias) and _stored(one) == _stored(node)), None)
        return None if named is None else type_of(named, self._type_of_column)

    def _place(self, node: Expr) -> int | None:
        """Return in which projection a node stands; None where it stands in another clause."""
        place: Expr | None = node
        while place is not None and place.parent is not self.select:
            place = place.parent
        return place.index if place is not None and place.arg_key == "expressions" else None

    def _kind(self, projection: Expr) -> Kind | None:
        value = _bare(projection)
        if isinstance(value, exp.Cast):
            return declared(value.to)
        if isinstance(value, exp.Column | exp.Parameter):
            found = self._find(value)
            return found.kind if found else None
        name = str(value.this).upper() if isinstance(value, exp.Anonymous) else type(value).__name__
        return _FUNCTIONS.get(name)


def _flattened(source: Expr) -> Columns:
    alias = source.args.get("alias")
    return _renamed(_FLATTENED, alias) if isinstance(source.this, exp.Explode) else None


def _bare(projection: Expr) -> Expr:
    value = projection.unalias()
    while isinstance(value, exp.Paren):
        value = value.this
    return value


def _declared_length(value: Expr) -> int | None:
    """Return the length of a text's type: of a constant its own, of a cast to VARCHAR(n) n."""
    if isinstance(value, exp.Literal) and value.is_string:
        return None if INLINED in value.meta else len(value.name) or None
    if type(value) is not exp.Cast or not value.to.is_type(*exp.DataType.TEXT_TYPES) or not value.to.expressions:
        return None
    size = value.to.expressions[0].this
    return int(size.name) if isinstance(size, exp.Literal) else None


def _groups_are_merged(select: exp.Select) -> bool:
    """Return whether groups are merged: ROLLUP, CUBE and GROUPING SETS give NULL for what they sum up."""
    group = select.args.get("group")
    return group is not None and group.find(exp.Rollup, exp.Cube, exp.GroupingSets) is not None


def _values(values: exp.Values) -> Columns:
    rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in values.expressions]
    if not rows or len({len(row) for row in rows}) != 1:
        return None
    return [
        Known(
            f"COLUMN{number}",
            _constant_kind(cells[0]),
            any(can_be_null(cell, lambda _: True) for cell in cells),
            max((_declared_length(cell) or 0 for cell in cells), default=0)
            if all(map(_declared_length, cells))
            else None,
            _common_type(cells),
        )
        for number, cells in enumerate(zip(*rows, strict=True), start=1)
    ]


def _common_type(cells: Sequence[Expr]) -> str | None:
    types = {type_of(cell, lambda _: None) for cell in cells if not isinstance(cell, exp.Null)}
    return types.pop() if len(types) == 1 else None


def _constant_kind(cell: Expr) -> Kind | None:
    return declared(cell.to) if isinstance(cell, exp.Cast) else _FUNCTIONS.get(type(cell).__name__)


def _stored(projection: Expr) -> str:
    if isinstance(projection, exp.Parameter):
        return f"${projection.this.name}"
    named: Mapping[str, Expr] = projection.args
    return _stored_name(named.get("alias") if isinstance(projection, exp.Alias) else named.get("this"))


def _stored_name(named: object) -> str:
    if isinstance(named, exp.TableAlias):
        named = named.this
    if not isinstance(named, exp.Identifier):
        return ""
    return str(named.this) if named.quoted else str(named.this).upper()
