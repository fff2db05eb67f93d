"""The buckets that were unloaded of a day, as a procedure reads them: by SQL over their file on the stage."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from reconcile.speed.buckets import Bucketing, Sums
from reconcile.speed.names import buckets_path
from snowpark_procs.statements import literal, run

if TYPE_CHECKING:
    from snowflake.snowpark import Session


@dataclass(frozen=True)
class StagedBuckets:
    """The file of one day."""

    session: Session
    file: str
    bucketing: Bucketing
    change_id: int
    total: Sums

    def sums(self, count: int, within: Collection[int] | None = None) -> Mapping[int, Sums]:
        """By bucket, of so many; within: only of these coarse buckets."""
        numbers = ", ".join(map(str, within or ()))
        condition = f"MOD($1:BUCKET::NUMBER(38, 0), {self.bucketing.coarse}) IN ({numbers})" if numbers else "TRUE"
        rows = run(self.session, "stage_bucket_sums", file=self.file, count=str(count), condition=condition)
        return {int(row[0]): Sums(*map(int, row[1:])) for row in rows}


def staged_buckets(session: Session, day: date) -> StagedBuckets | None:
    """What the stage has of the day, if anything."""
    file = literal(f"@raw.landing/{buckets_path(day)}")
    (row,) = run(session, "stage_bucket_totals", file=file)
    if row[0] is None:
        return None
    bucketing = Bucketing(tuple(row[0].split(",")), int(row[1]))
    return StagedBuckets(session, file, bucketing, int(row[2]), Sums(*map(int, row[3:])))
