"""Prometheus's programs, where `make monitoring` has put them or the system has them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

TEMPLATES = Path("/usr/share/prometheus/alertmanager/default.tmpl")
FOLDER = REPOSITORY / ".cache" / "monitoring" / "usr" / "bin"


def program(name: str) -> str:
    """The path of a program; the test is skipped where it is not installed."""
    found = shutil.which(name, path=str(FOLDER)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: make monitoring")
    if name == "prometheus-alertmanager" and not TEMPLATES.exists():
        pytest.skip(
            f"Debian's Alertmanager reads its templates in {TEMPLATES}, where they are not: make monitoring as root"
        )
    return found
