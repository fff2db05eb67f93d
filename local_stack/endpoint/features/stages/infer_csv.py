"""Infer the types of a CSV file's columns for INFER_SCHEMA.

A column has the first type in a list that fits all of its values, or else TEXT.
Source: https://docs.snowflake.com/en/sql-reference/functions/infer_schema
"""

from __future__ import annotations

import duckdb

from local_stack.endpoint.features.stages.csv_records import Layout
from local_stack.endpoint.features.stages.csv_source import CsvFile, CsvSource, plain_relation, register
from local_stack.endpoint.features.stages.text_values import InputFormats, value_of_text

_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)"
_DIGITS = "[+-]?[0-9]+"


def csv_columns(
    duck: duckdb.DuckDBPyConnection, file: CsvFile, formats: InputFormats, records: int | None
) -> list[tuple[str, str]]:
    """Return the name and type of each column. `records` is the number of records to look at."""
    names = file.header() if file.dialect.parse_header else [f"c{n}" for n in range(1, file.measured() + 1)]
    file = file.with_layout(Layout(len(names), "header" if file.dialect.parse_header else None))
    relation = plain_relation(file) or register(duck, CsvSource(file, strict=True), "_inferred_file")
    checks = [check for n in range(1, len(names) + 1) for check in _checks(f"c{n}", formats)]
    limited = f"(SELECT * FROM {relation} LIMIT {records})" if records else relation
    found = duck.execute(f"SELECT {', '.join(checks)} FROM {limited}").fetchall()[0]
    size = len(found) // len(names)
    return [(name, _type(*found[n * size : (n + 1) * size])) for n, name in enumerate(names)]


def _checks(text: str, formats: InputFormats) -> list[str]:
    def every(condition: str) -> str:
        return f"bool_and({condition}) FILTER ({text} IS NOT NULL)"

    written = f"regexp_full_match({text}, '{_DIGITS}')"
    times = [
        f"{value_of_text(text, kind, formats)} IS NOT NULL AND NOT {written}" for kind in ("DATE", "TIME", "TIMESTAMP")
    ]
    whole = f"length(ltrim(split_part(ltrim({text}, '+-'), '.', 1), '0'))"
    return [
        every(f"regexp_full_match({text}, '{_NUMBER}')"),
        f"max({whole})",
        f"max(length(split_part({text}, '.', 2)))",
        every(f"{value_of_text(text, 'DOUBLE', formats)} IS NOT NULL"),
        every(f"lower({text}) IN ('true', 'false')"),
        # A date also reads as a timestamp, but a text with a time of day is not a date.
        every(f"({times[0]}) AND NOT contains({text}, ':')"),
        every(times[1]),
        every(times[2]),
    ]


def _type(
    number: bool | None,
    whole: int | None,
    scale: int | None,
    real: bool,
    flag: bool,
    date: bool,
    time: bool,
    moment: bool,
) -> str:
    if number:
        scale = scale or 0
        size = max(1, (whole or 0) + scale)
        return f"NUMBER({size}, {scale})" if size <= 38 else "REAL"
    if real:
        return "REAL"
    if flag:
        return "BOOLEAN"
    return "DATE" if date else "TIME" if time else "TIMESTAMP_NTZ" if moment else "TEXT"
