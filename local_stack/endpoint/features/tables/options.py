"""Read the options of CREATE TABLE and ALTER TABLE … SET.

They are recorded and shown, or refused by name.
See: https://docs.snowflake.com/en/sql-reference/sql/create-table
"""

from __future__ import annotations

from typing import Any

from sqlglot import Expr, exp

from local_stack.endpoint.errors import compilation_error, invalid_property
from local_stack.endpoint.language.options import PropertyReader, boolean, integer, text
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import unsupported
from local_stack.endpoint.translation.strictness import require_plain


def _days(reader: Reader) -> int:
    token, days = reader.token, integer(reader)
    if not 0 <= days <= 90:
        raise compilation_error(f"invalid value [{token.text}] for parameter; expected 0 to 90", 1008, "22023")
    return days


def _no_collation(reader: Reader) -> str:
    collation = text(reader)
    require_plain(collation)
    return collation


OPTIONS: dict[str, PropertyReader] = {
    "DATA_RETENTION_TIME_IN_DAYS": _days,
    "MAX_DATA_EXTENSION_TIME_IN_DAYS": _days,
    "CHANGE_TRACKING": boolean,
    "ENABLE_SCHEMA_EVOLUTION": boolean,
    "DEFAULT_DDL_COLLATION": _no_collation,
}
_REFUSED = ("STAGE_FILE_FORMAT", "STAGE_COPY_OPTIONS", "CATALOG", "EXTERNAL_VOLUME", "ROW_TIMESTAMP", "CONTACT")


def take_options(create: exp.Create) -> dict[str, Any]:
    """Take a table's options out of CREATE TABLE.

    Raises SqlError for an option that Snowflake or the endpoint does not have.
    """
    found: dict[str, Any] = {}
    properties = create.args.get("properties")
    for item in list(properties.expressions) if properties else ():
        if isinstance(item, exp.ClusterProperty):
            found["CLUSTER_BY"] = clustering(item)
        elif isinstance(item, exp.Property) and type(item) is exp.Property:
            name = item.this.name.upper()
            if name in _REFUSED:
                raise unsupported(f"{name} of a table")
            if name not in OPTIONS:
                raise invalid_property(item.this.name, "TABLE")
            found[name] = OPTIONS[name](Reader(item.args["value"].sql(dialect="snowflake")))
        else:
            continue
        item.pop()
    return found


def clustering(cluster: Expr) -> str:
    """Return a clustering key as SHOW TABLES writes it: LINEAR(A, TO_DATE(B))."""
    listed = ", ".join(_upper(item).sql(dialect="snowflake") for item in cluster.expressions)
    return f"LINEAR({listed})"


def _upper(item: Expr) -> Expr:
    bare = item.this if isinstance(item, exp.Ordered) else item
    return bare.transform(
        lambda node: (
            exp.to_identifier(str(node.this).upper()) if isinstance(node, exp.Identifier) and not node.quoted else node
        )
    )
