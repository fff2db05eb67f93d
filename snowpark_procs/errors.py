"""The exceptions of this package, one tree.

    ProcedureError
    ├── ArgumentError        an argument is no batch id, no date, or an impossible range
    ├── ManifestError        a manifest is missing, is no JSON, or breaks its schema
    ├── TimeZoneError        the session's time zone would shift UTC times while loading
    ├── EnvironmentMismatchError  the database is a clone, and its stage another environment's landing
    ├── MaskedError          the procedure's owner reads addresses masked
    ├── LoadMismatchError    what COPY delivered is not what the manifest promised
    ├── UnreadableFileError  Snowflake cannot read a batch's file as what it should be
    ├── StaleSnapshotError   STAGING has changed since a snapshot was compared with it
    ├── ToleranceError       recon.tolerances has two limits for one metric, tier and date
    ├── MetricError          a row of recon.metrics cannot be used
    ├── StaleRunError        the data of a comparison have changed since
    ├── QualityRuleError     a row of ops.quality_rules cannot be used
    └── StatementError       a named statement or one of its fragments does not exist

A handler lets them pass after rolling back: the call, and the task around it, fail with the message.
"""

from __future__ import annotations


class ProcedureError(Exception):
    """Base of everything that this package raises on purpose."""


class ArgumentError(ProcedureError):
    """An argument of the call cannot be used."""


class ManifestError(ProcedureError):
    """A manifest that cannot be read or does not satisfy its schema. Names the file and the place in it."""

    def __init__(self, path: str, reason: str, place: str = "") -> None:
        where = f" at {place}" if place else ""
        super().__init__(f"Manifest {path}{where}: {reason}")
        self.path, self.reason, self.place = path, reason, place


class TimeZoneError(ProcedureError):
    """Loading would shift times: TIMESTAMP_LTZ does not become the same UTC time as TIMESTAMP_NTZ in this session."""


class EnvironmentMismatchError(ProcedureError):
    """The landing belongs to the environment that this database was cloned from."""


class MaskedError(ProcedureError):
    """The executing role sees masked addresses, which would be written for ever."""


class LoadMismatchError(ProcedureError):
    """The load was rolled back because a figure differs from the manifest's."""

    def __init__(self, subject: str, dataset: str, figure: str, expected: object, found: object) -> None:
        super().__init__(
            f"{subject}, dataset {dataset}: {figure} expected {expected}, found {found}; nothing was loaded"
        )
        self.subject, self.dataset, self.figure, self.expected, self.found = subject, dataset, figure, expected, found


class UnreadableFileError(ProcedureError):
    """A file that Snowflake cannot read: no Parquet file, torn, or gone. The message is Snowflake's, and names the file."""

    def __init__(self, subject: str, dataset: str, reason: str) -> None:
        super().__init__(f"{subject}, dataset {dataset}: its files cannot be read ({reason}); nothing was loaded")
        self.subject, self.dataset, self.reason = subject, dataset, reason


class StaleSnapshotError(ProcedureError):
    """The rows that a snapshot left out as the same are not the same any more, so it cannot be completed."""

    def __init__(self, extraction_id: str, date: object, change_id: int) -> None:
        super().__init__(
            f"Snapshot {extraction_id} of {date} was compared with change {change_id} of STAGING, which has changed since: "
            "extract the day again; nothing was loaded"
        )
        self.extraction_id, self.date, self.change_id = extraction_id, date, change_id


class QualityRuleError(ProcedureError):
    """A quality rule whose code, severity or predicate cannot be used."""


class ToleranceError(ProcedureError):
    """Which limits are meant cannot be told."""


class StaleRunError(ProcedureError):
    """A run that no longer tells the current state cannot be explained."""


class MetricError(ProcedureError):
    """A metric whose name, aggregate or column cannot be used."""


class StatementError(ProcedureError):
    """A defect of this package: a statement, or a fragment it needs, is missing."""
