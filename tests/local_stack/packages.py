"""A package index of the test's own: small wheels, the uv of this environment as one of them, and locks of them."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path


@dataclass(frozen=True)
class Wheel:
    """A wheel of pure Python by name, version and content."""

    name: str
    version: str
    content: bytes

    @property
    def file_name(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}-py3-none-any.whl"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def wheel(name: str, files: Mapping[str, bytes], version: str = "1.0") -> Wheel:
    """Pack files into a wheel. See https://packaging.python.org/en/latest/specifications/binary-distribution-format/."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},{_digest(content)},{len(content)}\n" for path, content in files.items())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, content in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
            entry = zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
            archive.writestr(entry, content)
    return Wheel(name, version, packed.getvalue())


def _digest(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def uv_wheel() -> Wheel:
    """The program uv that the tests' environment holds, as an index would deliver it."""
    installed = metadata.distribution("uv")
    program = next(Path(str(path.locate())) for path in installed.files or () if path.name == "uv")
    version = installed.version
    return wheel("uv", {f"uv-{version}.data/scripts/uv": program.read_bytes()}, version)


def index(wheels: Iterable[Wheel]) -> dict[str, bytes]:
    """The pages of a package index by path. See https://packaging.python.org/en/latest/specifications/simple-repository-api/."""
    pages: dict[str, bytes] = {}
    for one in wheels:
        address = f"/files/{one.file_name}"
        pages[address] = one.content
        pages[f"/simple/{one.name}/"] = (
            f'<!DOCTYPE html><html><body><a href="{address}#sha256={one.sha256}">{one.file_name}</a></body></html>'
        ).encode()
    return pages


def lock(wheels: Iterable[Wheel]) -> str:
    """A lock that pins the wheels by hash."""
    return "".join(f"{one.name}=={one.version} \\\n    --hash=sha256:{one.sha256}\n" for one in wheels)
