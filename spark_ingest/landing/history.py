"""What batches were published, in short: enough to plan the next one without reading every manifest.

The landing keeps it in one file beside the manifests, so that a year of hourly batches takes one read. The file follows the
manifests: one that it lacks (a run was killed right after its manifest) is read, and one that is gone is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from spark_ingest.lake.days import Days

INCREMENTAL = "incremental"


@dataclass(frozen=True)
class Published:
    """A published batch.

    tables: by table, the snapshot that it starts after and the one that it reaches. dates: by dataset, those that it has changed
    on. rows: by dataset.
    """

    batch_id: str
    published_at: str
    mode: str
    tables: Mapping[str, tuple[int | None, int | None]]
    dates: Mapping[str, tuple[str, ...]]
    rows: Mapping[str, int]

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Published:
        """What of a manifest is kept. Older manifests tell dates for all datasets together."""
        datasets = manifest["datasets"]
        return cls(
            batch_id=manifest["batch_id"],
            published_at=manifest["published_at"],
            mode=manifest["mode"],
            tables={
                name: (_number(table["from_snapshot_id"]), _number(table["to_snapshot_id"]))
                for name, table in manifest["tables"].items()
            },
            dates={name: tuple(data.get("dates", manifest["affected_dates"])) for name, data in datasets.items()},
            rows={name: data["rows"] for name, data in datasets.items()},
        )

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Published:
        """A batch as `document` wrote it. Raises KeyError, TypeError or ValueError for another document."""
        return cls(
            batch_id=entry["batch_id"],
            published_at=entry["published_at"],
            mode=entry["mode"],
            tables={name: (_number(first), _number(last)) for name, (first, last) in entry["tables"].items()},
            dates={name: tuple(dates) for name, dates in entry["dates"].items()},
            rows=dict(entry["rows"]),
        )

    def document(self) -> dict[str, Any]:
        return {
            "batch_id": self.batch_id,
            "published_at": self.published_at,
            "mode": self.mode,
            "tables": {name: [_text(first), _text(last)] for name, (first, last) in self.tables.items()},
            "dates": {name: list(dates) for name, dates in self.dates.items()},
            "rows": dict(self.rows),
        }


@dataclass(frozen=True)
class History:
    """The published batches, oldest first.

    removed: by dataset, the dates of batches whose manifests were removed because they were loaded long ago.
    """

    batches: tuple[Published, ...] = ()
    removed: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, batches: Iterable[Published], removed: Mapping[str, frozenset[str]] | None = None) -> History:
        return cls(tuple(sorted(batches, key=lambda each: (each.published_at, each.batch_id))), removed or {})

    @property
    def newest(self) -> Published | None:
        return self.batches[-1] if self.batches else None

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(each.batch_id for each in self.batches)

    def published_up_to(self) -> dict[str, int | None]:
        """By table, the snapshot up to which incremental batches are published."""
        newest: dict[str, int | None] = {}
        for each in self.batches:
            if each.mode == INCREMENTAL:
                newest |= {name: last for name, (_, last) in each.tables.items()}
        return newest

    def days(self, dataset: str) -> Days:
        """The dates that batches so far delivered rows of a dataset of."""
        dates = {day for each in self.batches for day in each.dates[dataset]} | self.removed.get(dataset, frozenset())
        return Days.of(date.fromisoformat(day) for day in dates)

    def without(self, gone: Iterable[Published]) -> History:
        """The history after manifests were removed; their dates stay known."""
        forgotten = list(gone)
        removed = {name: set(dates) for name, dates in self.removed.items()}
        for each in forgotten:
            for name, dates in each.dates.items():
                removed.setdefault(name, set()).update(dates)
        ids = {each.batch_id for each in forgotten}
        kept = (each for each in self.batches if each.batch_id not in ids)
        return History(tuple(kept), {name: frozenset(dates) for name, dates in removed.items()})

    def document(self) -> dict[str, Any]:
        return {
            "batches": [each.document() for each in self.batches],
            "removed": {name: sorted(dates) for name, dates in self.removed.items()},
        }


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
