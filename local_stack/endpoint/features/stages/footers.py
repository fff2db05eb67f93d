"""Read Parquet footers, and decide which files of a COPY one query can read.

Opening a query costs more than reading a small file, and a lake partitioned by hour has thousands of small files.
Neighbours with the same schema give the same rows in one query as in one query each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from local_stack.endpoint.features.stages.formats import path_list
from local_stack.endpoint.features.stages.location import StagedFile

# The columns that DuckDB adds to those of a file. A file's column of the same name hides them.
READER_COLUMNS = frozenset({"filename", "file_index", "file_row_number"})
_SCHEMA = (
    "name, type, type_length, repetition_type, num_children, converted_type, scale, precision, field_id, logical_type,"
    " duckdb_type"
)


@dataclass(frozen=True)
class Footer:
    """Hold what a Parquet file's footer says.

    `schema` is equal for files with the same columns. `rows` is the number of rows in the file.
    """

    schema: str
    rows: int
    columns: frozenset[str]

    @property
    def hides_reader_columns(self) -> bool:
        return not self.columns.isdisjoint(READER_COLUMNS)


# What a file is known by: its path and place on disk, when it was changed, and its size.
_State = tuple[Path, int, int, int]
_MOST_KNOWN = 20_000
_known: dict[_State, Footer] = {}


def read_footers(reader: duckdb.DuckDBPyConnection, files: Sequence[StagedFile]) -> dict[str, Footer]:
    """Return the footers of Parquet files by path. Raises duckdb.Error when one cannot be read.

    A load asks twice for all of its files, for their columns and for their rows.
    A footer is read again where its file has changed.
    """
    states = {_state(file.path) for file in files}
    found = {state: _known[state] for state in states if state in _known}
    if unread := sorted(states - found.keys()):
        found |= zip(unread, _read(reader, [path for path, *_ in unread]), strict=True)
        if len(_known) + len(unread) > _MOST_KNOWN:
            _known.clear()
        _known.update(found)
    return {str(path): footer for (path, *_), footer in found.items()}


def _state(path: Path) -> _State:
    told = path.stat()
    return path, told.st_ino, told.st_mtime_ns, told.st_size


def _read(reader: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> list[Footer]:
    listed = path_list(paths)
    rows = dict(reader.execute(f"SELECT file_name, num_rows FROM parquet_file_metadata({listed})").fetchall())
    schemas = reader.execute(
        f"SELECT file_name, md5(CAST(to_json(list(({_SCHEMA}) ORDER BY column_id)) AS VARCHAR)),"
        f" list(lower(name)) FROM parquet_schema({listed}) GROUP BY file_name"
    ).fetchall()
    footers = {path: Footer(schema, rows[path], frozenset(columns)) for path, schema, columns in schemas}
    return [footers[str(path)] for path in paths]


def neighbours(files: Sequence[StagedFile], footers: dict[str, Footer]) -> Iterator[list[StagedFile]]:
    """Divide files, in their order, into groups that one query can read.

    The files of a group have one schema, and no file is twice in a group.
    """
    group: list[StagedFile] = []
    seen: set[str] = set()
    for file in files:
        footer = footers[str(file.path)]
        fits = bool(group) and footer.schema == footers[str(group[0].path)].schema and not footer.hides_reader_columns
        if group and (not fits or file.key in seen):
            yield group
            group, seen = [], set()
        group.append(file)
        seen.add(file.key)
    if group:
        yield group
