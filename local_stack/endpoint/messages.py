"""Word DuckDB's messages as Snowflake does, where clients and people look for the words.

Sources: the messages that Snowpark's and the connector's own tests expect.
"""

from __future__ import annotations

import re

import duckdb

from local_stack.endpoint.statements import SqlError

_COMPILATION = "SQL compilation error:\n"
_UNKNOWN_FUNCTION = 2140
_RULES: tuple[tuple[type[Exception], str, str, int, str], ...] = (
    # (DuckDB's class, pattern, Snowflake's message, errno, SQL state); {0} is the pattern's first group.
    (duckdb.CatalogException, r'(?:Table|View|Sequence) with name "?([^\s"!]+)"? does not exist',
     _COMPILATION + "Object '{0}' does not exist or not authorized.", 2003, "42S02"),
    (duckdb.CatalogException, r"(?:Table|View|Type|Sequence) with name \"?([^\s\"!]+)\"? already exists",
     _COMPILATION + "Object '{0}' already exists.", 2002, "42710"),
    (duckdb.CatalogException, r"(?:Scalar|Table|Aggregate|Macro|Window)[\w ]* with name \"?([^\s\"!]+)\"? does not exist",
     _COMPILATION + "Unknown function {0}", 2140, "42601"),
    (duckdb.BinderException, r'Ambiguous reference to column name "([^"]+)"',
     _COMPILATION + "ambiguous column name '{0}'", 2028, "42601"),
    (duckdb.BinderException, r'Referenced column "([^"]+)" (?:was )?not found',
     _COMPILATION + "error line 1 at position 0\ninvalid identifier '{0}'", 904, "42000"),
    (duckdb.BinderException, r'Table "[^"]+" does not have a column with name "([^"]+)"',
     _COMPILATION + "error line 1 at position 0\ninvalid identifier '{0}'", 904, "42000"),
    (duckdb.BinderException, r'Table "([^"]+)" does not have a column named "([^"]+)"',
     _COMPILATION + "error line 1 at position 0\ninvalid identifier '{0}.{1}'", 904, "42000"),
    (duckdb.BinderException, r'Referenced table "([^"]+)" not found',
     _COMPILATION + "error line 1 at position 0\ninvalid identifier '{0}'", 904, "42000"),
    (duckdb.BinderException, r'column "?([^"\s]+)"? must appear in the GROUP BY clause',
     _COMPILATION + "[{0}] is not a valid group by expression", 979, "42000"),
    (duckdb.InvalidInputException, r"More than one row returned by a subquery used as an expression",
     "Single-row subquery returns more than one row.", 90150, "22000"),
    (duckdb.BinderException, r"(?:WHERE|GROUP BY|HAVING) clause cannot contain window functions",
     _COMPILATION + "Window function appears outside of SELECT, QUALIFY, and ORDER BY clauses.", 2303, "0A000"),
    (duckdb.BinderException, r"Subquery returns (\d+) columns - expected 1",
     _COMPILATION + "Unsupported subquery type cannot be evaluated", 2031, "42601"),
    (duckdb.BinderException, r"Set operations can only apply to expressions with the same number of result columns",
     _COMPILATION + "invalid number of result columns for set operator input branches", 2057, "42601"),
    (duckdb.BinderException, r"No function matches the given name and argument types '(\w+|[^\w\s]+)\(((?:[^()]|\([\d,]*\))*)\)'",
     _COMPILATION + "error line 1 at position 0\nInvalid argument types for function '{0}': ({1})", 1044, "42P13"),
    (duckdb.BinderException, r"table \S+ has (\d+) columns but (\d+) values were supplied",
     _COMPILATION + "Insert value list does not match column list expecting {0} but got {1}", 2020, "42601"),
    (duckdb.Error, r"Map keys must be unique", "duplicate field key", 100250, "22000"),
    (duckdb.Error, r"Division by zero", "Division by zero", 100051, "22012"),
    (duckdb.ConversionException, r"(?s)Could not convert string '(String '.*' is too long and would be truncated)'",
     "{0}", 100078, "22000"),
    (duckdb.ConversionException, r"Could not convert string ['\"](-?[\d.]+)['\"] to (?:INT128|DECIMAL)",
     "Numeric value '{0}' is out of range", 100039, "22003"),
    (duckdb.ConversionException, r"Could not convert string '([^']*)' to (?:\w*INT\w*|DOUBLE|FLOAT|DECIMAL)",
     "Numeric value '{0}' is not recognized", 100038, "22018"),
    (duckdb.ConversionException, r'Could not convert string "([^"]*)" to DECIMAL',
     "Numeric value '{0}' is not recognized", 100038, "22018"),
    (duckdb.ConversionException, r"Failed to cast value to numerical: ([^\n]*)",
     "Failed to cast variant value {0} to FIXED", 100071, "22000"),
    (duckdb.Error, r"Type DOUBLE with value (\S+) can't be cast .* destination type INT128",
     "Number out of representable range: type FIXED[SB16](38,0), value {0}", 100046, "22003"),
    (duckdb.OutOfRangeException, r"Overflow in (?:\w+ )?\w+ of (?:INT128|HUGEINT)|Overflow in HUGEINT \w+",
     "Number out of representable range: type FIXED[SB16](38,0)", 100046, "22003"),
    (duckdb.OutOfRangeException, r"Overflow in \w+ of DECIMAL\((\d+)\)",
     "Number out of representable range: type FIXED[SB16]({0})", 100046, "22003"),
    (duckdb.ConversionException, r"Could not convert string '([^']*)' to BOOL",
     "Boolean value '{0}' is not recognized", 100037, "22018"),
    *((duckdb.ConversionException, rf'{kind.lower()} field (?:value out of range|format): "([^"]*)"',
       kind + " '{0}' is not recognized", errno, "22007")
      for kind, errno in (("Date", 100040), ("Timestamp", 100035), ("Time", 100108))),
    (duckdb.InvalidInputException, r'Could not parse string "([^"]*)" according to format specifier',
     "Date '{0}' is not recognized", 100040, "22007"),
    (duckdb.InvalidInputException, r"^((?:no argument for repetition operator|missing |invalid |bad |unexpected )[^\n]*)$",
     "Invalid regular expression: {0}", 100048, "2201B"),
    (duckdb.InvalidInputException, r"Argument for ntile must be greater than zero",
     "NTILE argument must be at least 1", 1008, "22023"),
    (duckdb.Error, r"(?s)\(Error: (String '.*' is too long and would be truncated)\)$", "{0}", 100078, "22000"),
    (duckdb.ConstraintException, r"NOT NULL constraint failed: (?:\S+\.)?(\S+)",
     "NULL result in a non-nullable column", 100072, "22000"),
)  # fmt: skip

_UNFIT = re.compile(r'(?i)cast(?:ing)? value "?(-?[\d.]+)"? to (?:type )?DECIMAL\((\d+), ?(\d+)\)')


def bytes_of(precision: int) -> int:
    """Return how many bytes Snowflake takes for a NUMBER of so many digits."""
    return next(size for digits, size in ((2, 1), (4, 2), (9, 4), (18, 8), (38, 16)) if precision <= digits)


def out_of_range(value: object, precision: int, scale: int) -> SqlError:
    """Return the error for a number that its type does not hold: Snowflake names the bytes of the type, too."""
    kind = f"FIXED[SB{bytes_of(precision)}]({precision},{scale})"
    return SqlError(f"Number out of representable range: type {kind}, value {value}", 100046, "22003")


def snowflake_message(error: duckdb.Error, message: str) -> SqlError | None:
    """Return the Snowflake error for a DuckDB error we have words for; None for the rest."""
    if isinstance(error, duckdb.ConversionException) and (unfit := _UNFIT.search(message)):
        value, precision, scale = unfit.groups()
        return out_of_range(value, int(precision), int(scale))
    for kind, pattern, wording, errno, sqlstate in _RULES:
        if isinstance(error, kind) and (match := re.search(pattern, message)):
            # Functions are found by their upper-case names.
            named = [group.upper() if errno == _UNKNOWN_FUNCTION else group for group in match.groups()]
            return SqlError(wording.format(*named), errno, sqlstate)
    return None
