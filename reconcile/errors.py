"""The exceptions of this package, one tree.

    ReconcileError
    ├── ConfigError             a setting or an argument is wrong
    ├── ComparisonError         what was given to compare is not comparable (a float, a group twice, no tolerance)
    ├── SpeedLayerError
    │   ├── SpeedLayerUnreachable   no ClickHouse, or no such database, at the configured URL
    │   └── SpeedTableError         the table, or a column that we need, is missing or of an unusable type
    ├── LandingError            the landing cannot be read or written
    └── WarehouseError          the warehouse cannot be reached or lacks the RECON tables

Messages are one sentence for the person who runs the command; `exit_code` is the command's exit status.
"""

from __future__ import annotations


class ReconcileError(Exception):
    """Base of everything that this package raises on purpose."""

    exit_code = 1


class ConfigError(ReconcileError):
    exit_code = 2


class ComparisonError(ReconcileError):
    exit_code = 1


class SpeedLayerError(ReconcileError):
    """passes: whether the same may succeed when it is tried again. code: ClickHouse's error code, where it gave one."""

    exit_code = 4

    def __init__(self, message: str, *, passes: bool = False, code: int | None = None) -> None:
        super().__init__(message)
        self.passes, self.code = passes, code


class SpeedLayerUnreachable(SpeedLayerError):
    exit_code = 3


class SpeedTableError(SpeedLayerError):
    exit_code = 4


class LandingError(ReconcileError):
    exit_code = 5


class WarehouseError(ReconcileError):
    exit_code = 6
