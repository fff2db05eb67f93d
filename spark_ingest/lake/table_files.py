"""The files of a lake table as Iceberg's manifests list them, and the UTC dates that their rows may have.

Dates are those of the timestamps, told by the bounds of the timestamp column: a partition may follow the date of arrival or
a local time, or have another shape than the table has today. https://iceberg.apache.org/spec/#data-file-fields
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from functools import lru_cache

from pyiceberg.avro.file import AvroFile
from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import (
    DATA_FILE_TYPE,
    MANIFEST_ENTRY_SCHEMAS,
    DataFile,
    DataFileContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
)
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.transforms import DayTransform, HourTransform, MonthTransform, VoidTransform, YearTransform
from pyiceberg.typedef import StructProtocol
from pyiceberg.types import TimestamptzType

from spark_ingest.lake.days import DAY_MICROS, Days, Range, day_number

# Of a file that tells nothing, any day may be; of one without rows that have a time, none is.
ANY_DAY: Range = (day_number(date.min), day_number(date.max))
NO_DAY: Range = (0, -1)
_HOURS_PER_DAY = 24
_PATH_COLUMN = 2147483546  # Iceberg's reserved id of `file_path` in position delete files
_ENTRIES = MANIFEST_ENTRY_SCHEMAS[3]
_REFERENCED = [each.name for each in DATA_FILE_TYPE[3].fields].index("referenced_data_file")


@dataclass(frozen=True)
class LakeFile:
    """One data file. span: the first and the last day that its rows may have. timeless: it may hold rows without a time.

    complete: the ids of the columns that have a value in each row, and no empty text. counted: of those whose values metadata
    counts, which are in the file.
    """

    path: str
    rows: int
    bytes: int
    span: Range
    timeless: bool = False
    complete: frozenset[int] = frozenset()
    counted: frozenset[int] = frozenset()

    @property
    def is_exact(self) -> bool:
        """Whether there are rows of each day: bounds are values that occur, so of two days at most each has some."""
        return self.span[1] - self.span[0] <= 1


@dataclass(frozen=True)
class DeleteFile:
    """One file of deletes. target: the one data file that it is about, where it is about one.

    partition: that of the data files that it applies to; None: it applies to those of all partitions.
    """

    target: str | None
    partition: str | None


@dataclass
class TableFiles:
    """Data and delete files from manifests of one table."""

    time_id: int | None
    data: list[LakeFile] = field(default_factory=list)
    deletes: list[DeleteFile] = field(default_factory=list)
    by_path: dict[str, LakeFile] = field(default_factory=dict)
    partitions: dict[str, list[LakeFile]] = field(default_factory=dict)

    def add(self, table: IcebergTable, file: DataFile) -> None:
        if file.content == DataFileContent.DATA:
            known = _lake_file(table, file, self.time_id)
            self.data.append(known)
            self.by_path[known.path] = known
            self.partitions.setdefault(_partition(file), []).append(known)
        else:
            self.deletes.append(_delete_file(table, file))

    def of(self, deletes: DeleteFile) -> list[LakeFile]:
        """The data files, of those known here, that a delete file may be about."""
        if deletes.target is not None:
            return [self.by_path[deletes.target]] if deletes.target in self.by_path else []
        return self.data if deletes.partition is None else self.partitions.get(deletes.partition, [])


def live_files(table: IcebergTable, snapshot: Snapshot, time_id: int | None) -> TableFiles:
    """The files of a snapshot."""
    found = TableFiles(time_id)
    for manifest in snapshot.manifests(table.io):
        for file in live_in(table, manifest):
            found.add(table, file)
    return found


def live_in(table: IcebergTable, manifest: ManifestFile) -> Iterator[DataFile]:
    """The data and delete files of a manifest that its snapshot has."""
    return (each.data_file for each in _entries(table, manifest) if each.status != ManifestEntryStatus.DELETED)


def own_files(table: IcebergTable, snapshots: Iterable[Snapshot], time_id: int | None) -> TableFiles:
    """The files that snapshots themselves added or removed."""
    found = TableFiles(time_id)
    for snapshot in snapshots:
        for manifest in snapshot.manifests(table.io):
            if manifest.added_snapshot_id == snapshot.snapshot_id:
                for entry in _entries(table, manifest):
                    is_own = entry.snapshot_id in (None, snapshot.snapshot_id)
                    if entry.status != ManifestEntryStatus.EXISTING and is_own:
                        found.add(table, entry.data_file)
    return found


def _entries(table: IcebergTable, manifest: ManifestFile) -> Iterator[ManifestEntry]:
    """The entries of a manifest of any format version.

    pyiceberg's own reader knows no deletion vectors: their format (Puffin) is none of its enumeration, and it leaves out
    which data file they are about.
    """
    enums: dict[int, Callable[..., Enum]] = {0: ManifestEntryStatus, 134: DataFileContent}
    types: dict[int, Callable[..., StructProtocol]] = {-1: ManifestEntry, 2: DataFile}
    source = table.io.new_input(manifest.manifest_path)
    with AvroFile[ManifestEntry](source, _ENTRIES, read_types=types, read_enums=enums) as entries:
        for entry in entries:
            entry.data_file.spec_id = manifest.partition_spec_id
            yield entry


def days_of(files: Iterable[LakeFile]) -> Days:
    """The days that rows of some files may have."""
    return Days.joined(each.span for each in files)


def _lake_file(table: IcebergTable, file: DataFile, time_id: int | None) -> LakeFile:
    rows = int(file.record_count)
    missing = None if time_id is None else (file.null_value_counts or {}).get(time_id)
    span = NO_DAY if missing == rows else _bounds(file, time_id) or _partition_days(table, file, time_id) or ANY_DAY
    counted = _shared(frozenset(file.value_counts or {}))
    return LakeFile(
        str(file.file_path), rows, int(file.file_size_in_bytes), span, missing != 0, _complete(file), counted
    )


def _complete(file: DataFile) -> frozenset[int]:
    """The columns without NULL whose lower bound says that no text is empty: an empty one would be the bound, whole."""
    nulls, bounds = file.null_value_counts or {}, file.lower_bounds or {}
    return _shared(frozenset(each for each, bound in bounds.items() if bound != b"" and nulls.get(each) == 0))


@lru_cache(maxsize=256)
def _shared(columns: frozenset[int]) -> frozenset[int]:
    """One set for all files with the same columns: there may be a million of them."""
    return columns


def _bounds(file: DataFile, time_id: int | None) -> Range | None:
    if time_id is None:
        return None
    low, high = (file.lower_bounds or {}).get(time_id), (file.upper_bounds or {}).get(time_id)
    return None if low is None or high is None else (_micros(low) // DAY_MICROS, _micros(high) // DAY_MICROS)


def _micros(bound: bytes) -> int:
    micros: int = from_bytes(TimestamptzType(), bound)  # type: ignore[assignment]  # microseconds since 1970
    return micros


def _partition_days(table: IcebergTable, file: DataFile, time_id: int | None) -> Range | None:
    """The days of a partition by the time itself; None where there is none."""
    found: Range | None = None
    for position, each in enumerate(table.specs()[file.spec_id].fields):
        value = file.partition[position] if each.source_id == time_id else None
        if isinstance(value, date):
            value = day_number(value)
        if value is not None and (days := _transformed(each.transform, value)) is not None:
            found = days if found is None else (max(found[0], days[0]), min(found[1], days[1]))
    return found


def _transformed(transform: object, value: int) -> Range | None:
    match transform:
        case HourTransform():
            return value // _HOURS_PER_DAY, value // _HOURS_PER_DAY
        case DayTransform():
            return value, value
        case MonthTransform():
            return _first_of_month(value), _first_of_month(value + 1) - 1
        case YearTransform():
            return _first_of_month(12 * value), _first_of_month(12 * value + 12) - 1
    return None


def _first_of_month(months: int) -> int:
    """The day number of the first day of a month, counted from January 1970."""
    year, month = divmod(1970 * 12 + months, 12)
    return ANY_DAY[1] + 1 if year > date.max.year else day_number(date(max(year, 1), month + 1, 1))


def _delete_file(table: IcebergTable, file: DataFile) -> DeleteFile:
    spec = table.specs()[file.spec_id]
    is_global = file.content == DataFileContent.EQUALITY_DELETES and all(
        isinstance(each.transform, VoidTransform) for each in spec.fields
    )
    return DeleteFile(_target(file), None if is_global else _partition(file))


def _target(file: DataFile) -> str | None:
    """The data file that a file of position deletes is about, where it is about one alone."""
    if file.content != DataFileContent.POSITION_DELETES:
        return None
    named = file[_REFERENCED]
    if named is not None:
        return str(named)
    low, high = (file.lower_bounds or {}).get(_PATH_COLUMN), (file.upper_bounds or {}).get(_PATH_COLUMN)
    return low.decode() if low is not None and low == high else None


def _partition(file: DataFile) -> str:
    return f"{file.spec_id}/{file.partition}"
