"""The set-up script: one clear sentence for a wrong Python, and nothing to do (no network) when the environment is there."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from local_stack.layout import REPO


def _copy(tmp_path: Path) -> Path:
    (tmp_path / "local_stack").mkdir()
    shutil.copy(REPO / "local_stack" / "setup.sh", tmp_path / "local_stack")
    (tmp_path / "requirements.lock").write_text("")
    return tmp_path


def test_a_wrong_python_gives_one_clear_sentence(tmp_path: Path) -> None:
    wrong = tmp_path / "python2.9"
    wrong.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 2.9.1"\nexit 1\n')
    wrong.chmod(0o755)
    done = subprocess.run(
        [str(_copy(tmp_path) / "local_stack" / "setup.sh")],
        env={**os.environ, "PYTHON": str(wrong)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "needs Python 3.11 or 3.12" in done.stderr


def test_the_lock_names_no_host_and_pins_every_package_by_hash() -> None:
    for lock in ("requirements.lock", "requirements-snow.lock"):
        text = (REPO / lock).read_text(encoding="utf-8")
        assert "://" not in text
        assert "index-url" not in text
        entries = text.replace("\\\n", " ").splitlines()
        packages = [line for line in entries if line and not line.lstrip().startswith("#")]
        assert packages
        assert all("==" in line and "--hash=sha256:" in line for line in packages)
