"""Rewrite time formats, intervals, what keeps a DATE a DATE, and the functions of the session's clock."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import Expr, exp

from local_stack.endpoint.engine.native.number_format import FormatError, read_format
from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.parameters import PARAMETERS
from local_stack.endpoint.statements import unsupported
from local_stack.endpoint.translation import roles
from local_stack.endpoint.translation.context import Context, replace_each

# TO_CHAR / TO_VARCHAR: time formats element by element; without a format the cast to text.
#
# Source: Snowflake's "Date & time input and output formats". Text in double quotes is literal.

FORMAT_TIME = "_fs_global.main._sf_format_time"
_WITH_OFFSET = "_fs_global.main._sf_with_offset"
_OFFSET = re.compile("%(:?)z")
_ELEMENTS = {
    "YYYY": "%Y", "YY": "%y", "MMMM": "%B", "MON": "%b", "MM": "%m", "DD": "%d", "DY": "%a", "HH24": "%H", "HH12": "%I",
    "HH": "%H", "MI": "%M", "SS": "%S", "AM": "%p", "PM": "%p", "FF3": "%g", "FF6": "%f", "FF9": "%n", "FF": "%n",
    "TZHTZM": "%z", "TZH:TZM": "%z", "UTC": "UTC",
}  # fmt: skip
# TO_CHAR of a BINARY. See: https://docs.snowflake.com/en/sql-reference/binary-input-output
_OF_BINARY = {"HEX": "hex", "BASE64": "to_base64", "UTF-8": "decode", "UTF8": "decode"}
_TOKEN = re.compile(
    r'"([^"]*)"|(' + "|".join(sorted(_ELEMENTS, key=len, reverse=True)) + r")|(.)", re.IGNORECASE | re.DOTALL
)


def formats(expression: Expr, _: Context) -> Expr:
    """Return the rewrite. Raises SqlError for unknown elements of a format: they would be ignored silently."""

    def replace(node: Expr) -> Expr:
        if isinstance(node, exp.StrToTime | exp.TsOrDsToDate) and isinstance(node.args.get("format"), exp.Literal):
            given = node.args["format"]  # sqlglot has read it, and does not know HH
            given.set("this", re.sub("(?<!%)HH", "%H", given.name))
        if not isinstance(node, exp.ToChar):
            return node
        form = node.args.get("format")
        if form is None:
            return exp.Cast(this=node.this, to=exp.DataType.build("VARCHAR"))
        if isinstance(form, exp.DPipe) and all(isinstance(part, exp.Literal) for part in form.flatten()):
            form = exp.Literal.string("".join(part.name for part in form.flatten()))  # dbt's catalog asks so
        if not isinstance(form, exp.Literal):
            raise unsupported("TO_CHAR with a format that is not a literal")
        if written := _OF_BINARY.get(form.name.upper()):
            return exp.Anonymous(this=written, expressions=[node.this])
        if is_number_format(form.name):
            return _of_number(node.this, form)
        parts = [node.this, exp.Literal.string(strftime_format(form.name))]
        parts[1].set("this", parts[1].name.replace("%z", "%:z" if "TZH:TZM" in form.name.upper() else "%z"))
        return _with_offset(exp.Anonymous(this=FORMAT_TIME, expressions=parts), node.this, parts[1])

    return replace_each(expression, replace)


def _with_offset(formatted: Expr, value: Expr, form: Expr) -> Expr:
    """Write the offset in a formatted time; DuckDB leaves its minutes out. form: the literal in it, which is changed."""
    found = _OFFSET.search(form.name) if isinstance(form, exp.Literal) else None
    if found is None:
        return formatted
    form.set("this", _OFFSET.sub("\x01", form.name))
    return exp.Anonymous(this=_WITH_OFFSET, expressions=[formatted.copy(), value.copy(), exp.Literal.string(found[1])])


def is_number_format(text: str) -> bool:
    """Return whether a format is one of numbers: it has places of digits and no part of a time."""
    bare = re.sub(r'"[^"]*"', "", text).upper()
    return bool(re.search(r"[09X$]|TM|^FM", re.sub(r"FF\d", "", bare))) and not re.search(
        r"YY|MM|DD|HH|SS|FF|MI:", bare
    )


def _of_number(value: Expr, form: exp.Literal) -> Expr:
    try:
        read_format(form.name)
    except FormatError as error:
        raise unsupported(f"'{error}' in the TO_CHAR number format '{form.name}'") from None
    text = exp.Cast(this=value, to=exp.DataType(this=exp.DType.VARCHAR))
    return exp.Anonymous(this="_sf_native_number", expressions=[text, form])


def strftime_format(text: str) -> str:
    """Return a Snowflake time format as DuckDB's strftime takes it."""
    if unknown := re.search(r"FF[0124578]", text):
        raise unsupported(f"element '{unknown[0]}' of the format '{text}'")
    out = ""
    for match in _TOKEN.finditer(text):
        quoted, element, other = match.groups()
        if quoted is not None:
            out += quoted.replace("%", "%%")
        elif element is not None:
            out += _ELEMENTS[element.upper()]
        elif other.isalpha() and other.upper() != "T":
            raise unsupported(f"element '{other}' of the format '{text}'")
        else:
            out += "%%" if other == "%" else other
    return out


_DATE = exp.DataType.Type.DATE
_TIMESTAMPS = {exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ}
_TIMESTAMP_FUNCTIONS = {"TO_TIMESTAMP", "TO_TIMESTAMP_NTZ", "TRY_TO_TIMESTAMP", "TRY_TO_TIMESTAMP_NTZ"}


def input_formats(expression: Expr, context: Context) -> Expr:
    """Follow DATE_INPUT_FORMAT and TIMESTAMP_INPUT_FORMAT, of the session or of one statement: how casts read text.

    Nothing to do while the formats are AUTO.
    """
    date, timestamp = context.parameter("DATE_INPUT_FORMAT"), context.parameter("TIMESTAMP_INPUT_FORMAT")
    if date.upper() == timestamp.upper() == "AUTO":
        return expression

    def replace(node: Expr) -> Expr:
        if (kind := _reads(node)) is None:
            return node
        form = date if kind == "date" else timestamp
        return node if form.upper() == "AUTO" else _read(node, kind, form)

    return replace_each(expression, replace)


def _reads(node: Expr) -> str | None:
    """Return what a conversion without a format of its own reads: a date or a timestamp; None for any other node."""
    if isinstance(node, exp.Cast):
        return "date" if node.to.this == _DATE else "timestamp" if node.to.this in _TIMESTAMPS else None
    if isinstance(node, exp.TsOrDsToDate):
        return None if node.args.get("format") else "date"
    called = isinstance(node, exp.Anonymous) and str(node.this).upper() in _TIMESTAMP_FUNCTIONS
    return "timestamp" if called and len(node.expressions) == 1 else None


def _read(node: Expr, kind: str, form: str) -> Expr:
    lenient = isinstance(node, exp.TryCast) or bool(node.args.get("safe")) or str(node.this).upper().startswith("TRY_")
    value: Expr = node.expressions[0] if isinstance(node, exp.Anonymous) else node.this
    macro = f"_fs_global.main._sf_{'try_' if lenient else ''}{kind}_input"
    return exp.Anonymous(this=macro, expressions=[value.copy(), exp.Literal.string(strftime_format(form))])


_OUTPUT = {
    name: PARAMETERS[name].default
    for name in (
        "DATE_OUTPUT_FORMAT",
        "TIMESTAMP_NTZ_OUTPUT_FORMAT",
        "TIMESTAMP_OUTPUT_FORMAT",
        "TIMESTAMP_LTZ_OUTPUT_FORMAT",
    )
}


def output_formats(context: Context) -> list[Expr]:
    """Return the arguments of _sf_formatted: how a date, a TIMESTAMP_NTZ and a TIMESTAMP_LTZ become text in this statement.

    Empty while every format is the default. A format of NTZ or LTZ that is empty is that of TIMESTAMP_OUTPUT_FORMAT.
    See: https://docs.snowflake.com/en/sql-reference/date-time-input-output
    """
    given = {name: context.parameter(name) for name in _OUTPUT}
    date, local, common, zoned = (_OUTPUT[n] if text.upper() == "AUTO" else text for n, text in given.items())
    if [date, local, common, zoned] == list(_OUTPUT.values()):
        return []
    texts = [strftime_format(text) for text in (date, local or common, zoned or common)]
    # DuckDB leaves the minutes of an offset out: the macro puts it where chr(1) stands. A value without a zone has offset 0.
    return [
        exp.Literal.string(text.replace("%z", "+0000" if number < 2 else "\x01")) for number, text in enumerate(texts)
    ]


_OF_DAYS = frozenset({"YEAR", "QUARTER", "MONTH", "WEEK", "DAY"})


def shifted_dates(expression: Expr, _: Context) -> Expr:
    """Keep a DATE a DATE where it is truncated, or days, weeks, months or years are added; DuckDB makes a TIMESTAMP of it.

    Runs after fakesnow's transforms. See: https://docs.snowflake.com/en/sql-reference/functions/dateadd and …/date_trunc
    """

    def replace(node: Expr) -> Expr:
        whole_days = isinstance(node, exp.AddMonths | exp.DateTrunc | exp.TimestampTrunc) or (
            isinstance(node, exp.DateAdd) and (node.args.get("unit") or exp.var("DAY")).name.upper() in _OF_DAYS
        )
        if not whole_days or isinstance(node.this, exp.Literal):
            return node
        return exp.Anonymous(this="cast_to_type", expressions=[node.copy(), node.this.copy()])

    return replace_each(expression, replace)


UNITS = {
    **dict.fromkeys(("Y", "YY", "YYY", "YYYY", "YR", "YEAR", "YEARS", "YRS"), "year"),
    **dict.fromkeys(("Q", "QTR", "QTRS", "QUARTER", "QUARTERS"), "quarter"),
    **dict.fromkeys(("MM", "MON", "MONS", "MONTH", "MONTHS"), "month"),
    **dict.fromkeys(("W", "WK", "WEEKOFYEAR", "WOY", "WY", "WEEK", "WEEKS"), "week"),
    **dict.fromkeys(("D", "DD", "DAYOFMONTH", "DAY", "DAYS"), "day"),
    **dict.fromkeys(("H", "HH", "HR", "HRS", "HOUR", "HOURS"), "hour"),
    **dict.fromkeys(("M", "MI", "MIN", "MINUTE", "MINUTES", "MINS"), "minute"),
    **dict.fromkeys(("", "S", "SEC", "SECS", "SECOND", "SECONDS"), "second"),
    **dict.fromkeys(("MS", "MSEC", "MILLISECOND", "MILLISECONDS"), "millisecond"),
    **dict.fromkeys(("US", "USEC", "MICROSECOND", "MICROSECONDS"), "microsecond"),
}
_PART = re.compile(r"\s*([+-]?\d+)\s*([A-Za-z]*)\s*")


def intervals(expression: Expr, _: Context) -> Expr:
    """Read the parts of an interval, of which each is added: `INTERVAL '1 y, 3 d'`. Raises SqlError for an unknown unit.

    See: https://docs.snowflake.com/en/sql-reference/data-types-datetime (interval constants)
    """
    for node in expression.find_all(exp.Interval):
        value = node.this
        if node.args.get("unit") is not None or not isinstance(value, exp.Literal) or not value.is_string:
            continue
        parts = [_PART.fullmatch(part) for part in value.name.split(",")]
        if not all(part and part[2].upper() in UNITS for part in parts):
            raise compilation_error(f"'{value.name}' is not a valid interval", 1003, "42000")
        value.set("this", " ".join(f"{part[1]} {UNITS[part[2].upper()]}" for part in parts if part))
    return expression


# CURRENT_ROLE(), LAST_QUERY_ID(), … as literals from the session.

_FUNCTIONS: dict[str, Callable[[Context], str | None]] = {
    "CURRENT_ROLE": lambda c: c.session.role,
    "CURRENT_WAREHOUSE": lambda c: c.session.warehouse,
    "CURRENT_USER": lambda c: c.session.user,
    "CURRENT_DATABASE": lambda c: c.database,
    "CURRENT_SCHEMA": lambda c: c.schema,
    "CURRENT_SESSION": lambda c: c.session.number,
    "CURRENT_ACCOUNT": lambda _: "LOCAL",
    "CURRENT_ACCOUNT_NAME": lambda _: "LOCAL",
    "CURRENT_ORGANIZATION_NAME": lambda _: "LOCAL",
    "CURRENT_REGION": lambda _: "LOCAL",
    "CURRENT_CLIENT": lambda _: "LOCAL",
    "CURRENT_IP_ADDRESS": lambda _: "127.0.0.1",
    "CURRENT_SECONDARY_ROLES": lambda c: roles.secondary_roles(c.session),
    "CURRENT_AVAILABLE_ROLES": lambda c: roles.available_roles(c.session),
    "CURRENT_STATEMENT": lambda c: c.text,
    "CURRENT_TRANSACTION": lambda c: None if c.session.transaction_id is None else str(c.session.transaction_id),
}


def session_functions(expression: Expr, context: Context) -> Expr:
    """Return the rewrite."""

    def replace(node: Expr) -> Expr:
        name = _name(node)
        if name == "LAST_QUERY_ID":
            value = _last_query_id(node, context)
        elif name in _FUNCTIONS:
            value = _FUNCTIONS[name](context)
        else:
            return node
        return exp.Null() if value is None else exp.Literal.string(value)

    return replace_each(expression, replace)


_NOW: dict[type[Expr], str] = {
    exp.CurrentDate: "current_date",
    exp.CurrentTimestamp: "get_current_timestamp",
    exp.Localtime: "current_localtime",
    exp.Localtimestamp: "current_localtimestamp",
}


def called_times(expression: Expr, _: Context) -> Expr:
    """Call the functions that give the time: without parentheses DuckDB takes them for the column of their name.

    Runs after fakesnow's transforms.
    """

    def replace(node: Expr) -> Expr:
        function = _NOW.get(type(node))
        if function is None or node.args.get("sysdate") or node.find_ancestor(exp.ColumnDef):
            return node
        return exp.Anonymous(this=function)

    return replace_each(expression, replace) if expression.find(*_NOW) else expression


def _name(node: Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return str(node.this).upper()
    if isinstance(node, exp.Func) and type(node).__name__.startswith("Current"):
        return node.sql_name().upper()
    return ""


def _last_query_id(node: Expr, context: Context) -> str | None:
    """Answer LAST_QUERY_ID(n): the n-th of the session from its start, or from its end where negative (default -1)."""
    position = -1
    if node.expressions:
        position = int(node.expressions[0].sql())
    ids = context.session.query_ids
    index = position - 1 if position > 0 else len(ids) + position
    return ids[index] if 0 <= index < len(ids) else None
