"""Installs a lock of locks/ into an environment: with uv, else with the uv that the installer's lock pins, else with pip.

Runs before anything is installed, so it needs nothing but the standard library. What is installed is noted in the file
`locked` of the environment; while that fits, nothing is done and no network is needed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from local_stack.pip_settings import for_uv

LOCKS = Path("locks")
# A set that holds another one whole, in the same versions.
_CONTAINS = {"test": "laptop"}
_FROM_THE_LOCK = ["--no-deps", "--require-hashes", "-r"]  # complete and pinned: nothing is left to resolve


class InstallError(Exception):
    """An environment could not be made; the message says what to do."""


@dataclass(frozen=True)
class Target:
    """Where a lock goes. folder: an environment's folder. bare: a folder for modules alone, no environment."""

    folder: Path
    bare: bool = False

    @property
    def noted(self) -> Path:
        return self.folder / "locked"

    @property
    def begun(self) -> Path:
        """The mark of an installation under way: what an interrupted one leaves looks complete to uv, whose packages are not."""
        return self.folder / "installing"

    @property
    def uv_options(self) -> list[str]:
        if self.bare:
            return ["--python", sys.executable, "--target", str(self.folder)]
        return ["--python", str(self.folder / "bin" / "python")]

    @property
    def pip_options(self) -> tuple[list[str], list[str]]:
        """pip's options before and after its command."""
        if self.bare:
            return [], ["--target", str(self.folder)]
        return ["--python", str(self.folder / "bin" / "python")], []


def is_there(name: str, target: Target) -> bool:
    """Whether the target holds the set `name` as it is locked now."""
    return _line(name) in _noted(target)


def install(name: str, target: Target) -> None:
    """Bring the set `name` into the target; sets that are there stay. Raises InstallError when no installer manages it."""
    if is_there(name, target):
        return
    lock = str(_lock(name))
    target.folder.mkdir(parents=True, exist_ok=True)
    target.begun.touch()
    print(f"Installing the locked packages ({name}) into {target.folder} …", file=sys.stderr, flush=True)
    environment = {**os.environ, **for_uv(os.environ)}
    uv = _uv()
    if uv:
        command = [uv, "pip", "install", "--compile-bytecode", *_cache(environment), *target.uv_options]
        done = _ran([*command, *_FROM_THE_LOCK, lock], environment)
        if not done:
            print("uv could not install them; now with pip.", file=sys.stderr, flush=True)
    if not uv or not done:
        before, after = target.pip_options
        if not _ran([*_pip(), *before, "install", *after, *_FROM_THE_LOCK, lock], dict(os.environ)):
            raise InstallError(f"the packages of {lock} could not be installed; the lines above say why")
    _note(name, target)


def _note(name: str, target: Target) -> None:
    contained = [one for one in (_CONTAINS.get(name),) if one]
    kept = [line for line in _noted(target) if line.split(" ")[0] not in (name, *contained)]
    lines = [*kept, *map(_line, (name, *contained))]
    target.noted.write_text("\n".join(lines) + "\n", encoding="utf-8")
    target.begun.unlink()


def _uv() -> str | None:
    """The uv to use: the machine's, else the locked one, which pip fetches into this environment; None without either."""
    on_path = shutil.which("uv")
    # A shim of pyenv's or asdf's is there even with nothing behind it.
    if on_path and subprocess.run([on_path, "--version"], capture_output=True, check=False).returncode == 0:
        return on_path
    own = Path(sys.prefix) / "bin" / "uv"
    if own.exists() or _ran([*_pip(), "install", *_FROM_THE_LOCK, str(_lock("installer"))], dict(os.environ)):
        return str(own)
    print("uv could not be fetched; pip does its work, which takes longer.", file=sys.stderr, flush=True)
    return None


def _pip() -> list[str]:
    """pip in this environment, brought there by Python itself when it is missing."""
    pip = [sys.executable, "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode != 0:
        made = subprocess.run([sys.executable, "-m", "ensurepip"], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise InstallError(
                "this Python carries no pip: install uv (https://docs.astral.sh/uv), or your system's package python3-venv"
            )
    return [*pip, "--disable-pip-version-check"]


def _cache(environment: dict[str, str]) -> list[str]:
    """uv fails where it cannot keep a cache, as in a home folder that cannot be written; it can do without."""
    everyones = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME", "/nonexistent")) / ".cache"
    folder = Path(environment.get("UV_CACHE_DIR") or Path(everyones) / "uv")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [] if os.access(folder, os.W_OK) else ["--no-cache"]
    except OSError:
        return ["--no-cache"]


def _ran(command: list[str], environment: dict[str, str]) -> bool:
    try:
        return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False).returncode == 0
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return False


def _lock(name: str) -> Path:
    return LOCKS / f"{name}.lock"


def _line(name: str) -> str:
    return f"{name} {hashlib.sha256(_lock(name).read_bytes()).hexdigest()}"


def _noted(target: Target) -> list[str]:
    try:
        return target.noted.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def main() -> int:
    """Install one lock; run from the repository's root, by the Python of an environment."""
    parser = argparse.ArgumentParser(prog="local_stack.install", description=__doc__)
    parser.add_argument("lock", choices=sorted(path.stem for path in LOCKS.glob("*.lock")))
    parser.add_argument("--environment", type=Path, help="not into this Python's environment, but into one made for it")
    parser.add_argument("--modules", type=Path, help="not into an environment, but into a folder of modules")
    parser.add_argument(
        "--jars",
        action="store_true",
        help="then fetch Spark's jars, by the same CA and proxy",
    )
    # The archive takes longer than all else; who only looks at the demo does not wait for it.
    parser.add_argument("--archive-classes", action="store_true", help="with --jars: archive Spark's classes too")
    options = parser.parse_args()
    target = Target(options.modules or options.environment or Path(sys.prefix), bare=options.modules is not None)
    try:
        if options.modules and target.begun.exists():
            shutil.rmtree(target.folder)
        if options.environment and not is_there(options.lock, target):
            subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(target.folder)], check=True)
        install(options.lock, target)
    except InstallError as error:
        print(f"Set-up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Set-up: interrupted; the next one begins anew", file=sys.stderr)
        return 130
    if options.jars:
        archive = ["--archive-classes"] if options.archive_classes else []
        command = [sys.executable, "-m", "spark_ingest", "setup", *archive]
        return subprocess.run(command, env={**os.environ, **for_uv(os.environ)}, check=False).returncode
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
