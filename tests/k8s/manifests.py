"""The overlays as `kubectl kustomize` renders them, and what is in them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from tests.conftest import REPOSITORY

OVERLAYS = ("kind", "production")
Document = dict[str, Any]

needs_kubectl = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl, which renders the overlays, is not installed"
)


@cache
def rendered_text(overlay: str) -> str:
    command = ["kubectl", "kustomize", str(REPOSITORY / "k8s" / "overlays" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@cache
def rendered(overlay: str) -> tuple[Document, ...]:
    return tuple(yaml.safe_load_all(rendered_text(overlay)))


def of_kind(overlay: str, kind: str) -> list[Document]:
    return [document for document in rendered(overlay) if document["kind"] == kind]


def jobs(overlay: str) -> dict[str, Document]:
    """Job specs by name, those inside CronJobs too."""
    found = {one["metadata"]["name"]: one["spec"] for one in of_kind(overlay, "Job")}
    return found | {one["metadata"]["name"]: one["spec"]["jobTemplate"]["spec"] for one in of_kind(overlay, "CronJob")}


def templates(overlay: str) -> dict[str, Document]:
    """Templates of pods by the name of their Job, CronJob or Deployment."""
    lasting = {one["metadata"]["name"]: one["spec"] for one in of_kind(overlay, "Deployment")}
    return {name: spec["template"] for name, spec in (jobs(overlay) | lasting).items()}


def pods(overlay: str) -> dict[str, Document]:
    """Pods by the name of their Job, CronJob or Deployment."""
    return {name: template["spec"] for name, template in templates(overlay).items()}


def containers(pod: Document) -> list[Document]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def applications(overlay: str) -> list[Document]:
    """Specs of Spark applications, scheduled ones' templates too."""
    once = [one["spec"] for one in of_kind(overlay, "SparkApplication")]
    return once + [one["spec"]["template"] for one in of_kind(overlay, "ScheduledSparkApplication")]


def values(node: Any, key: str) -> Iterator[Any]:
    """Every value that stands under a key, at any depth."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            else:
                yield from values(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from values(value, key)
