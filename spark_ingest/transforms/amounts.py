"""Money in the JSON documents of purchases: `$.amount`, rounded half-up to two places.

Two readers with one result. Spark parses JSON outside of its compiled stages, and a stage with a parser in it takes twice as
long for every event. So most documents are read at sight, by one regular expression that proves the whole document to be
JSON (RFC 8259) before it takes the amount; the others are left to the parser, which sees only the events of sessions that
have such a document. What is left to it: nesting deeper than three, escapes in the amount or the names beside it, amounts that
are null or there twice (the last one counts), and what is no JSON at all.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# What is larger is no amount: sums of a million such ones still leave room for the twelve decimal places of a quotient.
AMOUNT_TYPE = "decimal(20,2)"

# Every quantifier is possessive: no backtracking and no recursion, whatever the length of the document.
_SPACE = r"[ \t\r\n]*+"
_PLAIN = r'"[^"\\\x00-\x1f]*+"'
_STRING = r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
_DIGITS = r"-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+"
_SCALAR = f"(?:{_STRING}|{_DIGITS}|true|false|null)"


def _list(item: str, end: str) -> str:
    """Items with commas between them, up to a closing bracket."""
    return rf"{_SPACE}(?:{item}{_SPACE}(?:,{_SPACE}(?!{end})|(?={end})))*+{end}"


def _nested(value: str) -> str:
    """A scalar, or a list or object of values."""
    member = f"{_STRING}{_SPACE}:{_SPACE}{value}"
    items, members = _list(value, r"\]"), _list(member, r"\}")
    return rf"(?:{_SCALAR}|\[{items}|\{{{members})"


_OTHER = rf'(?!"amount"){_PLAIN}{_SPACE}:{_SPACE}{_nested(_nested(_nested(_SCALAR)))}{_SPACE}'
_AT_SIGHT = (
    rf"\A{_SPACE}\{{{_SPACE}(?:{_OTHER},{_SPACE})*+"
    rf'"amount"{_SPACE}:{_SPACE}({_PLAIN}|{_DIGITS}|true|false){_SPACE}'
    rf"(?:,{_SPACE}{_OTHER})*+\}}{_SPACE}\z"
)
_OTHERS = _list(_OTHER, r"\}")
_WITHOUT_AMOUNT = rf"\A{_SPACE}\{{{_OTHERS}{_SPACE}\z"
# What an amount may look like, as a number or as a text: docs/metrics.md, Amount. An exponent of many digits would have to be
# written out to be rounded.
_NUMBER = r"\A-?\d{1,60}(\.\d{1,60})?([eE][+-]?\d{1,3})?\z"
_DOCUMENT = (
    r"(?s)\A\s*\{(\s*\".*)?\}\s*\z"  # not {'amount': 5}, which Spark's reader would take and the warehouse does not
)
_STRICTLY = {"allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}
# Room for 1e18, which is too large, and so many places that their rounding does not show in cents.
_EXACT = "decimal(38,19)"
# Spark's reader goes no further than a document's end, and keeps what it has of one that is broken: here the document must end
# where its array does, and what is broken is named.
_WRAPPED = "documents array<struct<amount string>>, complete boolean, fault string"


def with_amounts(events: DataFrame) -> DataFrame:
    """Add `amount`, as AMOUNT_TYPE, and `undecided`: the purchase's document where it takes the parser, else NULL.

    amount is NULL for other events than purchases, for undecided ones, and where it is no number or too large.
    """
    # NULL where there is no document, empty where it has no amount that can be read at sight.
    seen = F.when(F.col("event_type") == "purchase", F.regexp_extract("properties", _AT_SIGHT, 1))
    unclear = (F.col("seen") == "") & ~F.col("properties").rlike(_WITHOUT_AMOUNT)
    found = events.withColumn("seen", seen).withColumn("undecided", F.when(unclear, F.col("properties")))
    return _with_money(found.withColumn("seen", _number(F.btrim("seen", F.lit('"')))), "amount", "seen")


def with_parsed_amount(rows: DataFrame, name: str) -> DataFrame:
    """Add the amount of the documents in `undecided` by Spark's JSON parser; NULL as in `with_amounts`, or malformed."""
    document = F.when(F.col("undecided").rlike(_DOCUMENT), F.col("undecided"))
    wrapped = F.concat(F.lit('{"documents": ['), document, F.lit('], "complete": true}'))
    known = rows.withColumn("read", F.from_json(wrapped, _WRAPPED, _STRICTLY | {"columnNameOfCorruptRecord": "fault"}))
    is_one = F.col("read.fault").isNull() & F.col("read.complete") & (F.size("read.documents") == 1)
    # The last one of several.
    text = F.when(is_one, F.col("read.documents")[0]["amount"])
    known = known.withColumn("text", _number(text)).drop("read")
    # A number with a point is read as a double; it is read again, as what it is.
    exact = F.from_json(F.when(F.col("text").isNotNull(), document), f"amount {_EXACT}", _STRICTLY)
    known = known.withColumn("exact", exact.getField("amount"))
    # Of several amounts, a last one that does not fit leaves an earlier one there.
    is_same = F.expr("try_cast(text AS double) = CAST(exact AS double)")
    known = known.withColumn("text", F.when(is_same, F.col("exact").cast("string")).otherwise(F.col("text")))
    return _with_money(known.drop("exact"), name, "text")


def decided(events: DataFrame) -> DataFrame:
    """Events of `with_amounts` with every amount known, and `undecided` NULL."""
    parsed = with_parsed_amount(events, "parsed")
    known = parsed.withColumn("amount", F.coalesce("amount", "parsed")).drop("parsed")
    return known.withColumn("undecided", F.lit(None).cast("string"))


def _number(text: Column) -> Column:
    return F.when(text.rlike(_NUMBER), text)


def _with_money(rows: DataFrame, name: str, number: str) -> DataFrame:
    """A column of numbers as text becomes one of money, under another name."""
    return rows.withColumn(name, F.expr(f"try_cast({number} AS {AMOUNT_TYPE})")).drop(number)
