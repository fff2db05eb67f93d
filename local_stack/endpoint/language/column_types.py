"""Write DuckDB's column types as Snowflake does."""

from __future__ import annotations

import re

MAX_TEXT = 16_777_216
_INTEGERS = {
    "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT", "UHUGEINT",
}  # fmt: skip


def type_text(duckdb_type: str, length: int | None = None) -> str:
    """Return a type as DESCRIBE prints it: NUMBER(38,0), VARCHAR(16777216), TIMESTAMP_NTZ(9), …"""
    if duckdb_type in _INTEGERS:
        return "NUMBER(38,0)"
    if match := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", duckdb_type):
        return f"NUMBER({match[1]},{match[2]})"
    if duckdb_type in ("ARRAY", "OBJECT"):
        return duckdb_type
    if duckdb_type.endswith("]"):
        return "ARRAY"
    if duckdb_type.startswith(("STRUCT", "MAP")):
        return "OBJECT"
    known = {
        "DOUBLE": "FLOAT", "FLOAT": "FLOAT", "BOOLEAN": "BOOLEAN", "DATE": "DATE", "JSON": "VARIANT", "VARIANT": "VARIANT",
        "TIMESTAMP": "TIMESTAMP_NTZ(9)", "TIMESTAMP_NS": "TIMESTAMP_NTZ(9)", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_LTZ(9)",
        "TIMESTAMP_TZ": "TIMESTAMP_TZ(9)", "TIME": "TIME(9)", "BLOB": "BINARY(8388608)",
    }  # fmt: skip
    return known.get(duckdb_type) or f"VARCHAR({length or MAX_TEXT})"


def type_document(duckdb_type: str, length: int | None, nullable: bool) -> dict[str, object]:
    """Return a type as SHOW COLUMNS prints it (a JSON document)."""
    text = type_text(duckdb_type, length)
    base, _, arguments = text.partition("(")
    numbers = [int(n) for n in re.findall(r"\d+", arguments)]
    match base:
        case "NUMBER":
            return {"type": "FIXED", "precision": numbers[0], "scale": numbers[1], "nullable": nullable}
        case "VARCHAR":
            return {
                "type": "TEXT", "length": numbers[0], "byteLength": min(4 * numbers[0], MAX_TEXT), "nullable": nullable,
                "fixed": False,
            }  # fmt: skip
        case "TIMESTAMP_NTZ" | "TIMESTAMP_LTZ" | "TIMESTAMP_TZ" | "TIME":
            return {"type": base, "precision": 0, "scale": 9, "nullable": nullable}
        case "FLOAT":
            return {"type": "REAL", "nullable": nullable}
        case "BINARY":
            return {"type": "BINARY", "length": 8388608, "byteLength": 8388608, "nullable": nullable, "fixed": False}
    return {"type": base, "nullable": nullable}
