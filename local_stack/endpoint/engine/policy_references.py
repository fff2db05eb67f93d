"""Let policies follow the tables and columns to which they are attached: through clones, new names and swaps.

See: https://docs.snowflake.com/en/user-guide/security-column-intro (masking policies and cloned objects)
"""

from __future__ import annotations

from collections.abc import Callable

from local_stack.endpoint.engine.catalog import Catalog, StoredObject
from local_stack.endpoint.language.names import SchemaName

REFERENCE = "POLICY REFERENCE"
POLICIES = ("MASKING POLICY", "ROW ACCESS POLICY")


def references(catalog: Catalog, table: SchemaName) -> list[StoredObject]:
    """Return what is attached to a table or view and to its columns."""
    found = catalog.objects(REFERENCE, table.database, table.schema)
    return [reference for reference in found if reference.definition["table"] == table.name]


def copy(catalog: Catalog, source: SchemaName, target: SchemaName) -> None:
    """Attach to a clone what is attached to its source."""
    _attach(catalog, references(catalog, source), target)


def move(catalog: Catalog, source: SchemaName, target: SchemaName) -> None:
    """Follow a table to its new name."""
    moved = references(catalog, source)
    _remove(catalog, moved)
    _attach(catalog, moved, target)


def swap(catalog: Catalog, one: SchemaName, other: SchemaName) -> None:
    """Follow two tables that have exchanged their names."""
    first, second = references(catalog, one), references(catalog, other)
    _remove(catalog, [*first, *second])
    _attach(catalog, first, other)
    _attach(catalog, second, one)


def rename_column(catalog: Catalog, table: SchemaName, old: str, new: str) -> None:
    """Follow a column to its new name, as the one that is masked and as one that a policy looks at."""
    held = references(catalog, table)
    _remove(catalog, held)
    _attach(catalog, held, table, lambda column: new if column == old else column)


def looked_at(catalog: Catalog, table: SchemaName, column: str) -> str | None:
    """Return the policy that a column is passed to, other than one that masks that column alone."""
    for reference in references(catalog, table):
        if column in reference.definition["given"] and reference.definition["column"] != column:
            return str(reference.definition["policy"])
    return None


def forget_column(catalog: Catalog, table: SchemaName, column: str) -> None:
    """Forget the masking of a column that is dropped."""
    _remove(catalog, [held for held in references(catalog, table) if held.definition["column"] == column])


def clone(catalog: Catalog, source: tuple[str, str | None], target: tuple[str, str | None]) -> None:
    """Clone the policies of a schema or database. Cloned tables have the cloned policies, and others those that they had."""
    here, there = (".".join(filter(None, place)) + "." for place in (source, target))
    for kind in (*POLICIES, REFERENCE):
        for stored in catalog.objects(kind, *source):
            definition = dict(stored.definition)
            if kind == REFERENCE and definition["policy"].startswith(here):
                definition["policy"] = there + definition["policy"][len(here) :]
            catalog.put(kind, target[0], target[1] or stored.schema, stored.name, definition)


def _remove(catalog: Catalog, held: list[StoredObject]) -> None:
    for reference in held:
        catalog.drop(REFERENCE, reference.database, reference.schema, reference.name)


def _attach(
    catalog: Catalog, held: list[StoredObject], table: SchemaName, named: Callable[[str], str] = lambda column: column
) -> None:
    for reference in held:
        column = named(reference.definition["column"])
        given = [named(one) for one in reference.definition["given"]]
        definition = {**reference.definition, "table": table.name, "column": column, "given": given}
        catalog.put(REFERENCE, table.database, table.schema, f"{table.name}.{column}", definition)
