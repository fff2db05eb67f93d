"""A cluster of one image and no API: settings, Secrets and claims as folders, a rendered pod as a sandbox."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from k8s import spark_submit
from tests.k8s.image import Image
from tests.k8s.manifests import Document, of_kind, rendered_text
from tests.otlp import Collector


@dataclass
class Cluster:
    """Where pods run. settings: what the overlay's ConfigMap has besides; secrets: by name; traces: what pods have told."""

    image: Image
    folder: Path
    settings: dict[str, str]
    secrets: dict[str, dict[str, str]]
    traces: Collector
    overlay: str = "kind"
    _pods: int = field(default=0)

    def run(self, pod: Document, container: Document, timeout: int = 900) -> subprocess.CompletedProcess[str]:
        """Run a container of a pod to its end."""
        self._pods += 1
        sandbox = self.image.sandbox(
            container["command"],
            self.variables(container),
            self.volumes(pod["volumes"], container),
            container["workingDir"],
        )
        return subprocess.run(sandbox, capture_output=True, text=True, timeout=timeout, check=False)

    def submitted(self, application: str, master: str, wrapper: Sequence[str] = ()) -> list[str]:
        """The sandbox in which a driver runs `spark-submit`, as k8s/spark_submit.py makes it of the rendered application.

        wrapper: a command that gets the driver's as its arguments.
        """
        self._pods += 1
        arguments = ["--master", master, "--application", application, "--print"]
        printed = io.StringIO()
        with mock.patch("sys.stdin", io.StringIO(rendered_text(self.overlay))), redirect_stdout(printed):
            spark_submit.main(arguments)
        spec = next(
            one["spec"]["template"]
            for one in of_kind(self.overlay, "ScheduledSparkApplication")
            if one["metadata"]["name"] == application
        )
        work = f"{self.image.variables['SPARK_HOME']}/work"  # a worker of local-cluster keeps its executors' logs there
        (self.image.root / work.lstrip("/")).mkdir(exist_ok=True)
        volumes = self.volumes(spec["volumes"], spec["driver"]) | {work: self._empty("work")}
        command = [*wrapper, *shlex.split(printed.getvalue())]
        return self.image.sandbox(command, self.variables(spec["driver"]), volumes)

    def variables(self, container: Document) -> dict[str, str]:
        """A container's variables. Fails where a ConfigMap or a Secret lacks what is asked for, unless it may."""
        given: dict[str, str] = {}
        for source in container.get("envFrom", []):
            if "configMapRef" in source:
                (found,) = (
                    m
                    for m in of_kind(self.overlay, "ConfigMap")
                    if m["metadata"]["name"] == source["configMapRef"]["name"]
                )
                given |= found["data"] | self.settings
            else:
                wanted = source["secretRef"]
                given |= (
                    self.secrets.get(wanted["name"], {}) if wanted.get("optional") else self.secrets[wanted["name"]]
                )
        for one in container.get("env", []):
            key = one.get("valueFrom", {}).get("secretKeyRef")
            given[one["name"]] = self.secrets[key["name"]][key["key"]] if key else one["value"]
        return given

    def volumes(self, declared: Sequence[Document], container: Document) -> dict[str, Path]:
        """A container's mounts as folders: claims last, what is empty is new with the pod."""
        found = {}
        for mount in container["volumeMounts"]:
            (volume,) = (one for one in declared if one["name"] == mount["name"])
            if "persistentVolumeClaim" in volume:
                path = self.claim(volume["persistentVolumeClaim"]["claimName"])
            elif "secret" in volume:
                path = self._empty(mount["name"])
                for key, value in self.secrets[volume["secret"]["secretName"]].items():
                    (path / key).write_text(value, encoding="utf-8")
            else:
                assert volume.keys() == {"name", "emptyDir"}, json.dumps(volume)
                path = self._empty(mount["name"])
            found[mount["mountPath"]] = path
        return found

    def claim(self, name: str) -> Path:
        path = self.folder / "claims" / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def _empty(self, name: str) -> Path:
        path = self.folder / f"pod-{self._pods}" / name
        path.mkdir(parents=True, exist_ok=True)
        return path
