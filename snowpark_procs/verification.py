"""Does what COPY delivered equal what the manifest promised? Pure comparison of figures, no database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from snowpark_procs.errors import LoadMismatchError
from snowpark_procs.manifest import ControlTotals, StagedFile


def check_files(subject: str, dataset: str, promised: Iterable[StagedFile], loaded: Mapping[str, int]) -> None:
    """Compare rows file by file. loaded: rows by METADATA$FILENAME, which may have the stage's prefix in front.

    Raises LoadMismatchError naming the first file that differs.
    """
    expected = {file.path: file.rows for file in promised}
    found = dict.fromkeys(expected, 0)
    for name, rows in loaded.items():
        path = _promised_path(name, expected)
        if path is None:
            raise LoadMismatchError(subject, dataset, f"rows of file {name}", "none (not in the manifest)", rows)
        found[path] += rows
    for path, rows in expected.items():
        if found[path] != rows:
            raise LoadMismatchError(subject, dataset, f"rows of file {path}", rows, found[path])


def check_totals(
    subject: str, dataset: str, promised: ControlTotals, loaded: ControlTotals, matched: int | None = None
) -> None:
    """Compare rows, the sum of money and the range of times.

    matched: how many values the required columns got; none at all means that no column of the files matched by name. None where
    the columns were checked before.
    Raises LoadMismatchError naming the first figure that differs.
    """
    if loaded.rows and matched == 0:
        raise LoadMismatchError(subject, dataset, "values in the key columns", "some", "none: no column name matched")
    figures = (
        ("rows", promised.rows, loaded.rows),
        ("sum of money", promised.money, loaded.money),
        ("earliest time", promised.min_time, loaded.min_time),
        ("latest time", promised.max_time, loaded.max_time),
    )
    for figure, expected, found in figures:
        if expected != found:
            raise LoadMismatchError(subject, dataset, figure, expected, found)


def _promised_path(name: str, expected: Mapping[str, int]) -> str | None:
    """The promised path that a loaded file's name ends in, at a folder boundary."""
    candidate = name
    while candidate not in expected:
        _, slash, candidate = candidate.partition("/")
        if not slash:
            return None
    return candidate
