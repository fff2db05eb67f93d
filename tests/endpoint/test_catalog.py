"""What the registry answers from memory is what a restarted endpoint reads from its file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_stack.endpoint.engine.catalog import Catalog, StoredObject
from local_stack.endpoint.statements import SqlError

_NAMES = st.sampled_from(["A", "b", 'q"x', "ü", ""])
_PLACES = st.tuples(_NAMES, _NAMES, _NAMES)
_KINDS = st.sampled_from(["STAGE", "ROLE", "DROPPED"])
_DEFINITIONS = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3) | st.none(), max_size=2)
_CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("put"), _KINDS, _PLACES, _DEFINITIONS, st.booleans()),
        st.tuples(st.just("update"), _KINDS, _PLACES, _DEFINITIONS),
        st.tuples(st.just("drop"), _KINDS, _PLACES),
        st.tuples(st.just("drop_container"), _NAMES, st.none() | _NAMES),
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("ATTACH ':memory:' AS _fs_global")
        yield opened


def _apply(catalog: Catalog, change: tuple[Any, ...]) -> None:
    match change:
        case "put", kind, place, definition, replace:
            if replace or catalog.get(kind, *place) is None:
                catalog.put(kind, place[0], place[1], place[2], definition, replace=replace)
                return
            with pytest.raises(SqlError, match="already exists"):
                catalog.put(kind, place[0], place[1], place[2], definition, replace=replace)
        case "update", kind, place, definition:
            if stored := catalog.get(kind, *place):
                catalog.update(stored, definition)
                changed = catalog.get(kind, *place)
                assert changed is not None
                assert changed.created_on == stored.created_on
        case "drop", kind, place:
            existed = catalog.get(kind, *place) is not None
            assert catalog.drop(kind, *place) is existed
            assert catalog.get(kind, *place) is None
        case "drop_container", database, schema:
            catalog.drop_container(database, schema)
            assert {stored.kind for stored in catalog.all_in(database, schema)} <= {"DROPPED"}


def _everything(catalog: Catalog) -> list[list[StoredObject]]:
    listed = [catalog.objects(kind) for kind in ("STAGE", "ROLE", "DROPPED")]
    assert all(catalog.get(o.kind, o.database, o.schema, o.name) == o for found in listed for o in found)
    return listed


@settings(max_examples=40, deadline=None)
@given(changes=_CHANGES)
def test_memory_and_file_agree(connection: duckdb.DuckDBPyConnection, changes: list[tuple[Any, ...]]) -> None:
    connection.execute("DROP SCHEMA IF EXISTS _fs_global.local_objects CASCADE")
    catalog = Catalog(connection)
    for change in changes:
        _apply(catalog, change)
    assert _everything(Catalog(connection)) == _everything(catalog)


def test_a_definition_belongs_to_who_asked_for_it(connection: duckdb.DuckDBPyConnection) -> None:
    catalog = Catalog(connection)
    catalog.put("STAGE", "D", "S", "N", {"a": [1]})
    found = catalog.get("STAGE", "D", "S", "N")
    assert found is not None
    found.definition["a"].append(2)
    kept = catalog.get("STAGE", "D", "S", "N")
    assert kept is not None
    assert kept.definition == {"a": [1]}
