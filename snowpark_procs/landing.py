"""What lies in the landing beside the data: manifests, and the acknowledgements of loaded batches."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snowpark_procs.statements import literal, run

if TYPE_CHECKING:
    from snowflake.snowpark import Session

_ENTRY = re.compile(r"(?:^|/)_manifests/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(json|loaded)$")


@dataclass(frozen=True)
class Published:
    """manifests: ids of the published batches. acknowledged: ids of those that the warehouse has said to have loaded."""

    manifests: frozenset[str]
    acknowledged: frozenset[str]


def manifest_path(batch_id: str) -> str:
    """Where a batch's manifest lies, relative to the landing. batch_id is validated by the caller."""
    return f"_manifests/{batch_id}.json"


def published(names: list[str]) -> Published:
    """Sort the names that LIST gives (any prefix in front); other files are none of ours."""
    found: dict[str, set[str]] = {"json": set(), "loaded": set()}
    for name in names:
        entry = _ENTRY.search(name)
        if entry:
            found[entry[2]].add(entry[1])
    return Published(frozenset(found["json"]), frozenset(found["loaded"]))


def list_published(session: Session) -> Published:
    """What the landing's manifest folder holds now."""
    return published([row[0] for row in run(session, "list_manifests")])


def acknowledge(session: Session, batch_id: str) -> None:
    """Say beside the manifest that the batch is loaded: table maintenance may then drop its files."""
    run(session, "acknowledge_batch", batch_id=batch_id, batch_literal=literal(batch_id))


def acknowledge_if_missing(session: Session, batch_id: str) -> bool:
    """Acknowledge a loaded batch unless that is done. Returns whether it had to be: a run may die between the two."""
    if batch_id in list_published(session).acknowledged:
        return False
    acknowledge(session, batch_id)
    return True
