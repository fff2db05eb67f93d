"""Tell what CREATE, ALTER, DROP and the other statements about one object need.

See: https://docs.snowflake.com/en/user-guide/security-access-control-privileges, and the page of each command.
"""

from __future__ import annotations

from collections.abc import Iterator

from local_stack.endpoint.engine.access import PYPI_USER, RELATION
from local_stack.endpoint.errors import missing_object
from local_stack.endpoint.features.rights.heads import Head, exists
from local_stack.endpoint.features.rights.judge import Need, on_account
from local_stack.endpoint.session import Session

OWNER = ("OWNERSHIP",)
PYPI_REPOSITORY = ("SNOWFLAKE", "SNOWPARK", "PYPI_SHARED_REPOSITORY")
# Kinds of the account, and the privilege that creating them needs where it has another name.
_ACCOUNT_CREATION = {"RESOURCE MONITOR": "CREATE RESOURCE MONITOR"}
# The privileges that ALTER … <word> needs instead of ownership.
_LESSER: dict[str, dict[str, tuple[str, ...]]] = {
    "WAREHOUSE": {
        "SUSPEND": ("OPERATE",), "RESUME": ("OPERATE",), "ABORT": ("OPERATE",), "SET": ("MODIFY",), "UNSET": ("MODIFY",),
    },
    "TASK": {"SUSPEND": ("OPERATE",), "RESUME": ("OPERATE",)},
    "ALERT": {"SUSPEND": ("OPERATE",), "RESUME": ("OPERATE",)},
    "PIPE": {"SET": ("OPERATE",), "REFRESH": ("OPERATE",)},
    "DATABASE": {"SET": ("MODIFY",), "UNSET": ("MODIFY",)},
    "SCHEMA": {"SET": ("MODIFY",), "UNSET": ("MODIFY",)},
    "RESOURCE MONITOR": {"SET": ("MODIFY",)},
}  # fmt: skip
_LEVELS = {"LOG_LEVEL": "MODIFY LOG LEVEL", "TRACE_LEVEL": "MODIFY TRACE LEVEL", "METRIC_LEVEL": "MODIFY METRIC LEVEL"}
_POLICIES = {("MASKING", "POLICY"): "MASKING POLICY", ("ROW", "ACCESS", "POLICY"): "ROW ACCESS POLICY"}


def of_head(head: Head, session: Session) -> Iterator[Need]:
    """Yield what a statement about one object needs."""
    match head.verb:
        case "CREATE":
            yield from _creation(head, session)
        case "ALTER":
            yield from _change(head, session)
        case "DROP" | "COMMENT":
            if not head.temporary and (not head.if_exists or exists(head, session)):
                yield _on(head, OWNER)
        case "UNDROP":
            yield _in_container(head)
        case "DESCRIBE":
            if not head.temporary and head.kind not in ("USER", "ROLE"):
                yield _on(head, ())


def _creation(head: Head, session: Session) -> Iterator[Need]:
    if head.temporary:
        yield Need(*head.container)
    else:
        yield _in_container(head)
        if (head.or_replace or head.or_alter) and exists(head, session):
            yield _on(head, OWNER)
    yield from _referred(head, session)


def _in_container(head: Head) -> Need:
    kind, place = head.container
    privilege = f"CREATE {head.kind}"
    if kind == "ACCOUNT":
        return on_account(_ACCOUNT_CREATION.get(head.kind, privilege))
    return Need(kind, place, (privilege,), primary=True)


def _referred(head: Head, session: Session) -> Iterator[Need]:
    """Yield what the other objects in a definition need: warehouses, integrations, secrets, the source of a copy."""
    if (warehouse := head.named_after("WAREHOUSE", "=")) and head.kind in ("TASK", "ALERT"):
        yield Need("WAREHOUSE", warehouse[-1:], ("USAGE",))
    for word in ("STORAGE_INTEGRATION", "API_INTEGRATION", "ERROR_INTEGRATION"):
        if name := head.named_after(word, "="):
            yield Need("INTEGRATION", name[-1:], ("USAGE",))
    if head.kind in ("PROCEDURE", "FUNCTION") and (name := head.named_after("EXTERNAL_ACCESS_INTEGRATIONS", "=", "(")):
        yield Need("INTEGRATION", name[-1:], ("USAGE",))
    if head.kind in ("PROCEDURE", "FUNCTION") and (name := head.named_after("ARTIFACT_REPOSITORY", "=")):
        _require_repository(name, session)
    if head.kind == "TABLE":
        for word in ("CLONE", "LIKE"):
            if head.reader.looking_at(word) and (source := head.named_after(word)):
                place = session.resolve(source)
                parts = (place.database, place.schema, place.name)
                if parts not in session.temporary_tables:
                    yield Need(RELATION, parts, ("SELECT",))


def _require_repository(name: tuple[str, ...], session: Session) -> None:
    """Raise SqlError 002003 where the roles may not use Snowflake's repository of PyPI's packages.

    See: https://docs.snowflake.com/en/developer-guide/udf/python/udf-python-packages
    """
    holders = session.access.holders
    if name == PYPI_REPOSITORY and not holders & {("DATABASE ROLE", ".".join(PYPI_USER)), ("ROLE", "ACCOUNTADMIN")}:
        raise missing_object("Artifact repository", ".".join(name))


def _change(head: Head, session: Session) -> Iterator[Need]:
    if head.temporary or (head.if_exists and not exists(head, session)):
        return
    if head.kind == "USER" and head.place[0] == session.user:
        return  # every user may change their own settings
    word = head.reader.token.upper
    level = next((privilege for name, privilege in _LEVELS.items() if head.says(name)), None)
    if level and head.kind in ("DATABASE", "SCHEMA"):
        yield on_account(level)
    policy = next(
        (kind for words, kind in _POLICIES.items() if head.kind in ("TABLE", "VIEW") and head.says(*words)), None
    )
    if policy:
        yield from _policy(head, policy, session)
        return
    yield _on(head, _LESSER.get(head.kind, {}).get(word, OWNER))
    if (new := head.named_after("RENAME", "TO")) and len(head.place) == 3:
        place = session.resolve(new)
        yield Need("SCHEMA", (place.database, place.schema), (f"CREATE {head.kind}",), primary=True)
    if other := head.named_after("SWAP", "WITH"):
        place = session.resolve(other)
        yield Need(RELATION, (place.database, place.schema, place.name), OWNER)


def resumes(head: Head) -> bool:
    """Return whether the statement lets a task or an alert run by itself."""
    return head.verb == "ALTER" and head.kind in ("TASK", "ALERT") and head.reader.token.upper == "RESUME"


def _policy(head: Head, kind: str, session: Session) -> Iterator[Need]:
    """Yield what setting or unsetting a policy needs.

    A role that may apply every policy of the kind needs no more than to see the object. Another role has to own the
    object and hold APPLY on the policy.
    See: https://docs.snowflake.com/en/user-guide/security-column-intro
    """
    if session.access.holds("ACCOUNT", "LOCAL", f"APPLY {kind}"):
        yield _on(head, ())
        return
    yield _on(head, OWNER)
    if name := head.named_after(*kind.split()):
        place = session.resolve(name)
        yield Need(kind, (place.database, place.schema, place.name), ("APPLY",))


def _on(head: Head, privileges: tuple[str, ...]) -> Need:
    return Need(head.lookup_kind, head.place, privileges)


def of_account(sql: str) -> Need:
    """Return what ALTER ACCOUNT needs.

    Only ACCOUNTADMIN may run it. The levels of logging are the exception: they need a privilege.
    """
    upper = sql.upper()
    return on_account(next((privilege for name, privilege in _LEVELS.items() if name in upper), "OWNERSHIP"))
