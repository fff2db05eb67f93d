"""The landing: manifests, staged files, what is half written, and who works on it."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from spark_ingest.errors import LandingError, RunConflict
from spark_ingest.landing.history import INCREMENTAL, History, Published
from spark_ingest.landing.locks import Check
from spark_ingest.landing.manifest import encode, validate
from spark_ingest.landing.storage import Storage

MANIFESTS = "_manifests"
DATASETS = ("user_events", "transactions", "user_sessions")
_LOCK = "_locks/run.lock"
_HISTORY = "_history/published.json"


@dataclass(frozen=True)
class Landing:
    """The landing behind a storage."""

    storage: Storage

    def history(self) -> History:
        """What was published. Raises LandingError for a manifest that breaks the contract, or a history that cannot be read."""
        names = {Path(file.path).stem: file.path for file in self.storage.files(MANIFESTS) if _is_manifest(file.path)}
        known = self._kept_history()
        known_ids = known.ids
        batches = [each for each in known.batches if each.batch_id in names]
        missing = [path for batch_id, path in sorted(names.items()) if batch_id not in known_ids]
        return History.of([*batches, *(Published.of(self._manifest(path)) for path in missing)], known.removed)

    def keep_history(self, history: History) -> None:
        """Keep what `history` has found, so that the next run need not read these manifests."""
        self.storage.write(_HISTORY, json.dumps(history.document(), separators=(",", ":")).encode())

    def _kept_history(self) -> History:
        if not any(file.path == _HISTORY for file in self.storage.files(_HISTORY.rpartition("/")[0])):
            return History()
        try:
            document = json.loads(self.storage.read(_HISTORY))
            removed = {name: frozenset(dates) for name, dates in document["removed"].items()}
            return History.of(map(Published.read, document["batches"]), removed)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            told = f"{self.storage.root}/{_HISTORY} is damaged ({error}); without it, it is made anew of the manifests"
            raise LandingError(told) from error

    def _manifest(self, path: str) -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads(self.storage.read(path))
        except ValueError as error:
            raise LandingError(f"{self.storage.root}/{path} is no JSON document: {error}") from error
        validate(document, path)
        return document

    def acknowledged(self) -> set[str]:
        """Ids of the batches that the warehouse has acknowledged."""
        names = [Path(file.path).name for file in self.storage.files(MANIFESTS)]
        return {name.split(".", 1)[0] for name in names if ".loaded" in name}

    def publish(self, document: dict[str, Any], check_held: Check) -> None:
        """Write a manifest, last and whole, right after a check that the landing is still held.

        Raises RunConflict when it is not, or when another run has published the same batch.
        """
        content = encode(document)
        check_held()
        if not self.storage.create(f"{MANIFESTS}/{document['batch_id']}.json", content):
            raise RunConflict(f"batch {document['batch_id']} was published by another run in the meantime")

    def remove_unpublished(self, history: History) -> int:
        """Delete what a killed run has left: staged files of no batch, and those that the newest manifest does not name.

        Returns how many files went, and unfinished uploads.
        """
        newest = history.newest
        named = frozenset() if newest is None else _staged(self._manifest(f"{MANIFESTS}/{newest.batch_id}.json"))
        older = history.ids - {newest.batch_id if newest else ""}
        staged = [file.path for dataset in DATASETS for file in self.storage.files(dataset)]
        stale = [path for path in staged if path not in named and _batch_of(path) not in older]
        self.storage.delete(stale)
        return len(stale) + sum(self.storage.abort_uploads(dataset) for dataset in DATASETS)

    def remove_loaded(self, history: History, before: datetime, dry_run: bool = False) -> int:
        """Remove batches that were published before a moment and are loaded, but for the newest ones; how many that were.

        A manifest goes before the files that it names: what is left of a removal that was killed belongs to no batch.
        """
        loaded = self.acknowledged()
        last_increments = [each for each in history.batches if each.mode == INCREMENTAL][-1:]
        removable = loaded - {each.batch_id for each in (*history.batches[-1:], *last_increments)}
        gone = [
            each
            for each in history.batches
            if each.batch_id in removable and datetime.fromisoformat(each.published_at) < before
        ]
        if gone and not dry_run:
            ids = {each.batch_id for each in gone}
            self.keep_history(history.without(gone))
            self.storage.delete([f"{MANIFESTS}/{batch_id}.json" for batch_id in sorted(ids)])
            marks = [
                file.path for file in self.storage.files(MANIFESTS) if Path(file.path).name.split(".", 1)[0] in ids
            ]
            staged = [file.path for dataset in DATASETS for file in self.storage.files(dataset)]
            self.storage.delete([*marks, *(path for path in staged if _batch_of(path) in ids)])
        return len(gone)

    def held(self) -> AbstractContextManager[Check]:
        """Hold the landing for one run; yields a check to make before publishing.

        Raises RunConflict when another run holds it.
        """
        return self.storage.held(_LOCK)


def _is_manifest(path: str) -> bool:
    return path.endswith(".json") and "/." not in path


def _batch_of(path: str) -> str:
    """The batch that a staged file was written for: <dataset>/batch_id=<id>/<file>."""
    return path.split("/")[1].removeprefix("batch_id=")


def _staged(manifest: dict[str, Any]) -> frozenset[str]:
    datasets = manifest["datasets"].values()
    return frozenset(file["path"] for data in datasets if data["stage"] == "landing" for file in data["files"])
