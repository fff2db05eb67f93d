"""`python -m k8s.contents`: what the image holds, as a CycloneDX document: Python's packages and jars by hash, the bases by name.

It is read from the locks that the image is built from, so it needs no image; a scanner takes it as it is.
See: https://cyclonedx.org/docs/1.6/json/ and https://github.com/package-url/purl-spec
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spark_ingest.spark.jars import EVERY_JAR

_REPOSITORY = Path(__file__).parents[1]
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


def document(lock: str, containerfile: str) -> dict[str, Any]:
    """The document for the texts of a lock and a Containerfile."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": "ecommerce-batch-analytics"}},
        "components": [*_bases(containerfile), *_debian(containerfile), *_packages(lock), *_jars()],
    }


def _bases(containerfile: str) -> Iterator[dict[str, Any]]:
    for name, tag in re.findall(r"^FROM (\S+):(\S+)", containerfile, re.MULTILINE):
        yield {"type": "container", "name": name, "version": tag, "purl": f"pkg:docker/{name}@{tag}"}


def _debian(containerfile: str) -> Iterator[dict[str, Any]]:
    for names in re.findall(r"apt-get install [^\\&]*?--no-install-recommends ([^\\&]+)", containerfile):
        for name in names.split():
            yield {"type": "library", "name": name, "purl": f"pkg:deb/debian/{name}?distro=bookworm"}


def _packages(lock: str) -> Iterator[dict[str, Any]]:
    for name, version, rest in _LOCKED.findall(lock):
        # Hashes of every platform's file: which of them is installed, the builder's platform decides.
        hashes = [{"alg": "SHA-256", "content": found} for found in re.findall(r"--hash=sha256:(\w+)", rest)]
        purl = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
        yield {"type": "library", "name": name, "version": version, "purl": purl, "hashes": hashes}


def _jars() -> Iterator[dict[str, Any]]:
    for jar in EVERY_JAR:
        yield {
            "type": "library",
            "group": jar.group,
            "name": jar.name,
            "version": jar.version,
            "purl": f"pkg:maven/{jar.group}/{jar.name}@{jar.version}",
            "hashes": [{"alg": "SHA-256", "content": jar.sha256}],
        }


if __name__ == "__main__":
    texts = ("locks/image.lock", "k8s/image/Containerfile")
    lock_text, containerfile_text = ((_REPOSITORY / name).read_text(encoding="utf-8") for name in texts)
    print(json.dumps(document(lock_text, containerfile_text), indent=1))
