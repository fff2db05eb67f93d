"""A lake in a folder is written by Java itself: Hadoop's own way starts `chmod` for every file and every folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.machine import without
from tests.spark_ingest.test_cli import environment

pytestmark = pytest.mark.spark


def test_files_get_their_modes_on_a_machine_without_chmod(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "spark_ingest", "create"],
        cwd=tmp_path,
        env={**environment(tmp_path), "PATH": without(tmp_path / "tools", "chmod")},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    tables = tmp_path / "warehouse" / "ecommerce"
    assert {path.name for path in tables.iterdir()} == {"user_events", "transactions"}
    modes = {path: path.stat().st_mode & 0o777 for path in tables.rglob("*")}
    assert any(path.name.endswith(".metadata.json") for path in modes)
    # Hadoop's umask, 022, is a setting of its own: fs.permissions.umask-mode.
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o644}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o755}
