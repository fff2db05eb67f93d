"""The landing as a procedure reaches it: the stage raw.landing, by LIST, PUT and COPY FILES."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconcile.speed.names import Published, read_names
from snowpark_procs.staged_buckets import StagedBuckets, staged_buckets
from snowpark_procs.statements import literal, run

if TYPE_CHECKING:
    from typing import IO

    from snowflake.snowpark import Session


class StageLanding:
    """Paths are relative to the landing's root. A file appears when it is whole, as every object does in object storage.

    PUT is not for external stages (https://docs.snowflake.com/en/sql-reference/sql/put): a file goes through the internal stage
    recon.outgoing.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def published(self, days: Collection[date] | None = None) -> dict[date, list[Published]]:
        """The published manifests of the given days (None: of all) as their names tell, by day, oldest first."""
        folder = f"{next(iter(days)).isoformat()}/" if days is not None and len(days) == 1 else ""
        names = [row[0] for row in run(self._session, "list_speed_manifests", folder=folder)]
        return {day: found for day, found in read_names(names).items() if days is None or day in days}

    def document(self, path: str) -> dict[str, Any] | None:
        """A manifest; None where the file is torn."""
        rows = run(self._session, "read_landing_document", location=literal(f"@raw.landing/{path}"))
        try:
            document = json.loads(rows[0][0]) if rows else None
        except ValueError:
            return None
        return document if isinstance(document, dict) else None

    def buckets(self, day: date) -> StagedBuckets | None:
        """What the warehouse has unloaded of the day, if anything."""
        return staged_buckets(self._session, day)

    def size(self, path: str) -> int | None:
        """Bytes of a file, or None when there is none."""
        rows = run(self._session, "list_landing", location=literal(f"@raw.landing/{path}"))
        sizes = [int(row[1]) for row in rows if row[0].endswith(path)]
        return sizes[0] if sizes else None

    def put_file(self, source: Path, path: str) -> int:
        """Copy a local file to `path`. Returns its size in bytes."""
        with source.open("rb") as content:
            self._put(content, path)
        return source.stat().st_size

    def put_document(self, document: dict[str, Any], path: str) -> None:
        """Write a JSON document to `path`."""
        self._put(io.BytesIO(json.dumps(document, indent=2, sort_keys=True).encode() + b"\n"), path)

    def remove(self, paths: Collection[str]) -> None:
        """Remove files; one that is not there is none to remove."""
        for path in paths:
            run(self._session, "remove_landing", location=literal(f"@raw.landing/{path}"))

    def remove_abandoned(self, day: date) -> int:
        """Return that there are no partial files: an upload that was not completed never becomes an object."""
        return 0

    def _put(self, content: IO[bytes], path: str) -> None:
        folder, _, name = path.rpartition("/")
        outgoing = f"@recon.outgoing/{uuid.uuid4()}"
        try:
            self._session.file.put_stream(content, f"{outgoing}/{name}", auto_compress=False, overwrite=True)
            target, source = literal(f"@raw.landing/{folder}/"), literal(f"{outgoing}/")
            run(self._session, "copy_to_landing", target=target, source=source)
        finally:
            run(self._session, "remove_landing", location=literal(outgoing))
