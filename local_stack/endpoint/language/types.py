"""Read SQL types as routines declare them, and write them in canonical form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.language.reader import Reader

Kind = Literal["ARRAY", "OBJECT", "TIMESTAMP_TZ"]

_INTEGERS = frozenset({"INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT"})
_DECIMALS = frozenset({"NUMBER", "DECIMAL", "NUMERIC", "DEC"})
_FLOATS = frozenset({"FLOAT", "FLOAT4", "FLOAT8", "DOUBLE", "REAL"})
_STRINGS = frozenset({"VARCHAR", "STRING", "TEXT", "CHAR", "CHARACTER", "NCHAR", "NVARCHAR", "NVARCHAR2"})
_TIMES = {
    "TIMESTAMP": "TIMESTAMP_NTZ",
    "DATETIME": "TIMESTAMP_NTZ",
    "TIMESTAMP_NTZ": "TIMESTAMP_NTZ",
    "TIMESTAMPNTZ": "TIMESTAMP_NTZ",
    "TIMESTAMP_LTZ": "TIMESTAMP_LTZ",
    "TIMESTAMPLTZ": "TIMESTAMP_LTZ",
    "TIMESTAMP_TZ": "TIMESTAMP_TZ",
    "TIMESTAMPTZ": "TIMESTAMP_TZ",
    "TIME": "TIME",
}
# Types that have another name on the wire.
_WIRE_TYPES = {"FIXED": "NUMBER", "REAL": "FLOAT", "TEXT": "VARCHAR"}
_PLAIN = frozenset({"BOOLEAN", "DATE", "VARIANT", "GEOGRAPHY", "GEOMETRY"})


@dataclass(frozen=True)
class SqlType:
    """Hold a type. family: NUMBER, FLOAT, VARCHAR, …; precision and scale of a NUMBER."""

    family: str
    precision: int = 38
    scale: int = 0

    @property
    def declared(self) -> str:
        """Return it as DESCRIBE shows it and as a CAST needs it."""
        return f"NUMBER({self.precision},{self.scale})" if self.family == "NUMBER" else self.family

    @property
    def is_semi_structured(self) -> bool:
        return self.family in ("VARIANT", "OBJECT", "ARRAY")


def family_of(wire_type: str) -> str:
    """Return the family of a result's column or of a bind, whose type is the wire's."""
    return _WIRE_TYPES.get(wire_type, wire_type)


def read_type(reader: Reader) -> SqlType:
    """Read a type. Raises SqlError 002040 for a name that is no type."""
    token = reader.token
    if token.kind != "word":
        raise reader.unexpected()
    word = reader.next().upper
    if word in _INTEGERS:
        return SqlType("NUMBER")
    if word in _DECIMALS:
        sizes = _sizes(reader)
        return SqlType("NUMBER", sizes[0] if sizes else 38, sizes[1] if len(sizes) > 1 else 0)
    if word in _FLOATS:
        if word == "DOUBLE":
            reader.accept("PRECISION")
        return SqlType("FLOAT")
    if word in _STRINGS:
        _sizes(reader)
        return SqlType("VARCHAR")
    if word in ("BINARY", "VARBINARY"):
        _sizes(reader)
        return SqlType("BINARY")
    if word in _TIMES:
        _sizes(reader)
        return SqlType(_TIMES[word])
    if word in _PLAIN:
        return SqlType(word)
    if word in ("ARRAY", "OBJECT", "MAP"):
        if reader.token.text == "(":
            reader.comma_separated()  # structured types are kept as their semi-structured family
        return SqlType("OBJECT" if word == "MAP" else word)
    raise compilation_error(f"Unsupported data type '{word}'.", 2040, "42601")


def parse_type(text: str) -> SqlType:
    reader = Reader(text)
    parsed = read_type(reader)
    reader.expect_end()
    return parsed


def _sizes(reader: Reader) -> list[int]:
    sizes: list[int] = []
    if reader.accept("("):
        sizes.append(reader.integer())
        while reader.accept(","):
            sizes.append(reader.integer())
        reader.expect(")")
    return sizes


def read_signature(reader: Reader) -> str:
    """Read `(TYPE, …)` after a routine's name, as the registry writes it: (VARCHAR, NUMBER)."""
    return f"({', '.join(read_type(item).family for item in reader.items())})"
