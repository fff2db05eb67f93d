"""Read Parquet footers, and decide which files of a COPY one query can read.

Opening a query costs more than reading a small file, and a lake partitioned by hour has thousands of small files.
Neighbours with the same schema give the same rows in one query as in one query each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


def read_footers(reader: duckdb.DuckDBPyConnection, files: Sequence[StagedFile]) -> dict[str, Footer]:
    """Read the footers of Parquet files. Return them by path. Raises duckdb.Error when one cannot be read."""
    paths = path_list(sorted({file.path for file in files}))
    rows = dict(reader.execute(f"SELECT file_name, num_rows FROM parquet_file_metadata({paths})").fetchall())
    schemas = reader.execute(
        f"SELECT file_name, md5(CAST(to_json(list(({_SCHEMA}) ORDER BY column_id)) AS VARCHAR)),"
        f" list(lower(name)) FROM parquet_schema({paths}) GROUP BY file_name"
    ).fetchall()
    return {path: Footer(schema, rows[path], frozenset(columns)) for path, schema, columns in schemas}


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
