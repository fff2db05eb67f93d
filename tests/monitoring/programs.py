"""Prometheus's programs, where `make monitoring` has put them or the system has them."""

from __future__ import annotations

import shutil

import pytest

from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / ".cache" / "monitoring" / "usr" / "bin"


def program(name: str) -> str:
    """The path of a program; the test is skipped where it is not installed."""
    found = shutil.which(name, path=str(FOLDER)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: make monitoring")
    return found
