"""Hold what CREATE TASK says."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

# The properties and the parameter of each that are in force when nothing is said.
DEFAULT_TIMEOUT_MS = 3_600_000
DEFAULT_SUSPEND_AFTER = 10


@dataclass(frozen=True)
class Task:
    """Hold one task. Names are full, as the registry has them: DB.SCHEMA.NAME.

    properties: the other properties by name (WAREHOUSE, SCHEDULE, CONFIG, …). parameters: session parameters of its runs.
    after: its predecessors. finalize: the root whose graph it finalizes. state: started | suspended. failures: failed runs
    in a row (of a root). id: stays the same when the task is altered.
    """

    id: str
    database: str
    schema: str
    name: str
    body: str
    properties: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    finalize: str = ""
    when: str = ""
    owner: str = ""
    state: str = "suspended"
    failures: int = 0
    last_committed_on: str = ""
    last_suspended_on: str = ""
    last_suspended_reason: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.database}.{self.schema}.{self.name}"

    @property
    def is_root(self) -> bool:
        return not self.after and not self.finalize

    @property
    def is_started(self) -> bool:
        return self.state == "started"

    @property
    def timeout_ms(self) -> int:
        return int(self.properties.get("USER_TASK_TIMEOUT_MS", DEFAULT_TIMEOUT_MS))

    @property
    def retries(self) -> int:
        return int(self.properties.get("TASK_AUTO_RETRY_ATTEMPTS", 0))

    @property
    def suspend_after(self) -> int:
        """Return after how many failed runs in a row it is suspended; 0: never."""
        return int(self.properties.get("SUSPEND_TASK_AFTER_NUM_FAILURES", DEFAULT_SUSPEND_AFTER))

    def to_document(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_document(document: dict[str, Any]) -> Task:
        return Task(**{**document, "after": tuple(document["after"])})
