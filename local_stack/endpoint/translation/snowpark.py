"""Rewrite what Snowpark writes and DuckDB reads otherwise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import Expr, exp

from local_stack.endpoint.statements import SqlError

if TYPE_CHECKING:
    from local_stack.endpoint.translation.context import Context
from typing import TYPE_CHECKING, Any

from local_stack.endpoint.statements import unsupported

# FLATTEN with all its arguments (INPUT, PATH, OUTER, RECURSIVE, MODE), as a lateral table macro.

_ARGUMENTS = ("input", "path", "outer", "recursive", "mode")
_STEP = re.compile(r"\[(\d+)\]|\[['\"]([^'\"]+)['\"]\]|\.?([^.\[\]]+)")


def flatten(expression: Expr, context: Context) -> Expr:
    """Rewrite `LATERAL FLATTEN(…)` and `TABLE(FLATTEN(…))` to `_sp_flatten_each(…)` or, if recursive, `_sp_flatten_tree(…)`."""
    del context
    for node in list(expression.find_all(exp.Lateral, exp.TableFromRows)):
        if isinstance(node.this, exp.Explode):
            alias = node.args.get("alias")
            target: Expr = node
            if isinstance(node.parent, exp.Subquery) and node.parent.this is node:
                # Snowpark writes `FROM ( TABLE (FLATTEN(…)))`
                target = node.parent
                alias = target.args.get("alias") or alias
            target.replace(_table(node.this, alias))
    return expression


def _table(call: exp.Explode, alias: Expr | None) -> exp.Table:
    given: dict[str, Expr] = {}
    for position, argument in enumerate([call.this, *call.expressions]):
        if isinstance(argument, exp.Kwarg):
            given[argument.this.name.lower()] = argument.expression
        else:
            given[_ARGUMENTS[position]] = argument
    if "input" not in given:
        raise SqlError("SQL compilation error:\nMissing argument INPUT of FLATTEN.", 938, "22023")
    mode = given["mode"].name.upper() if "mode" in given else "BOTH"
    recursive = _is_true(given.get("recursive"))
    path = given["path"].name if "path" in given else ""
    macro = "_sp_flatten_tree" if recursive else "_sp_flatten_each"
    arguments = [
        given["input"],
        exp.Literal.string(json_path(path)),
        exp.Boolean(this=_is_true(given.get("outer"))),
        exp.Literal.string(mode),
    ]
    named = alias.copy() if isinstance(alias, exp.TableAlias) else None
    return exp.Table(this=exp.Anonymous(this=f"_fs_global.main.{macro}", expressions=arguments), alias=named)


def _is_true(value: Expr | None) -> bool:
    return value is not None and value.sql().strip("'").upper() == "TRUE"


def json_path(path: str) -> str:
    """Return Snowflake's path (`a.b[0]['c d']`) as a JSON path: `$."a"."b"[0]."c d"`."""
    steps = []
    for match in _STEP.finditer(path):
        steps.append(f"[{match[1]}]" if match[1] else "." + (match[2] or match[3]))
    return "$" + "".join(steps)


# `TABLE(GENERATOR(ROWCOUNT => n))` with SEQ1/2/4/8, on which Snowpark's session.range is built.
#
# The rows come from DuckDB's range(n); a SEQ function counts from 0. A ROWCOUNT of a time limit alone is refused.

_COUNTER = exp.to_identifier("_SEQ", quoted=True)
_SEQUENCES = (exp.Seq1, exp.Seq2, exp.Seq4, exp.Seq8)


def generator(expression: Expr, context: Context) -> Expr:
    """Return a generated table becomes `(SELECT range AS _SEQ FROM RANGE(n))`, hidden from `*` by nothing: Snowflake has no
    columns there, and a statement that selects `*` from a generator is not valid."""
    del context
    for node in list(expression.find_all(exp.Generator)):
        rowcount = node.args.get("rowcount")
        if rowcount is None and node.args.get("timelimit") is not None:
            raise unsupported("GENERATOR(TIMELIMIT => …)")
        rows = exp.select(exp.alias_(exp.column("range"), _COUNTER.copy())).from_(
            exp.Anonymous(this="RANGE", expressions=[rowcount or exp.Literal.number(0)])
        )
        table: Expr = node.parent if isinstance(node.parent, exp.TableFromRows) else node
        alias = table.args.get("alias")
        if isinstance(table.parent, exp.Subquery) and table.parent.this is table:
            alias = table.parent.args.get("alias") or alias
            table = table.parent
        name = alias.this if alias is not None and alias.this else exp.to_identifier("_GENERATOR", quoted=True)
        table.replace(exp.Subquery(this=rows, alias=exp.TableAlias(this=name)))
    for sequence in list(expression.find_all(*_SEQUENCES)):
        sequence.replace(_counter(sequence))
    return expression


def _counter(sequence: Expr) -> Expr:
    """Return the row's number: the generator's counter where the query reads one, else a row number from 0."""
    select = sequence.find_ancestor(exp.Select)
    source = select.args.get("from_") if select is not None else None
    joined = select is not None and (select.args.get("joins") or select.args.get("laterals"))
    if source is not None and isinstance(source.this, exp.Subquery) and not joined:
        inner = source.this.this
        if isinstance(inner, exp.Select) and inner.named_selects == ["_SEQ"]:
            return exp.column(_COUNTER.copy())
    if sequence.find_ancestor(exp.Window) is not None:
        return exp.Literal.number(0)
    return exp.paren(exp.Sub(this=exp.Window(this=exp.RowNumber(), over="OVER"), expression=exp.Literal.number(1)))


# PIVOT: columns named as Snowflake names them, `IN (ANY)` and `IN (SELECT …)`, `DEFAULT ON NULL`.

_INTEGER_CASTS = (exp.DType.INT, exp.DType.BIGINT, exp.DType.SMALLINT, exp.DType.TINYINT)


def pivots(expression: Expr, context: Context) -> Expr:
    """Return the rewrite, on Snowflake's tree. The values of a dynamic pivot are read when the statement is planned."""
    for pivot in list(expression.find_all(exp.Pivot)):
        if pivot.args.get("unpivot") or not pivot.args.get("fields"):
            continue
        field = pivot.args["fields"][0]
        if isinstance(field, exp.In):
            _resolve(pivot, field, context)
            _name(field)
            if (default := pivot.args.get("default_on_null")) not in (None, False):
                _fill(pivot, field, default)
    return expression


def _resolve(pivot: exp.Pivot, field: exp.In, context: Context) -> None:
    """Write out the values of IN (ANY) and IN (subquery)."""
    query = field.args.get("query")
    items = list(field.expressions)
    source = pivot.parent
    if query is None and items and isinstance(items[0], exp.PivotAny):
        assert_source = source.copy() if source is not None else exp.Null()
        assert_source.set("pivots", None)
        column = field.this.copy()
        query = exp.select(column).distinct().from_(assert_source).where(column.copy().is_(exp.null()).not_())
        query = query.order_by(column.copy())
    elif query is None and len(items) == 1 and isinstance(items[0], exp.Subquery | exp.Select):
        query = items[0]
    if query is None:
        return
    select = query.this if isinstance(query, exp.Subquery) else query
    outcome = context.session.execute(select.sql(dialect="snowflake"))
    field.set("query", None)
    field.set("expressions", [exp.convert(row[0]) for row in outcome.rows() if row[0] is not None])
    pivot.set("columns", None)


def _name(field: exp.In) -> None:
    named: list[Expr] = []
    for item in field.expressions:
        if isinstance(item, exp.PivotAlias | exp.Alias):
            named.append(item)
        else:
            named.append(exp.PivotAlias(this=_value(item), alias=exp.to_identifier(_column_name(item), quoted=True)))
    field.set("expressions", named)


def _value(item: Expr) -> Expr:
    return item


def _column_name(item: Expr) -> str:
    """Return the name Snowflake gives a pivoted column: the value's canonical text."""
    if isinstance(item, exp.Cast):
        value = item.this.name
        if isinstance(item.this, exp.Null):
            return "NULL"
        if item.to.this in _INTEGER_CASTS:
            return f"CAST({value} AS NUMBER(38,0))"
        if item.to.this == exp.DType.DATE:
            return f"TO_DATE('{value}')"
    if isinstance(item, exp.Literal) and item.is_string:
        return f"'{item.this}'"
    return "NULL" if isinstance(item, exp.Null) else item.sql(dialect="snowflake")


def _fill(pivot: exp.Pivot, field: exp.In, default: Any) -> None:
    """Fill by DEFAULT ON NULL (x): a query around the pivot replaces the NULLs of its columns."""
    pivot.set("default_on_null", None)
    table = pivot.parent
    if table is None:
        return
    value = default if isinstance(default, Expr) else exp.convert(default)
    replaced = []
    for item in field.expressions:
        name = item.args["alias"].copy()
        replaced.append(exp.alias_(exp.Coalesce(this=exp.column(name), expressions=[value.copy()]), name.copy()))
    star = exp.Star(replace=replaced)
    alias = pivot.args.get("alias")
    inner = table.copy()
    table.replace(
        exp.Subquery(
            this=exp.Select(expressions=[star], from_=exp.From(this=inner)),
            alias=alias.copy() if isinstance(alias, exp.TableAlias) else None,
        )
    )


# Columns by position, which Snowpark's create_dataframe uses: `SELECT $1 AS A, $2 AS B FROM VALUES (1 :: INT, 'a')`.
#
# VALUES as a source gets Snowflake's names (COLUMN1, COLUMN2, …), and `$n` becomes DuckDB's positional reference `#n`,
# named `$n` where it is projected without an alias. `$n` over staged files is the stages' own rewrite.

_QUOTED_POSITION = re.compile(r"\$\d+")

if TYPE_CHECKING:
    from local_stack.endpoint.translation.context import Context


def named_values(expression: Expr, context: Context) -> Expr:
    """Name the columns of `FROM VALUES (…)` COLUMN1, COLUMN2, … unless an alias names them."""
    del context
    for values in expression.find_all(exp.Values):
        if not isinstance(values.parent, exp.From | exp.Join) or not values.expressions:
            continue
        first = values.expressions[0]
        width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
        alias = values.args.get("alias")
        if alias is not None and alias.args.get("columns"):
            continue
        name = alias.this if alias is not None and alias.this else exp.to_identifier("_VALUES", quoted=True)
        columns = [exp.to_identifier(f"COLUMN{n}", quoted=True) for n in range(1, width + 1)]
        values.set("alias", exp.TableAlias(this=name, columns=columns))
    return expression


def plain_tables(expression: Expr, context: Context) -> Expr:
    """Rewrite `FROM (t)` to `FROM t`: how Snowpark reads the temporary table of a large create_dataframe."""
    del context
    for subquery in list(expression.find_all(exp.Subquery)):
        table = subquery.this
        if not isinstance(table, exp.Table) or table.args.get("joins"):
            continue
        if isinstance(subquery.parent, exp.From | exp.Join) and not subquery.args.get("joins"):
            bare = table.copy()
            for part in ("alias", "sample", "pivots"):
                if subquery.args.get(part):
                    bare.set(part, subquery.args[part])
            subquery.replace(bare)
    return expression


def positional_columns(expression: Expr, context: Context) -> Expr:
    """Rewrite positions: `$n` of a query's one source to `#n`, and `t.$n` to the nth column of that source."""
    _unquote(expression)
    for position in list(expression.find_all(exp.Parameter)):
        if not isinstance(position.this, exp.Literal) or not position.this.name.isdigit():
            continue
        select = position.find_ancestor(exp.Select)
        if select is None or _reads_a_stage(select):
            continue
        qualified = position.parent if isinstance(position.parent, exp.Column) else None
        target: Expr = qualified or position
        number = int(position.this.name)
        if qualified is not None and qualified.table:
            name = _nth_column(select, qualified.table, number, context)
            if name is None:
                continue
            replacement: Expr = exp.column(name, table=qualified.args["table"].copy())
        else:
            replacement = exp.Var(this=f"#{number}")
        if isinstance(target.parent, exp.Select) and target.arg_key == "expressions":
            replacement = exp.alias_(replacement, f"${number}", quoted=True)
        target.replace(replacement)
    return expression


def _unquote(expression: Expr) -> None:
    """Take `"$1"`, as Snowpark quotes it, for a position too, unless the source has a column of that name."""
    for column in list(expression.find_all(exp.Column)):
        if column.table or not _QUOTED_POSITION.fullmatch(column.name) or not column.this.quoted:
            continue
        select = column.find_ancestor(exp.Select)
        source = select.args.get("from_") if select is not None else None
        if source is None or not isinstance(source.this, exp.Subquery | exp.Values):
            continue
        named = any(node.name == column.name for node in source.find_all(exp.Identifier))
        positions = any(f"${node.name}" == column.name for node in source.find_all(exp.Parameter))
        if not named and not positions:
            column.replace(exp.Parameter(this=exp.Literal.number(column.name[1:])))


def _reads_a_stage(select: exp.Select) -> bool:
    source = select.args.get("from_")
    table = source.this if source is not None else None
    return isinstance(table, exp.Table) and isinstance(table.this, exp.Var) and table.name.startswith("@")


def _nth_column(select: exp.Select, source: str, number: int, context: Context) -> exp.Identifier | None:
    """Return the name of column `number` of the source with this alias; None where it cannot be read off the statement."""
    for joined in [select.args.get("from_"), *(select.args.get("joins") or [])]:
        this = joined.this if joined is not None else None
        if this is None or this.alias_or_name.upper() != source.upper():
            continue
        alias = this.args.get("alias")
        if alias is not None and len(alias.args.get("columns") or []) >= number:
            return exp.Identifier(this=alias.args["columns"][number - 1].name, quoted=True)
        if isinstance(this, exp.Subquery) and isinstance(this.this, exp.Select):
            projections = this.this.expressions
            if number <= len(projections) and projections[number - 1].alias_or_name not in ("", "*"):
                name = projections[number - 1].alias_or_name
                return exp.Identifier(this=name, quoted=False)
        if isinstance(this, exp.Table) and isinstance(this.this, exp.Identifier):
            columns = context.columns(this) or ()
            if number <= len(columns):
                return exp.to_identifier(columns[number - 1].name, quoted=True)
    return None


# SAMPLE / TABLESAMPLE: the block methods, and Snowflake's limit on a number of rows.

_MAX_ROWS = 1_000_000


def samples(expression: Expr, context: Context) -> Expr:
    """Return every method samples by row (a block here would be most of a small table); SAMPLE (n ROWS) allows 0 to 1,000,000."""
    del context
    for sample in expression.find_all(exp.TableSample):
        method = sample.args.get("method")
        if method is not None and method.name.upper() in ("BLOCK", "SYSTEM", "ROW"):
            sample.set("method", exp.var("BERNOULLI"))
        size = sample.args.get("size")
        if isinstance(size, exp.Literal) and int(size.name) > _MAX_ROWS:
            raise SqlError(
                f"SQL compilation error:\ninvalid value [{size.name}] for parameter 'SAMPLE_SIZE': "
                f"the number of rows must be between 0 and {_MAX_ROWS}.",
                1003,
                "42000",
            )
    return expression
