"""The set-up script, with an index behind a company's CA: by uv or by pip, the same environment; offline when it is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, free_port
from tests.local_stack.packages import Wheel, index, lock, uv_wheel, wheel
from tests.machine import without
from tests.network import Authority, site

pytestmark = pytest.mark.environment

# In place of the job: says what the set-up asks of it, and with which CA. And a program, as dbt has one.
JOB = wheel(
    "job",
    {
        "spark_ingest/__init__.py": b"def program(): pass\n",
        "spark_ingest/__main__.py": b"import os, sys\nprint(*sys.argv[1:], os.environ.get('SSL_CERT_FILE'))\n",
        "job-1.0.dist-info/entry_points.txt": b"[console_scripts]\njob-program = spark_ingest:program\n",
    },
)
CHECKS = wheel("checks", {"checks.py": b""})
DISTURBING = (
    "PIP_",
    "UV_",
    "SSL_CERT",
    "REQUESTS_CA",
    "CURL_CA",
    "HTTP",
    "ALL_PROXY",
    "NO_PROXY",
    "XDG_",
    "VIRTUAL_ENV",
)


@cache
def installer() -> Wheel:
    return uv_wheel()


@dataclass
class Checkout:
    """A folder with the set-up script and locks of small packages, and the variables of a user who calls it."""

    folder: Path
    variables: dict[str, str]

    def setup(self, wanted: str = "laptop", *options: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.folder / "local_stack" / "setup.sh"), wanted, *options]
        return subprocess.run(command, env=self.variables | more, capture_output=True, text=True, check=False)

    def installed(self) -> set[str]:
        """The distributions in the environment, without the installers."""
        script = "from importlib import metadata\nprint(*{one.name for one in metadata.distributions()})"
        shown = subprocess.run(
            [self.folder / ".venv" / "bin" / "python", "-I", "-c", script], capture_output=True, text=True, check=True
        )
        return set(shown.stdout.split()) - {"pip", "setuptools", "uv"}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    folder = tmp_path / "a folder of Jürgen's"
    (folder / "local_stack").mkdir(parents=True)
    (folder / "locks").mkdir()
    for name in ("setup.sh", "__init__.py", "install.py", "pip_settings.py"):
        shutil.copy(REPOSITORY / "local_stack" / name, folder / "local_stack")
    for name, wheels in {"laptop": [JOB], "test": [JOB, CHECKS], "installer": [installer()]}.items():
        (folder / "locks" / f"{name}.lock").write_text(lock(wheels))
    variables = {name: value for name, value in os.environ.items() if not name.upper().startswith(DISTURBING)}
    (tmp_path / "home").mkdir()
    base = str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
    variables |= {
        "HOME": str(tmp_path / "home"),
        "PYTHON": base,
        "PIP_CONFIG_FILE": os.devnull,
        "PATH": without(tmp_path / "tools", "uv", "uvx"),
    }
    return Checkout(folder, variables)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@contextmanager
def packages(authority: Authority) -> Iterator[str]:
    """The index, and its address."""
    with site(index([JOB, CHECKS, installer()]), authority.certificate("localhost")) as running:
        yield f"https://localhost:{running.port}/simple"


def with_uv(checkout: Checkout, tmp_path: Path) -> None:
    """Put the environment's uv on the PATH."""
    (tmp_path / "tools" / "uv").symlink_to(Path(sys.executable).parent / "uv")


def by_variables(checkout: Checkout, address: str, authority: Authority) -> None:
    checkout.variables |= {"PIP_INDEX_URL": address, "PIP_CERT": str(authority.bundle)}


def by_file(checkout: Checkout, address: str, authority: Authority) -> None:
    path = Path(checkout.variables["HOME"]) / "pip.conf"
    path.write_text(f"[global]\nindex-url = {address}\n[install]\ncert = {authority.bundle}\n")
    checkout.variables["PIP_CONFIG_FILE"] = str(path)


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("uv", by_variables),
        ("uv", by_file),
        ("fetched uv", by_file),
        ("pip for want of uv", by_variables),
        ("pip after uv", by_variables),
    ],
)
def test_every_way_gives_the_same_and_then_needs_no_network(
    way: str, told: Callable[[Checkout, str, Authority], None], checkout: Checkout, tmp_path: Path, authority: Authority
) -> None:
    if way in ("uv", "pip after uv"):
        with_uv(checkout, tmp_path)
    if way == "pip after uv":
        checkout.variables |= {"UV_DEFAULT_INDEX": f"http://127.0.0.1:{free_port()}", "UV_HTTP_RETRIES": "0"}
    if way == "pip for want of uv":
        path = checkout.folder / "locks" / "installer.lock"
        path.write_text(path.read_text().replace("sha256:", "sha256:0", 1)[:-2] + "\n")
    with packages(authority) as address:
        told(checkout, address, authority)
        done = checkout.setup()
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"setup {authority.bundle}"), done.stderr
    assert "Installing the locked packages (laptop) into" in done.stderr
    assert ("uv could not install them; now with pip." in done.stderr) == (way == "pip after uv")
    assert ("uv could not be fetched; pip does its work" in done.stderr) == (way == "pip for want of uv")
    assert ("Resolved 1 package" in done.stderr) == (way in ("uv", "fetched uv"))
    assert checkout.installed() == {"job"}

    again = checkout.setup()
    assert (again.returncode, again.stdout, again.stderr) == (0, f"setup {authority.bundle}\n", "")


def test_a_home_folder_that_cannot_be_written(checkout: Checkout, tmp_path: Path, authority: Authority) -> None:
    with_uv(checkout, tmp_path)
    (tmp_path / "file").touch()
    with packages(authority) as address:
        by_variables(checkout, address, authority)
        done = checkout.setup(HOME=str(tmp_path / "file" / "home"))
    assert done.returncode == 0, done.stderr
    assert "Resolved 1 package" in done.stderr
    assert checkout.installed() == {"job"}


def test_tests_then_demo_then_another_lock(checkout: Checkout, tmp_path: Path, authority: Authority) -> None:
    """The larger set holds the smaller; nothing is removed, and a lock that changed is installed."""
    with_uv(checkout, tmp_path)
    with packages(authority) as address:
        by_variables(checkout, address, authority)
        assert checkout.setup("test").returncode == 0
        assert checkout.installed() == {"job", "checks"}
    offline = checkout.setup("laptop", "--archive-classes")
    told = f"setup --archive-classes {authority.bundle}\n"
    assert (offline.returncode, offline.stdout, offline.stderr) == (0, told, "")
    assert checkout.installed() == {"job", "checks"}

    newer = wheel("job", {"spark_ingest/__init__.py": b"", "spark_ingest/__main__.py": b"print('newer')\n"}, "2.0")
    (checkout.folder / "locks" / "laptop.lock").write_text(lock([newer]))
    with site(index([newer]), authority.certificate("localhost")) as running:
        done = checkout.setup("laptop", PIP_INDEX_URL=f"https://localhost:{running.port}/simple")
    assert (done.returncode, done.stdout) == (0, "newer\n")


def test_a_package_that_is_not_the_locked_one_is_refused(
    checkout: Checkout, tmp_path: Path, authority: Authority
) -> None:
    with_uv(checkout, tmp_path)
    other = wheel("job", {"spark_ingest/__init__.py": b"", "spark_ingest/__main__.py": b"print('not the locked one')"})
    with site(index([other]), authority.certificate("localhost")) as running:
        by_variables(checkout, f"https://localhost:{running.port}/simple", authority)
        done = checkout.setup()
    assert done.returncode == 1
    assert done.stdout.count("not the locked one") == 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Set-up: the packages of locks/laptop.lock could not be installed")
    assert checkout.installed() == set()


def test_what_an_interrupted_installation_left_is_not_taken_for_whole(
    checkout: Checkout, tmp_path: Path, authority: Authority
) -> None:
    """uv takes a package as installed once its metadata are there."""
    with_uv(checkout, tmp_path)
    environment = checkout.folder / ".venv"
    with packages(authority) as address:
        by_variables(checkout, address, authority)
        failed = checkout.setup(PIP_INDEX_URL="https://localhost:1/simple", UV_HTTP_RETRIES="0", PIP_RETRIES="0")
        assert (failed.returncode, (environment / "installing").exists()) == (1, True)
        assert checkout.setup().returncode == 0
        assert not (environment / "installing").exists()
        (module,) = environment.glob("lib/*/site-packages/spark_ingest/__init__.py")
        module.unlink()
        (environment / "locked").unlink()
        (environment / "installing").touch()
        assert checkout.setup().returncode == 0
    assert module.exists()


def test_a_checkout_that_was_moved_has_programs_that_run(
    checkout: Checkout, tmp_path: Path, authority: Authority
) -> None:
    with_uv(checkout, tmp_path)
    with packages(authority) as address:
        by_variables(checkout, address, authority)
        assert checkout.setup().returncode == 0
        checkout.folder = checkout.folder.rename(tmp_path / "elsewhere")
        assert checkout.setup().returncode == 0
        ran = subprocess.run([checkout.folder / ".venv" / "bin" / "job-program"], check=False, capture_output=True)
        assert (ran.returncode, ran.stderr) == (0, b"")

        # A link to the environment of another checkout is replaced; that one stays as it is.
        theirs = (checkout.folder / ".venv").rename(tmp_path / "theirs")
        (checkout.folder / ".venv").symlink_to(theirs)
        (theirs / "place").write_text("elsewhere\n")
        assert checkout.setup().returncode == 0
    assert (theirs / "bin" / "job-program").exists()
    assert not (checkout.folder / ".venv").is_symlink()
    assert checkout.installed() == {"job"}


def test_another_python_is_taken_when_it_is_named(checkout: Checkout, tmp_path: Path, authority: Authority) -> None:
    other = 11 if sys.version_info.minor == 12 else 12
    # On the PATH, or beside this one, as version managers keep them.
    candidates = [shutil.which(f"python3.{other}"), *Path(sys.base_prefix).parent.glob(f"*/bin/python3.{other}")]
    named = next((str(one) for one in candidates if one and _runs(one)), None)
    if named is None:
        pytest.skip(f"there is no Python 3.{other} on this machine")
    with_uv(checkout, tmp_path)
    with packages(authority) as address:
        by_variables(checkout, address, authority)
        assert checkout.setup().returncode == 0
        assert checkout.setup(PYTHON=named).returncode == 0
    assert list((checkout.folder / ".venv" / "lib").iterdir()) == [
        checkout.folder / ".venv" / "lib" / f"python3.{other}"
    ]
    assert checkout.installed() == {"job"}


def _runs(python: str | Path) -> bool:
    return subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0


def test_a_wrong_python_gives_one_clear_sentence(checkout: Checkout, tmp_path: Path) -> None:
    wrong = tmp_path / "python2.9"
    wrong.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 2.9.1"\nexit 1\n')
    wrong.chmod(0o755)
    done = checkout.setup(PYTHON=str(wrong))
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "needs Python 3.11 or 3.12 (found: Python 2.9.1)" in done.stderr
