"""Answer LIST, REMOVE, PUT and GET.

The client carries out PUT and GET. The answer tells it the folder (LOCAL_FS), because client and endpoint share a
machine.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from local_stack.endpoint.engine.bindings import to_python
from local_stack.endpoint.features.stages.formats import read_options
from local_stack.endpoint.features.stages.location import StagedFile, StageLocation, locate
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.subject import subject
from local_stack.endpoint.statements import Column, Result, SqlError, Statement

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session


@dataclass(frozen=True)
class TransferResult(Result):
    """Hold the answer to PUT and GET, which is what the client's file transfer needs."""

    transfer: dict[str, Any] | None = None


class StagedFiles:
    """Answer LIST, REMOVE, PUT and GET."""

    def handle(self, statement: Statement, session: Session) -> Result:
        verb = subject(statement.text).verb
        words, options = split_words(statement, {"LIST": 1, "REMOVE": 1, "PUT": 2, "GET": 2}[verb])
        match verb:
            case "LIST":
                return _list(locate(session, words[0]), options)
            case "REMOVE":
                return _remove(locate(session, words[0]), options)
            case "PUT":
                return _put(session, words[0], words[1], options)
            case _:
                return _get(session, words[0], words[1], options)


def split_words(statement: Statement, count: int) -> tuple[list[str], dict[str, Any]]:
    """Return the first `count` arguments after the verb, and the options. An argument may be bare, quoted or bound."""
    reader = Reader(statement.text)
    reader.next()
    binds = iter(statement.binds)
    words: list[str] = []
    while len(words) < count:
        if reader.at_end():
            raise SqlError("SQL compilation error:\nsyntax error: a stage or file reference is missing.", 1003, "42000")
        words.append(str(to_python(next(binds))) if reader.accept("?") else _word(reader))
    options = read_options(reader)
    reader.expect_end()
    return words, options


def _word(reader: Reader) -> str:
    """Read a quoted literal's value, or everything up to white space."""
    if reader.token.kind in ("string", "dollar"):
        return reader.string()
    first = last = reader.next()
    while not reader.at_end() and reader.token.start == last.end:
        last = reader.next()
    return reader.sql[first.start : last.end]


def etag(file: StagedFile) -> str:
    """Return the MD5 of the content, which S3 also uses as the ETag of a file uploaded in one part."""
    digest = hashlib.md5(usedforsecurity=False)
    with file.path.open("rb") as content:
        while chunk := content.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _list(location: StageLocation, options: dict[str, Any]) -> Result:
    rows = []
    for file in location.files(options.get("PATTERN")):
        stat = file.path.stat()
        modified = format_datetime(dt.datetime.fromtimestamp(stat.st_mtime, dt.UTC), usegmt=True)
        rows.append([file.display, stat.st_size, etag(file), modified])
    return Result((Column("name"), Column("size", "FIXED"), Column("md5"), Column("last_modified")), rows)


def _remove(location: StageLocation, options: dict[str, Any]) -> Result:
    removed = []
    for file in location.files(options.get("PATTERN")):
        file.path.unlink(missing_ok=True)
        removed.append([file.display, "removed"])
    return Result((Column("name"), Column("result")), removed)


def _local_path(url: str) -> str:
    """Return the path in a file:// URL. It is a path on the client's machine."""
    if not url.lower().startswith("file://"):
        raise SqlError(f"SQL compilation error:\ninvalid local file URL '{url}' (file://… expected).", 1011, "42601")
    parts = urlsplit(url)
    return unquote(url[len("file://") :]) if not parts.netloc or parts.netloc != "localhost" else unquote(parts.path)


def _put(session: Session, source: str, target: str, options: dict[str, Any]) -> Result:
    location = locate(session, target)
    if location.external:
        raise SqlError(
            f"Cannot upload files to the external stage {location.name}: PUT is for internal stages.", 1030, "0A000"
        )
    folder = location.file(location.prefix.rstrip("/") or ".").path
    folder.mkdir(parents=True, exist_ok=True)
    return TransferResult(
        (),
        transfer={
            "command": "UPLOAD",
            "src_locations": [_local_path(source)],
            "stageInfo": {"locationType": "LOCAL_FS", "location": str(folder), "creds": {}, "path": ""},
            "parallel": int(options.get("PARALLEL", 4)),
            "autoCompress": bool(options.get("AUTO_COMPRESS", True)),
            "sourceCompression": str(options.get("SOURCE_COMPRESSION", "auto_detect")).lower(),
            "overwrite": bool(options.get("OVERWRITE", False)),
            "threshold": 1 << 40,
        },
    )


def _get(session: Session, source: str, target: str, options: dict[str, Any]) -> Result:
    location = locate(session, source)
    files = location.files(options.get("PATTERN"))
    exact = [file for file in files if file.relative == location.prefix]
    chosen = exact or files
    return TransferResult(
        (),
        transfer={
            "command": "DOWNLOAD",
            "src_locations": [file.relative for file in chosen],
            "stageInfo": {"locationType": "LOCAL_FS", "location": str(Path(location.folder)), "creds": {}, "path": ""},
            "localLocation": _local_path(target),
            "parallel": int(options.get("PARALLEL", 10)),
            "threshold": 1 << 40,
        },
    )
