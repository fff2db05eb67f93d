"""Resolve stage references to the files that they name.

References are `@db.schema.stage/path`, `@~/path`, `@%table/path` and `'@"quoted"/path'`. An internal stage is a folder
of the endpoint's data. An external stage is a folder under the S3 root: s3://bucket/key is `<root>/bucket/key`. As on
S3, a path is a prefix of keys, not a folder. Names that start with a dot are skipped. They are checksums that Hadoop's
local file system writes and that S3 does not have.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from local_stack.endpoint.errors import missing_object
from local_stack.endpoint.features.stages.objects import STAGE, find
from local_stack.endpoint.features.stages.objects import folder as stage_folder
from local_stack.endpoint.language.quoting import quote_name
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import SqlError

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session


@dataclass(frozen=True)
class StagedFile:
    """Hold the names of a staged file.

    `path` is its path on disk. `key` is its METADATA$FILENAME. `relative` is its path below the stage. `display` is its
    name in LIST and COPY.
    """

    path: Path
    key: str
    relative: str
    display: str


@dataclass(frozen=True)
class StageLocation:
    """Hold a resolved reference.

    `folder` is the stage's root on disk. `prefix` is the reference's path below it. `key_prefix` precedes `relative` in
    METADATA$FILENAME, because an external stage's URL may have a path. `display_prefix` precedes it in LIST.
    `file_format` holds the stage's default options. `table` is the owner of a table stage.
    """

    name: str
    folder: Path
    prefix: str
    key_prefix: str
    display_prefix: str
    external: bool
    file_format: dict[str, object]
    table: str | None = None

    def file(self, relative: str) -> StagedFile:
        """Return a file below the stage by its relative path. Raises SqlError where the path leaves the stage."""
        path = (self.folder / relative).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise SqlError(f"SQL compilation error:\ninvalid stage path '{relative}'.", 1011, "42601")
        return StagedFile(path, self.key_prefix + relative, relative, self.display_prefix + relative)

    def files(self, pattern: str | None = None) -> list[StagedFile]:
        """Return the files whose key starts with the prefix, ordered by key.

        `pattern` is a regular expression that must match the whole key.
        """
        start = self.folder / self.prefix.rpartition("/")[0]
        found: list[StagedFile] = []
        for directory, _, names in os.walk(start):
            for name in names:
                relative = (Path(directory) / name).relative_to(self.folder).as_posix()
                if relative.startswith(self.prefix) and not name.startswith("."):
                    found.append(self.file(relative))
        if pattern is not None:
            try:
                wanted = re.compile(pattern, re.DOTALL)
            except re.error as error:
                raise SqlError(f"Invalid regular expression: '{pattern}', {error}", 100048, "2201B") from None
            found = [f for f in found if wanted.fullmatch(f.key)]
        return sorted(found, key=lambda f: f.key)

    def below(self, name: str) -> StageLocation:
        """Return the location of a file in FILES = (…). Its path is the reference's path and then the name."""
        prefix = self.prefix if not self.prefix or self.prefix.endswith("/") else self.prefix + "/"
        return replace(self, prefix=prefix + name)


def split_reference(reference: str) -> tuple[str, str]:
    """Split a reference into 'db.schema.stage', '~' or '%table', and its path.

    The reference may have its '@' and single quotes, or not.
    """
    text = reference.strip()
    if text.startswith("'") and text.endswith("'") and len(text) > 1:
        text = text[1:-1].replace("''", "'").replace("\\'", "'")
    if not text.startswith("@"):
        raise SqlError(f"SQL compilation error:\ninvalid URL prefix found in: '{text}'", 1011, "42601")
    match = re.match(r'@((?:"(?:[^"]|"")*"|[^/"])+)(?:/(.*))?$', text, re.DOTALL)
    if match is None:
        raise SqlError(f"SQL compilation error:\nsyntax error in stage reference '{text}'.", 1003, "42000")
    return match[1], (match[2] or "").lstrip("/")


def locate(session: Session, reference: str) -> StageLocation:
    """Resolve a reference. Raises SqlError 002003 when the stage does not exist."""
    name, path = split_reference(reference)
    engine = session.engine
    if name == "~":
        folder = engine.data_dir / "stages" / "~" / session.user
        return StageLocation("~", folder, path, "", "", False, {})
    parts = Reader(name.replace("%", "")).name()
    resolved = session.resolve(parts)
    if "%" in name:
        folder = engine.stage_folder(resolved.database, resolved.schema, f"%{resolved.name}")
        return StageLocation(f"%{resolved.name}", folder, path, "", "", False, {}, table=resolved.name)
    stored = find(session, STAGE, resolved)
    if stored is None:
        raise missing_object("stage", str(resolved))
    format_options = dict(stored.definition.get("file_format") or {})
    url = str(stored.definition.get("url") or "")
    if not url:
        display = quote_name(resolved.name).lower() + "/"
        return StageLocation(str(resolved), stage_folder(session, stored), path, "", display, False, format_options)
    bucket, key = split_url(url)
    return StageLocation(
        str(resolved), engine.s3_root / bucket / key, path, key, f"s3://{bucket}/{key}", True, format_options
    )


def split_url(url: str) -> tuple[str, str]:
    """Split an s3:// URL into its bucket and key prefix.

    The prefix ends in '/' or is empty. Raises SqlError for other clouds.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("s3", "s3gov", "s3china") or not parts.netloc:
        raise SqlError(
            f"Unsupported feature 'stage URL {url}' in the local endpoint (s3:// only).", errno=2, sqlstate="0A000"
        )
    key = parts.path.strip("/")
    return parts.netloc, f"{key}/" if key else ""


def resolve_stage_path(session: Session, reference: str) -> Path:
    """Return the file on disk that a reference names. Raises SqlError when there is no such file."""
    location = locate(session, reference)
    file = location.file(location.prefix)
    if not file.path.is_file():
        raise SqlError(f"Remote file '{reference}' was not found.", errno=91016, sqlstate="22000")
    return file.path
