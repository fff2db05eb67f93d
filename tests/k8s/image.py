"""The image without a builder of images: the Containerfile's steps in a folder, and what it makes run in a sandbox.

Each step is done as it stands, but for three: the base's packages are the machine's own, what pip would fetch is linked from this
environment (which holds the locked versions), and files of another image are left out. A container is a bubblewrap sandbox: a
user without rights, a root file system of the image alone, read-only, the pod's volumes.
See: https://github.com/containers/bubblewrap and https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from spark_ingest.spark.java import java_home
from tests.conftest import REPOSITORY

CONTAINERFILE = REPOSITORY / "k8s" / "image" / "Containerfile"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==[^\\\n]+", re.MULTILINE)
_HOST = "pod"
_SYSTEM = ("bin", "lib", "lib32", "lib64", "sbin", "usr")
_SYSTEM_SETTINGS = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime", "/etc/nsswitch.conf", "/etc/ssl")


def bubblewrap() -> str:
    """The program that makes sandboxes; the test is skipped where it is not installed, or not allowed to make one."""
    folder = REPOSITORY / ".cache" / "bubblewrap" / "usr" / "bin"
    program = shutil.which("bwrap", path=str(folder)) or shutil.which("bwrap")
    if program is None:
        pytest.skip("bubblewrap is not installed: make sandbox")
    tried = [program, "--unshare-user", "--uid", "10001", "--ro-bind", "/", "/", "true"]
    if subprocess.run(tried, capture_output=True, check=False).returncode:
        pytest.skip("the system gives no user namespace, which a sandbox needs")
    return program


def instructions(path: Path = CONTAINERFILE) -> list[tuple[str, str]]:
    """A Containerfile's instructions: the word, and the rest on one line."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line.strip() for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines()]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines if line)]


@dataclass
class Image:
    """What the Containerfile makes, below `root`, with the variables, the user and the folder that it sets."""

    root: Path
    bubblewrap: str
    variables: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    folder: str = "/"

    @classmethod
    def built(cls, root: Path, bubblewrap: str) -> Image:
        """Do the steps of the Containerfile."""
        image = cls(root, bubblewrap)
        for name in ("etc", "opt", "tmp"):
            (root / name).mkdir(parents=True)
        (root / "etc" / "hosts").write_text(f"127.0.0.1 localhost {_HOST}\n", encoding="utf-8")
        for word, rest in instructions():
            image._do(word, rest)
        return image

    def _do(self, word: str, rest: str) -> None:
        if word == "RUN":
            self._run(rest)
        elif word == "COPY":
            self._copy(*shlex.split(rest))
        elif word == "ENV":
            given = dict(one.split("=", 1) for one in shlex.split(rest))
            self.variables |= {name: self._filled(value) for name, value in given.items()}
        elif word == "USER":
            self.user = rest
        elif word == "WORKDIR":
            self.folder = rest
        else:
            assert word in ("FROM", "ENTRYPOINT"), f"{word} is done by nobody: add it"

    def _filled(self, value: str) -> str:
        return value.replace("$PATH", "/usr/local/bin:/usr/bin:/bin")

    def _copy(self, *words: str) -> None:
        """Copy what the build context has. Files of another image (Spark's start script) are not to be had here."""
        if words[0].startswith("--from="):
            return
        source, target = words
        ignored = (CONTAINERFILE.parent / f"{CONTAINERFILE.name}.dockerignore").read_text(encoding="utf-8").splitlines()
        rules = [line for line in ignored if line and not line.startswith("#")]
        start = REPOSITORY / source
        for path in [start] if start.is_file() else sorted(start.rglob("*")):
            if path.is_file() and _in_context(path.relative_to(REPOSITORY), rules):
                place = self.root / target.lstrip("/") / ("" if start.is_file() else path.relative_to(start))
                place = place if start.is_dir() else self.root / target.lstrip("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)
                shutil.copymode(path, place)

    def _run(self, command: str) -> None:
        """Run a step, except for what takes packages from outside: those of the base are the machine's, pip's are linked."""
        if "apt-get" in command:
            made = re.search(r"useradd .*--uid (\d+) .*--home-dir (\S+) --shell (\S+) (\S+)$", command)
            assert made is not None, "the user is made together with the base's packages"
            number, home, shell, name = made.groups()
            (self.root / "etc" / "passwd").write_text(f"{name}:x:{number}:{number}::{home}:{shell}\n", encoding="utf-8")
            (self.root / "etc" / "group").write_text(f"{name}:x:{number}:\n", encoding="utf-8")
            return
        if "pip install" in command:
            made = re.fullmatch(
                r"python -m venv (\S+) && \1/bin/python -m pip install .*--require-hashes -r (\S+)", command
            )
            assert made is not None, command
            self._step(f"{shlex.quote(sys._base_executable)} -m venv --without-pip {made[1]}")  # type: ignore[attr-defined]
            link_packages(self.root / made[2].lstrip("/"), self.root / made[1].lstrip("/"), Path(made[1]))
            return
        for folder in re.findall(r"SPARK_INGEST_IVY_DIR=(\S+)", command):
            jars = self.root / folder.lstrip("/") / "jars"  # as if they had just been fetched
            jars.mkdir(parents=True)
            for jar in (REPOSITORY / ".cache" / "ivy" / "jars").glob("*.jar"):
                link(jar, jars / jar.name)
        self._step(command)

    def _step(self, command: str) -> None:
        shell = ["sh", "-euc", command]
        writable = {f"/{name}": self.root / name for name in ("opt", "tmp")}
        done = subprocess.run(
            self.sandbox(shell, {}, writable, self.folder), capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

    def sandbox(
        self,
        command: Sequence[str],
        variables: Mapping[str, str],
        volumes: Mapping[str, Path],
        folder: str | None = None,
    ) -> list[str]:
        """The command of a container: `command` with the image's variables and these, the volumes where they are mounted."""
        user, _, group = "10001:10001".partition(":") if self.user == "0:0" else self.user.partition(":")
        made = [self.bubblewrap, "--unshare-user", "--uid", user, "--gid", group, "--unshare-pid", "--unshare-ipc"]
        made += ["--unshare-uts", "--hostname", _HOST, "--die-with-parent", "--clearenv"]
        for name in _SYSTEM:
            path = Path("/") / name
            made += (
                ["--symlink", str(path.readlink()), str(path)]
                if path.is_symlink()
                else ["--ro-bind-try", str(path), str(path)]
            )
        base = Path(sys.base_prefix).resolve()
        given = self.variables | dict(variables)
        readable = [base] if not base.is_relative_to("/usr") else []
        if "JAVA_HOME" in given and not Path(given["JAVA_HOME"]).exists():
            given["JAVA_HOME"] = str(java_home())
            readable.append(java_home())
        for path in [*readable, *(Path(one) for one in _SYSTEM_SETTINGS), *Path("/etc").glob("java-*")]:
            made += ["--ro-bind-try", str(path), str(path)]
        for path in sorted((self.root / "etc").iterdir()):
            made += ["--ro-bind", str(path), f"/etc/{path.name}"]
        made += ["--ro-bind", str(self.root / "opt"), "/opt", "--proc", "/proc", "--dev", "/dev"]
        for where, path in sorted(volumes.items()):
            made += ["--bind", str(path), where]
        for name, value in given.items():
            made += ["--setenv", name, value]
        return [*made, "--remount-ro", "/", "--chdir", folder or self.folder, "--", *command]


def _in_context(path: Path, rules: Sequence[str]) -> bool:
    """Whether a file reaches the build: the last rule that fits it or a folder above it counts."""
    kept = True
    names = [path.as_posix(), *(parent.as_posix() for parent in path.parents)]
    for rule in rules:
        pattern = rule.removeprefix("!").removeprefix("**/")
        known = [*names, *path.parts] if "**/" in rule else names
        if any(fnmatch.fnmatchcase(name, pattern) for name in known if name != "."):
            kept = rule.startswith("!")
    return kept


def link_packages(lock: Path, environment: Path, place: Path) -> None:
    """Bring the packages of a lock into an environment that will lie at `place`, as links to this environment's files.

    Fails where this environment has another version than the locked one.
    """
    packages = environment / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    for found in _PINNED.finditer(lock.read_text(encoding="utf-8")):
        wanted = Requirement(found[0].strip())
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        installed = metadata.distribution(wanted.name)
        assert installed.version in wanted.specifier, f"{wanted} is locked, {installed.version} installed"
        for path in _files(installed):
            target = packages / path
            source = Path(str(installed.locate_file(str(path))))
            if ".." in path.parts:  # a program, which names its interpreter
                target = Path(os.path.normpath(target))
                target.parent.mkdir(parents=True, exist_ok=True)
                content = source.read_bytes()
                target.write_bytes(re.sub(rb"\A#!.*python[0-9.]*", f"#!{place}/bin/python".encode(), content))
                target.chmod(0o755)
            else:
                link(source, target)


def _files(installed: metadata.Distribution) -> Iterator[Path]:
    for file in installed.files or ():
        path = Path(str(file))
        if "__pycache__" in path.parts or not Path(str(installed.locate_file(file))).is_file():
            continue
        yield path
        compiled = path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc"
        if path.suffix == ".py" and Path(str(installed.locate_file(str(compiled)))).is_file():
            yield compiled


def link(source: Path, target: Path) -> None:
    """Link a file, or copy it where the folders lie on different file systems."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileExistsError:
        return  # two packages bring the same file, as an empty __init__.py
    except OSError:
        shutil.copy2(source, target)
