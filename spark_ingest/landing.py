"""The landing: manifests, staged files, what is half written, and who works on it."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_ingest.errors import LandingError, RunConflict
from spark_ingest.locks import Check
from spark_ingest.manifest import encode, validate
from spark_ingest.storage import Storage

MANIFESTS = "_manifests"
DATASETS = ("user_events", "transactions", "user_sessions")
_LOCK = "_locks/run.lock"


@dataclass(frozen=True)
class Landing:
    """The landing behind a storage."""

    storage: Storage

    def manifests(self) -> list[dict[str, Any]]:
        """All published manifests, oldest first. Raises LandingError for one that breaks the contract."""
        found = []
        for file in self.storage.files(MANIFESTS):
            if file.path.endswith(".json") and "/." not in file.path:
                try:
                    document = json.loads(self.storage.read(file.path))
                except ValueError as error:
                    raise LandingError(f"{self.storage.root}/{file.path} is no JSON document: {error}") from error
                validate(document, file.path)
                found.append(document)
        return sorted(found, key=lambda document: (document["published_at"], document["batch_id"]))

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

    def remove_unpublished(self) -> int:
        """Delete staged files that no manifest names (a run, or a task of one, was killed); how many files went."""
        published = {
            file["path"]
            for document in self.manifests()
            for dataset in document["datasets"].values()
            if dataset["stage"] == "landing"
            for file in dataset["files"]
        }
        stale = [
            file.path for dataset in DATASETS for file in self.storage.files(dataset) if file.path not in published
        ]
        self.storage.delete(stale)
        return len(stale) + sum(self.storage.abort_uploads(dataset) for dataset in DATASETS)

    def held(self) -> AbstractContextManager[Check]:
        """Hold the landing for one run; yields a check to make before publishing.

        Raises RunConflict when another run holds it.
        """
        return self.storage.held(_LOCK)
