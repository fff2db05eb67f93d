"""Documents: what is JSON is told in SQL by RFC 8259, as the Spark job tells it.

PARSE_JSON takes more than that (keys without quotes, single quotes, NaN, undefined, commas at an end:
https://docs.snowflake.com/en/sql-reference/functions/check_json), so a purchase whose document has such a thing would have an
amount here and none in its session.
"""

from __future__ import annotations

# No two braces in a row: the deployment would take them for its own. ~ stands for a backslash, so that no pattern needs any.
_SPACE = "[[:space:]]*"
_STRING = '"([^"~[:cntrl:]]|~(["/bfnrt~]|u[0-9a-fA-F]{4}))*"'
_NUMBER = "-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?"
# Every string is "" by then, and stands like any other value behind a sign, or alone.
_VALUE = '((""|true|false|null|' + _NUMBER + ")" + _SPACE + ")?"
_WORDS = _SPACE + _VALUE + "(([{}:,]|[[]|[]])" + _SPACE + _VALUE + ")*"
# A comma without a value before or behind it, and a key that is no string.
_MISPLACED = "[,:{[]" + _SPACE + ",|," + _SPACE + '[]}]|[^"[:space:]]' + _SPACE + ":"
# What most documents are is told by one look: an object of plain values, without an escape in its texts. Four backslashes in a
# literal are two in the pattern, which are one in the text however a bracket reads them.
_PLAIN_STRING = '"[^"\\\\\\\\[:cntrl:]]*"'
_MEMBER = _PLAIN_STRING + ": ?(" + _PLAIN_STRING + "|" + _NUMBER + "|true|false|null)"
_PLAIN = "[{](" + _MEMBER + "(, ?" + _MEMBER + ")*)?[}]"


def standard_json(text: str) -> str:
    """The SQL expression for a text's value as JSON, NULL where it is none by RFC 8259; of a key twice the last one counts."""
    bare = f"""REGEXP_REPLACE(TRANSLATE({text}, '\\\\~', '~_'), '{_STRING}', '""')"""
    words = f"REGEXP_REPLACE({bare}, '{_MISPLACED}', '!')"
    return (
        f"IFF(REGEXP_LIKE({text}, '{_PLAIN}') OR REGEXP_LIKE({words}, '{_WORDS}'), TRY_PARSE_JSON({text}, 'd'), NULL)"
    )
