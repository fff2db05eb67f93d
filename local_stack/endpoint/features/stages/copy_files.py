"""Answer COPY FILES INTO: copy files from one stage to another, external ones too.

Source: https://docs.snowflake.com/en/sql-reference/sql/copy-files
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.stages.copy_statement import MAX_FILES, read_reference
from local_stack.endpoint.features.stages.formats import read_options
from local_stack.endpoint.features.stages.location import StagedFile, StageLocation, locate
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import Column, Result, SqlError, Statement, unsupported

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

_OPTIONS = ("FILES", "PATTERN", "DETAILED_OUTPUT")


class CopyFiles:
    """Answer COPY FILES INTO @target FROM @source."""

    def handle(self, statement: Statement, session: Session) -> Result:
        reader = Reader(statement.text.rstrip().rstrip(";"))
        reader.expect("COPY", "FILES", "INTO")
        target = locate(session, read_reference(reader))
        reader.expect("FROM")
        if reader.token.text == "(":
            raise unsupported("COPY FILES … FROM (SELECT …)")
        source = locate(session, read_reference(reader))
        options = read_options(reader)
        reader.expect_end()
        for option in options:
            if option not in _OPTIONS:
                raise compilation_error(f"invalid parameter '{option}'", 1008, "22023")
        for location in (target, source):
            if location.name == "~" or location.table:
                raise compilation_error("COPY FILES is for named stages.", 1420, "22023")
        detailed = bool(options.get("DETAILED_OUTPUT", True))
        columns = (Column("file"),) if detailed else (Column("copied_files_count", "FIXED"),)
        if statement.describe_only:
            return Result(columns)
        copied = [_copy(file, source, target) for file in _chosen(source, options)]
        return Result(columns, [[name] for name in copied] if detailed else [[len(copied)]])


def _chosen(source: StageLocation, options: dict[str, object]) -> list[StagedFile]:
    names = options.get("FILES")
    if names is None:
        pattern = options.get("PATTERN")
        return source.files(None if pattern is None else str(pattern))
    listed = [str(name) for name in names] if isinstance(names, list) else [str(names)]
    if len(listed) > MAX_FILES:
        raise compilation_error(f"FILES lists {len(listed)} files; at most {MAX_FILES} are allowed.", 1008, "22023")
    found = []
    for name in listed:
        place = source.below(name)
        file = place.file(place.prefix)
        if not file.path.is_file():
            raise SqlError(f"Remote file '{file.display}' was not found.", errno=91016, sqlstate="22000")
        found.append(file)
    return found


def _copy(file: StagedFile, source: StageLocation, target: StageLocation) -> str:
    """Copy a file under its path below the source's; one of that name is replaced. Returns its name in the answer."""
    folder = source.prefix.rstrip("/")
    if not file.relative.startswith(f"{folder}/"):  # the source names the start of files' names
        folder = folder.rpartition("/")[0]
    below = file.relative.removeprefix(f"{folder}/" if folder else "")
    place = target.below(below)
    written = place.file(place.prefix)
    written.path.parent.mkdir(parents=True, exist_ok=True)
    partial = written.path.with_name(f".{written.path.name}.copying")
    shutil.copyfile(file.path, partial)
    partial.replace(written.path)
    return below
