"""The files of a batch in their stages: what they are like before they are loaded, and COPY into RAW."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from snowflake.snowpark.exceptions import SnowparkSQLException

from snowpark_procs.batch_columns import FoundColumn, check_columns, loaded_columns
from snowpark_procs.errors import LoadMismatchError, UnreadableFileError
from snowpark_procs.manifest import Dataset
from snowpark_procs.staged_copy import chunks
from snowpark_procs.statements import literal, run

if TYPE_CHECKING:
    from snowflake.snowpark import Session


def check_staged(session: Session, batch_id: str, dataset: Dataset) -> list[str]:
    """Compare a dataset's files with the manifest and the contract, without reading a row. Returns what is there besides.

    Raises LoadMismatchError for a file of another size, a column that is missing, unknown or of another type;
    UnreadableFileError for what is no Parquet file.
    """
    subject = f"Batch {batch_id}"
    besides = _check_folder(session, subject, batch_id, dataset) if dataset.stage == "landing" else []
    for files in chunks(dataset.files):
        paths = ", ".join(literal(file.path) for file in files)
        with _readable(subject, dataset):
            rows = run(session, "infer_columns", stage=dataset.stage, files=paths)
        check_columns(subject, dataset, files, [FoundColumn(row[0], row[1], row[2]) for row in rows])
    return besides


def copy_batch_files(session: Session, batch_id: str, dataset: Dataset) -> dict[str, int]:
    """Copy a dataset's files into its table of RAW, whether loaded before or not. Returns COPY's rows by file."""
    columns = loaded_columns(dataset.name)
    loaded: dict[str, int] = {}
    for files in chunks(dataset.files):
        with _readable(f"Batch {batch_id}", dataset):
            rows = run(
                session,
                "copy_batch_files",
                table=dataset.name,
                columns=", ".join(column.name for column in columns),
                values=",\n        ".join(column.value for column in columns),
                batch_literal=literal(batch_id),
                stage=dataset.stage,
                files=", ".join(literal(file.path) for file in files),
            )
        loaded.update({row[0]: int(row[3]) for row in rows})
    return loaded


def _check_folder(session: Session, subject: str, batch_id: str, dataset: Dataset) -> list[str]:
    """Compare the sizes of the files that the batch has in the landing. Returns the Parquet files that it does not list."""
    folder = f"{dataset.name}/batch_id={batch_id}/"
    listed = {
        f"{folder}{row[0].rpartition(folder)[2]}": int(row[1])
        for row in run(session, "list_landing", location=literal(f"@raw.landing/{folder}"))
    }
    for file in dataset.files:
        size = listed.pop(file.path, None)
        if size != file.bytes:
            found = "none: it is not in the landing" if size is None else size
            raise LoadMismatchError(subject, dataset.name, f"bytes of file {file.path}", file.bytes, found)
    return sorted(name for name in listed if name.endswith(".parquet"))


@contextmanager
def _readable(subject: str, dataset: Dataset) -> Iterator[None]:
    """Say of which files Snowflake's error is."""
    try:
        yield
    except SnowparkSQLException as error:
        raise UnreadableFileError(subject, dataset.name, error.message) from error
