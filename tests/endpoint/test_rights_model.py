"""The model of rights: grants in memory and on disk, the hierarchy of roles, what roles add up to."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_stack.endpoint.engine.access import RELATION, Access, holders_of, inherited
from local_stack.endpoint.engine.catalog import Catalog
from local_stack.endpoint.engine.grants import ACCOUNT, OWNERSHIP, Grant, Grants


def _catalog() -> Catalog:
    connection = duckdb.connect()
    connection.execute("ATTACH ':memory:' AS _fs_global")
    return Catalog(connection)


@pytest.fixture
def catalog() -> Catalog:
    return _catalog()


def role(name: str, to: str) -> Grant:
    return Grant("USAGE", "ROLE", name, "ROLE", to)


def access(grants: Grants, *names: str) -> Access:
    return Access(grants, inherited(grants, [("ROLE", name) for name in names]))


def test_system_roles_inherit_each_other(catalog: Catalog) -> None:
    grants = Grants(catalog)
    names = {name for _, name in access(grants, "ACCOUNTADMIN").holders}
    assert names == {"ACCOUNTADMIN", "SYSADMIN", "SECURITYADMIN", "USERADMIN", "PUBLIC"}
    assert {name for _, name in access(grants, "SYSADMIN").holders} == {"SYSADMIN", "PUBLIC"}
    assert access(grants, "SECURITYADMIN").holds("ACCOUNT", ACCOUNT, "CREATE ROLE")
    assert access(grants, "SECURITYADMIN").manages_grants
    assert not access(grants, "SYSADMIN").holds("ACCOUNT", ACCOUNT, "CREATE ROLE")
    assert access(grants, "SYSADMIN").holds("ACCOUNT", ACCOUNT, "CREATE DATABASE")
    assert not access(grants, "USERADMIN").manages_grants
    assert access(grants, "ACCOUNTADMIN").holds("ACCOUNT", ACCOUNT, "EXECUTE TASK")


def test_privileges_come_from_inherited_roles_only(catalog: Catalog) -> None:
    grants = Grants(catalog)
    grants.add(
        [role("READER", "ANALYST"), role("ANALYST", "SYSADMIN"), Grant("SELECT", "TABLE", "D.S.T", "ROLE", "READER")]
    )
    grants.add([Grant(OWNERSHIP, "TABLE", "D.S.T", "ROLE", "LOADER")])
    for name in ("READER", "ANALYST", "SYSADMIN", "ACCOUNTADMIN"):
        assert access(grants, name).holds(RELATION, "D.S.T", "SELECT"), name
        assert not access(grants, name).holds(RELATION, "D.S.T", "INSERT"), name
    assert access(grants, "LOADER").holds(RELATION, "D.S.T", "INSERT")
    assert not access(grants, "USERADMIN").sees(RELATION, "D.S.T")
    assert holders_of(grants, ("ROLE", "READER")) == {
        ("ROLE", "ANALYST"),
        ("ROLE", "SYSADMIN"),
        ("ROLE", "ACCOUNTADMIN"),
    }


def test_what_nobody_recorded_is_sysadmins(catalog: Catalog) -> None:
    grants = Grants(catalog)
    assert access(grants, "SYSADMIN").owns("TABLE", "D.S.OLD")
    assert not access(grants, "ANALYST").sees("TABLE", "D.S.OLD")
    assert grants.owner("ROLE", "OLD") == ("ROLE", "USERADMIN")


def test_owners_of_older_definitions_are_taken_over(catalog: Catalog) -> None:
    catalog.put("TASK", "D", "S", "T", {"owner": "LOADER"})
    assert Grants(catalog).owner("TASK", "D.S.T") == ("ROLE", "LOADER")


def test_grants_outlive_their_process_and_keep_their_time(catalog: Catalog) -> None:
    grants = Grants(catalog)
    grants.add(
        [Grant("SELECT", "TABLE", "D.S.T", "ROLE", "A"), Grant("SELECT", "TABLE", "D", "ROLE", "B", future="DATABASE")]
    )
    (created,) = {stored.created_on for grant, stored in grants.all() if not grant.future}
    grants.add([Grant("SELECT", "TABLE", "D.S.T", "ROLE", "A", grant_option=True)])
    again = Grants(catalog)
    assert sorted(map(str, again.all())) == sorted(map(str, grants.all()))
    assert [(g.grant_option, s.created_on) for g, s in again.all() if not g.future] == [(True, created)]
    assert again.on("TABLE", "D") == []
    assert [g.grantee for g in again.future("D")] == ["B"]


def test_a_rename_takes_what_is_inside_along(catalog: Catalog) -> None:
    grants = Grants(catalog)
    grants.add(
        Grant("USAGE", kind, name, "ROLE", "A")
        for kind, name in (("SCHEMA", "D.S"), ("TASK", "D.S.T"), ("TASK", "D.SX.T"))
    )
    grants.rename("D.S", "D.NEW")
    assert {g.name for g, _ in grants.all()} == {"D.NEW", "D.NEW.T", "D.SX.T"}


_NAMES = [f"R{number}" for number in range(6)]
_EDGES = st.lists(st.tuples(st.sampled_from(_NAMES), st.sampled_from(_NAMES)), max_size=12)


@settings(deadline=None, max_examples=40)
@given(_EDGES, st.sampled_from(_NAMES))
def test_inheritance_is_what_a_walk_from_the_other_end_finds(edges: list[tuple[str, str]], start: str) -> None:
    grants = Grants(_catalog())
    grants.add(role(lower, upper) for lower, upper in edges)
    below = {name for _, name in inherited(grants, [("ROLE", start)])} - {"PUBLIC", start}
    above = {name: {n for _, n in holders_of(grants, ("ROLE", name))} for name in _NAMES}
    assert below == {name for name in _NAMES if start in above[name] and name != start}


_GRANTS = st.builds(
    Grant, st.sampled_from(["SELECT", "INSERT"]), st.just("TABLE"), st.sampled_from(["D.S.A", "D.S.B"]), st.just("ROLE"),
    st.sampled_from(["X", "Y"]), st.booleans(),
)  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.booleans(), st.lists(_GRANTS, max_size=3)), max_size=8))
def test_memory_and_disk_agree_after_any_changes(changes: list[tuple[bool, list[Grant]]]) -> None:
    catalog = _catalog()
    grants = Grants(catalog)
    for gives, some in changes:
        grants.change((), some) if gives else grants.change(some, ())
    again = Grants(catalog)
    assert {g for g, _ in again.all()} == {g for g, _ in grants.all()}
    for name in ("D.S.A", "D.S.B"):
        assert (
            set(grants.on("TABLE", name))
            == set(again.on("TABLE", name))
            == {g for g, _ in grants.all() if g.name == name}
        )
