"""Decide who may do what: the hierarchy of roles, and the privileges that a set of roles adds up to.

See: https://docs.snowflake.com/en/user-guide/security-access-control-overview
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from local_stack.endpoint.engine.grants import ACCOUNT, Grants, Holder, Target

SYSTEM_ROLES = ("ACCOUNTADMIN", "ORGADMIN", "PUBLIC", "SECURITYADMIN", "SYSADMIN", "USERADMIN")
# Which system roles hold which others. PUBLIC is held by every role.
_SYSTEM_HIERARCHY = {"ACCOUNTADMIN": ("SYSADMIN", "SECURITYADMIN"), "SECURITYADMIN": ("USERADMIN",)}
# The account's privileges that system roles have from the start; ACCOUNTADMIN has all.
_SYSTEM_PRIVILEGES = {
    "SECURITYADMIN": frozenset({"MANAGE GRANTS", "CREATE NETWORK POLICY", "ATTACH POLICY", "MONITOR SECURITY"}),
    "USERADMIN": frozenset({"CREATE ROLE", "CREATE USER"}),
    "SYSADMIN": frozenset({"CREATE DATABASE", "CREATE WAREHOUSE", "CREATE COMPUTE POOL"}),
}
# The database roles of the database SNOWFLAKE. See: https://docs.snowflake.com/en/sql-reference/snowflake-db-roles
PYPI_USER = ("SNOWFLAKE", "PYPI_REPOSITORY_USER")
SNOWFLAKE_ROLES = frozenset(
    {PYPI_USER, *(("SNOWFLAKE", f"{word}_VIEWER") for word in ("OBJECT", "USAGE", "GOVERNANCE", "SECURITY", "ALERT"))}
)
# Tables and views share their names: a reference does not tell which it means.
RELATIONS = ("TABLE", "VIEW", "EXTERNAL TABLE", "MATERIALIZED VIEW", "DYNAMIC TABLE", "ICEBERG TABLE", "STREAM")
RELATION = "RELATION"


def inherited(grants: Grants, holders: Iterable[Holder]) -> frozenset[Holder]:
    """Return these roles and every role granted to them, directly or not, and PUBLIC."""
    found: set[Holder] = {("ROLE", "PUBLIC")}
    waiting = list(holders)
    while waiting:
        holder = waiting.pop()
        if holder in found:
            continue
        found.add(holder)
        if holder[0] == "ROLE":
            waiting += [("ROLE", name) for name in _SYSTEM_HIERARCHY.get(holder[1], ())]
        waiting += [
            grant.target
            for grant in grants.to(holder)
            if grant.privilege == "USAGE" and grant.on in ("ROLE", "DATABASE ROLE") and not grant.future
        ]
    return frozenset(found)


def holders_of(grants: Grants, role: Holder) -> frozenset[Holder]:
    """Return every role and user that has this role, directly or not."""
    found: set[Holder] = set()
    waiting = [role]
    while waiting:
        current = waiting.pop()
        above = [grant.holder for grant in grants.on(*current) if grant.privilege == "USAGE"]
        if current[0] == "ROLE":
            above += [("ROLE", name) for name, held in _SYSTEM_HIERARCHY.items() if current[1] in held]
        for holder in above:
            if holder not in found:
                found.add(holder)
                waiting.append(holder)
    return frozenset(found)


@dataclass(frozen=True)
class Access:
    """Answer what roles may do together. holders: the roles, with all that they inherit."""

    grants: Grants
    holders: frozenset[Holder]

    def owns(self, kind: str, name: str) -> bool:
        """Return whether one of the roles owns an object."""
        return self.grants.owner(kind, name) in self.holders

    def holds(self, kind: str, name: str, *privileges: str) -> bool:
        """Return whether the roles have one of these privileges on an object; who owns it has all of them."""
        if kind == "ACCOUNT":
            return self._holds_globally(privileges)
        for one, _ in self._targets(kind, name):
            if any(g.privilege in privileges and g.holder in self.holders for g in self.grants.on(one, name)):
                return True
        return self.owns_any(kind, name)

    def owns_any(self, kind: str, name: str) -> bool:
        """Return whether the roles own it; a relation's kind is found by its name."""
        targets = self._targets(kind, name)
        owned = [one for one, _ in targets if self.grants.has_owner(one, name)]
        return any(self.owns(one, name) for one in owned or [targets[0][0]])

    def sees(self, kind: str, name: str) -> bool:
        """Return whether the roles have any privilege on an object."""
        for one, _ in self._targets(kind, name):
            if any(grant.holder in self.holders for grant in self.grants.on(one, name)):
                return True
        return self.owns_any(kind, name)

    def may_pass_on(self, privilege: str, kind: str, name: str) -> bool:
        """Return whether the roles have a privilege on an object with the right to grant it."""
        if kind == "ACCOUNT" and ("ROLE", "ACCOUNTADMIN") in self.holders:
            return True
        return any(
            grant.privilege == privilege and grant.grant_option and grant.holder in self.holders
            for grant in self.grants.on(kind, name)
        )

    @property
    def manages_grants(self) -> bool:
        return self.holds("ACCOUNT", ACCOUNT, "MANAGE GRANTS")

    def _holds_globally(self, privileges: tuple[str, ...]) -> bool:
        if ("ROLE", "ACCOUNTADMIN") in self.holders:
            return True
        wanted = set(privileges)
        if any(wanted & have for role, have in _SYSTEM_PRIVILEGES.items() if ("ROLE", role) in self.holders):
            return True
        return any(g.privilege in wanted and g.holder in self.holders for g in self.grants.on("ACCOUNT", ACCOUNT))

    def _targets(self, kind: str, name: str) -> list[Target]:
        return [(one, name) for one in RELATIONS] if kind == RELATION else [(kind, name)]
