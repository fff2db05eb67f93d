"""What a file of each dataset holds, by the contract: its columns, and the types that they are loaded as."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from snowpark_procs.errors import LoadMismatchError
from snowpark_procs.manifest import Dataset, StagedFile

_NUMBER = re.compile(r"NUMBER\(\d+, ?(\d+)\)")


@dataclass(frozen=True)
class FileColumn:
    """One column of a file. type: what it is loaded as. loaded: FALSE for what the lake and the job keep for themselves."""

    name: str
    type: str
    loaded: bool = True

    @property
    def value(self) -> str:
        """The column in a row `$1`. Text that a VARIANT holds is not parsed: it may be no JSON."""
        return f"$1:{self.name}::{'STRING::' if self.type == 'VARIANT' else ''}{self.type}"

    def takes(self, found: str) -> bool:
        """Return whether values of a type, as INFER_SCHEMA names it, are loaded without loss."""
        if wanted := _NUMBER.fullmatch(self.type):
            given = _NUMBER.fullmatch(found)
            return given is not None and int(given[1]) <= int(wanted[1])
        if self.type.startswith("TIMESTAMP"):
            return found.startswith("TIMESTAMP_")
        return found == ("TEXT" if self.type in ("STRING", "VARIANT") else self.type)


@dataclass(frozen=True)
class FoundColumn:
    """A column as INFER_SCHEMA found it. file_names: one text that names the files which have it."""

    name: str
    type: str
    file_names: str


def _of(type_: str, *names: str, loaded: bool = True) -> tuple[FileColumn, ...]:
    return tuple(FileColumn(name, type_, loaded) for name in names)


_COUNT, _MONEY = "NUMBER(38, 0)", "NUMBER(10, 2)"
# The ingest job writes it into its own files; a load knows it without.
_BATCH = _of("STRING", "batch_id", loaded=False)
BATCH_COLUMNS: Mapping[str, tuple[FileColumn, ...]] = {
    "user_events": (
        *_of("STRING", "event_id", "user_id", "session_id", "event_type"),
        *_of("TIMESTAMP_NTZ", "timestamp", "processing_time"),
        *_of("STRING", "device_type", "browser", "ip_address", "page_url", "product_id", "search_query"),
        *_of("STRING", "transaction_id", "user_tier"),
        *_of("VARIANT", "properties"),
        *_of("DATE", "date", loaded=False),
        *_of(_COUNT, "hour", loaded=False),
        *_BATCH,
    ),
    "transactions": (
        *_of("STRING", "transaction_id", "user_id", "product_id"),
        *_of(_COUNT, "quantity"),
        *_of(_MONEY, "unit_price", "total_amount", "discount_amount", "tax_amount"),
        *_of("STRING", "status", "payment_method", "user_tier"),
        *_of("TIMESTAMP_NTZ", "created_at"),
        *_of("DATE", "date", loaded=False),
        *_BATCH,
    ),
    "user_sessions": (
        *_of("STRING", "session_id", "user_id", "user_tier"),
        *_of("TIMESTAMP_NTZ", "session_start", "session_end", "first_purchase_at"),
        *_of("NUMBER(18, 4)", "session_duration_minutes"),
        *_of(_COUNT, "page_views", "product_views", "searches", "add_to_cart_events", "purchases", "items_purchased"),
        *_of("NUMBER(38, 2)", "total_spent"),
        *_of("STRING", "device_type", "browser"),
        *_of("BOOLEAN", "converted_to_purchase"),
        *_of(_COUNT, "event_count", "distinct_ip_count", "source_snapshot_id"),
        *_BATCH,
    ),
}


def loaded_columns(dataset: str) -> tuple[FileColumn, ...]:
    """The columns of a dataset that are loaded, in the order of the contract."""
    return tuple(column for column in BATCH_COLUMNS[dataset] if column.loaded)


def check_columns(subject: str, dataset: Dataset, files: Sequence[StagedFile], found: Sequence[FoundColumn]) -> None:
    """Compare the columns of files with the contract's.

    A file that the ingest job has written has these and no other. One of the lake may have more, which nobody reads.
    Raises LoadMismatchError naming the first column that differs, and a file.
    """
    contract = {column.name: column for column in BATCH_COLUMNS[dataset.name]}
    by_name = {column.name: column for column in found}
    unknown = [column for column in found if column.name not in contract]
    for column in contract.values():
        given = by_name.get(column.name)
        if given is not None and not column.takes(given.type):
            raise _mismatch(subject, dataset, column.name, _holder(files, given), column.type, given.type)
        lacking = [file.path for file in files if given is None or file.path not in given.file_names]
        if lacking and column.loaded:
            others = ", ".join(other.name for other in unknown)
            told = f"none (columns that are not the contract's: {others})" if others else "none"
            raise _mismatch(subject, dataset, column.name, lacking[0], column.type, told)
    if unknown and dataset.handling != "passthrough":
        other = unknown[0]
        raise _mismatch(subject, dataset, other.name, _holder(files, other), "none (not the contract's)", other.type)


def _holder(files: Sequence[StagedFile], column: FoundColumn) -> str:
    return next((file.path for file in files if file.path in column.file_names), files[0].path)


def _mismatch(subject: str, dataset: Dataset, column: str, file: str, expected: str, found: str) -> LoadMismatchError:
    return LoadMismatchError(subject, dataset.name, f"column {column} of file {file}", expected, found)
