"""How a ClickHouse table keeps its rows, and how they are read as it means them.

Pure: what the system tables say in, SQL out. Several engines store a row again and merge the copies some time later, so what a
plain SELECT finds depends on when it runs: https://clickhouse.com/docs/sql-reference/statements/select/from#final-modifier
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_MERGING = re.compile(
    r"\A(?:Replicated|Shared)?(?:Replacing|Collapsing|VersionedCollapsing|Aggregating|Summing|Coalescing)MergeTree\Z"
)
# These read from other tables, which may be of such an engine.
_OTHERS = frozenset({"View", "MaterializedView", "Distributed", "Merge", "Buffer", "SELECT"})
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'")
_FIRST_NAME = re.compile(r"\A\w+\((?:\s*,)*\s*`?(\w+)`?")


@dataclass(frozen=True)
class SpeedEngine:
    """A table's engine.

    name: as ClickHouse names it. key: the sorting key as SQL, empty where there is none. sign: the column that says whether a
    row is there (1) or taken back (-1).
    """

    name: str
    key: str = ""
    sign: str | None = None

    @property
    def merges(self) -> bool:
        """Whether rows of one key become one."""
        return bool(_MERGING.match(self.name))

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a query by which the tables behind a view are read merged."""
        return {"final": "1"} if self.name in _OTHERS else {}

    @property
    def read_as(self) -> str:
        """In words what was done, for the snapshot."""
        return "merged" if self.merges or self.settings else "as stored"

    def rows(
        self, table: str, columns: Collection[str], states: Collection[str], condition: str, few: bool = True
    ) -> str:
        """The FROM and WHERE clauses that give the rows which the condition holds for, each as merged.

        table and columns: quoted names, validated or ClickHouse's own, all that the table has. states: those columns that hold
        states of aggregates. A version that the condition does not hold for counts too: all versions of a key are merged first.
        few: the condition leaves rows out, so that their keys are looked up before; a set of all keys would only cost memory.
        """
        if not self.merges and not states:
            return f"FROM {table} WHERE {condition}"
        values = ", ".join(f"finalizeAggregation({name}) AS {name}" if name in states else name for name in columns)
        stored = f"SELECT {values} FROM {table}"  # noqa: S608
        if not self.merges:
            return f"FROM ({stored}) WHERE {condition}"
        versions = f"({stored})" if states else table
        keys = f"SELECT {self.key} FROM {versions} WHERE {condition}"  # noqa: S608
        some = f" WHERE ({self.key}) IN ({keys})" if self.key and few else ""
        present = f" AND `{self.sign}` > 0" if self.sign else ""
        return f"FROM ({stored} FINAL{some}) WHERE {condition}{present}"


def speed_engine(name: str, full: str, key: str) -> SpeedEngine:
    """Read what system.tables says of a table: engine, engine_full and sorting_key."""
    sign = None
    if "Collapsing" in name and (found := _FIRST_NAME.match(_QUOTED.sub("", full))):
        sign = found.group(1)
    return SpeedEngine(name, key, sign)
