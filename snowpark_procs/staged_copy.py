"""COPY INTO statements for files that a manifest lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from snowpark_procs.errors import TimeZoneError
from snowpark_procs.statements import literal, run

if TYPE_CHECKING:
    from snowflake.snowpark import Session

T = TypeVar("T")
FILES_PER_COPY = 1000  # Snowflake's limit on FILES, of COPY and of INFER_SCHEMA


def chunks(files: Sequence[T], size: int = FILES_PER_COPY) -> Iterator[Sequence[T]]:
    """The files in groups of at most size."""
    for start in range(0, len(files), size):
        yield files[start : start + size]


def copy_files(session: Session, table: str, stage: str, paths: Sequence[str]) -> None:
    """Copy the files (paths relative to the stage raw.<stage>) into table, whether loaded before or not."""
    for group in chunks(paths):
        run(session, "copy_files", table=table, stage=stage, files=", ".join(map(literal, group)))


def refuse_shifting_time_zone(session: Session) -> None:
    """Lake files hold UTC-adjusted times, which become TIMESTAMP_NTZ by the session's time zone.

    A procedure with owner's rights inherits that zone from its caller and cannot set it. Raises TimeZoneError unless
    it keeps UTC.
    """
    if not run(session, "time_zone_keeps_utc")[0][0]:
        raise TimeZoneError(
            "This session's TIMEZONE would shift the times of the lake's files. "
            "Run ALTER SESSION SET TIMEZONE = 'UTC' and call again; nothing was loaded"
        )
