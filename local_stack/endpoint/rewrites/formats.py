"""TO_CHAR / TO_VARCHAR: time formats element by element; without a format the cast to text.

Source: Snowflake's "Date & time input and output formats". Text in double quotes is literal.
"""

from __future__ import annotations

import re

from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context, replace_each
from local_stack.endpoint.statements import unsupported

FORMAT_TIME = "_fs_global.main._sf_format_time"
_ELEMENTS = {
    "YYYY": "%Y", "YY": "%y", "MMMM": "%B", "MON": "%b", "MM": "%m", "DD": "%d", "DY": "%a", "HH24": "%H", "HH12": "%I",
    "HH": "%H", "MI": "%M", "SS": "%S", "AM": "%p", "PM": "%p", "FF3": "%g", "FF6": "%f", "FF9": "%n", "FF": "%n",
    "TZHTZM": "%z", "TZH:TZM": "%z",
}  # fmt: skip
_TOKEN = re.compile(
    r'"([^"]*)"|(' + "|".join(sorted(_ELEMENTS, key=len, reverse=True)) + r")|(.)", re.IGNORECASE | re.DOTALL
)


def formats(expression: Expr, _: Context) -> Expr:
    """The rewrite. Raises SqlError for number formats and unknown elements: they would be ignored silently."""

    def replace(node: Expr) -> Expr:
        if not isinstance(node, exp.ToChar):
            return node
        form = node.args.get("format")
        if form is None:
            return exp.Cast(this=node.this, to=exp.DataType.build("VARCHAR"))
        if not isinstance(form, exp.Literal):
            raise unsupported("TO_CHAR with a format that is not a literal")
        return exp.Anonymous(this=FORMAT_TIME, expressions=[node.this, exp.Literal.string(strftime_format(form.name))])

    return replace_each(expression, replace)


def strftime_format(text: str) -> str:
    """A Snowflake time format as DuckDB's strftime takes it."""
    if re.search(r"[09X$]", re.sub(r'"[^"]*"|FF\d', "", text)) and not re.search(r"YY|MM|DD|HH|MI|SS|FF", text.upper()):
        raise unsupported(f"TO_CHAR number format '{text}'")
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
