"""How the files of a snapshot are called in the landing, so that a listing tells which is a day's newest. Pure.

_buckets/<day>.parquet                                        from the warehouse: the sums of the batch side's buckets
speed_sessions/date=<day>/<extraction_id>.parquet             the rows
_speed_set_aside/<day>/<extraction_id>.jsonl                  rows that were left out, each with its reason, if any
_speed_manifests/<day>/<extracted_at>.<extraction_id>.json    written last: publishes the snapshot
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

MANIFESTS = "_speed_manifests"
_TIME = "%Y%m%dT%H%M%S%fZ"
# A manifest of contract version 1 had no time in its name; nobody reads it any more.
_MANIFEST = re.compile(
    MANIFESTS
    + r"/(?P<day>\d{4}-\d{2}-\d{2})/(?P<time>\d{8}T\d{12}Z)\.(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json\Z",
    re.ASCII,
)


@dataclass(frozen=True, order=True)
class Published:
    """A manifest, as its name tells. They order by day and time."""

    day: date
    extracted_at: datetime
    extraction_id: str
    path: str


def buckets_path(day: date) -> str:
    return f"_buckets/{day.isoformat()}.parquet"


def snapshot_path(day: date, extraction_id: str) -> str:
    return f"speed_sessions/date={day.isoformat()}/{extraction_id}.parquet"


def set_aside_path(day: date, extraction_id: str) -> str:
    return f"_speed_set_aside/{day.isoformat()}/{extraction_id}.jsonl"


def manifest_path(day: date, extracted_at: datetime, extraction_id: str) -> str:
    return f"{MANIFESTS}/{day.isoformat()}/{extracted_at.astimezone(UTC).strftime(_TIME)}.{extraction_id}.json"


def read_names(names: Iterable[str]) -> dict[date, list[Published]]:
    """The manifests among file names (any prefix in front) by day, oldest first."""
    found: dict[date, list[Published]] = {}
    for name in names:
        match = _MANIFEST.search(name)
        if match is None or (match.start() and name[match.start() - 1] != "/"):
            continue
        try:
            day = date.fromisoformat(match["day"])
            time = datetime.strptime(match["time"], _TIME).replace(tzinfo=UTC)
        except ValueError:
            continue
        found.setdefault(day, []).append(Published(day, time, match["id"], match[0]))
    return {day: sorted(found[day]) for day in sorted(found)}
