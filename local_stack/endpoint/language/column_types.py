"""Write DuckDB's column types as Snowflake does."""

from __future__ import annotations

from local_stack.endpoint.outcome import MAX_TEXT, ColumnInfo, column_from_duckdb


def type_text(duckdb_type: str, length: int | None = None) -> str:
    """Return a type as DESCRIBE prints it: NUMBER(38,0), VARCHAR(16777216), TIMESTAMP_NTZ(9), …"""
    column = _column(duckdb_type)
    match column.type:
        case "FIXED":
            return f"NUMBER({column.precision},{column.scale})"
        case "TEXT":
            return f"VARCHAR({length or MAX_TEXT})"
        case "REAL":
            return "FLOAT"
        case "BINARY":
            return f"BINARY({column.length})"
        case "TIMESTAMP_NTZ" | "TIMESTAMP_LTZ" | "TIMESTAMP_TZ" | "TIME":
            return f"{column.type}({column.scale})"
    return column.type


def type_document(duckdb_type: str, length: int | None, nullable: bool) -> dict[str, object]:
    """Return a type as SHOW COLUMNS prints it (a JSON document)."""
    column = _column(duckdb_type)
    match column.type:
        case "TEXT":
            size, most = length or MAX_TEXT, min(4 * (length or MAX_TEXT), MAX_TEXT)
            return {"type": "TEXT", "length": size, "byteLength": most, "nullable": nullable, "fixed": False}
        case "BINARY":
            size = column.length or 0
            return {"type": "BINARY", "length": size, "byteLength": size, "nullable": nullable, "fixed": False}
        case "FIXED" | "TIMESTAMP_NTZ" | "TIMESTAMP_LTZ" | "TIMESTAMP_TZ" | "TIME":
            return {"type": column.type, "precision": column.precision, "scale": column.scale, "nullable": nullable}
    return {"type": column.type, "nullable": nullable}


def _column(duckdb_type: str) -> ColumnInfo:
    """Return the column of a type of DuckDB's, or of a kind of Snowflake's that DuckDB does not have."""
    if duckdb_type in ("ARRAY", "OBJECT"):
        return ColumnInfo("", duckdb_type)
    if duckdb_type == "TIMESTAMP_TZ":
        return ColumnInfo("", duckdb_type, 0, 9)
    return column_from_duckdb("", duckdb_type)
