"""Where the laptop keeps its state: one folder, `.local` by default, nothing outside it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]

LAKE_BUCKET = "data-s3-bucket"
LANDING_BUCKET = "ecommerce-landing"
DATABASE = "ECOMMERCE_DW"
OWNER = f"{DATABASE}_OWNER"  # the role that deploys (deploy/bootstrap.sql)
SPEED_TABLE = "user_sessions_realtime"


@dataclass(frozen=True)
class Layout:
    """The folders below one state folder. Buckets are folders below `s3`."""

    root: Path

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse"

    @property
    def s3(self) -> Path:
        return self.root / "s3"

    @property
    def lake(self) -> Path:
        return self.s3 / LAKE_BUCKET

    @property
    def landing(self) -> Path:
        return self.s3 / LANDING_BUCKET

    @property
    def clickhouse(self) -> Path:
        return self.root / "clickhouse"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def endpoint_file(self) -> Path:
        return self.root / "endpoint.json"

    @property
    def connections_file(self) -> Path:
        return self.root / "connections.toml"

    @property
    def env_file(self) -> Path:
        return self.root / "env"

    def make(self) -> Layout:
        """Create the folders that programs expect to find."""
        for folder in (self.warehouse, self.lake, self.landing, self.logs, self.reports):
            folder.mkdir(parents=True, exist_ok=True)
        return self


def default_layout() -> Layout:
    return Layout(REPO / ".local")


def short(path: Path) -> str:
    """Return a path as a person in this folder would type it."""
    for base in (Path.cwd(), REPO):
        if path.is_relative_to(base):
            return os.path.relpath(path)
    return str(path)
