"""The rendered overlays: against the operator's schemas, and against what we demand of every pod."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from reconcile.config import load_config as reconcile_config
from spark_ingest.config import load_config as ingest_config
from spark_ingest.spark.session import settings

REPOSITORY = Path(__file__).parents[2]
SHARED = Path(os.environ.get("SHARED_DIR", REPOSITORY.parent / "shared"))
OVERLAYS = ("kind", "production")
OPERATOR_KINDS = ("SparkApplication", "ScheduledSparkApplication")
Document = dict[str, Any]

pytestmark = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl, which renders the overlays, is not installed"
)


@cache
def rendered(overlay: str) -> tuple[Document, ...]:
    command = ["kubectl", "kustomize", str(REPOSITORY / "k8s" / "overlays" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(overlay: str, kind: str) -> list[Document]:
    return [document for document in rendered(overlay) if document["kind"] == kind]


def jobs(overlay: str) -> dict[str, Document]:
    """Job specs by name, those inside CronJobs too."""
    found = {one["metadata"]["name"]: one["spec"] for one in of_kind(overlay, "Job")}
    return found | {one["metadata"]["name"]: one["spec"]["jobTemplate"]["spec"] for one in of_kind(overlay, "CronJob")}


def pods(overlay: str) -> dict[str, Document]:
    """Pods by the name of their Job, CronJob or Deployment."""
    lasting = {one["metadata"]["name"]: one["spec"] for one in of_kind(overlay, "Deployment")}
    return {name: spec["template"]["spec"] for name, spec in (jobs(overlay) | lasting).items()}


def containers(pod: Document) -> list[Document]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def applications(overlay: str) -> list[Document]:
    """Specs of Spark applications, scheduled ones' templates too."""
    once = [one["spec"] for one in of_kind(overlay, "SparkApplication")]
    return once + [one["spec"]["template"] for one in of_kind(overlay, "ScheduledSparkApplication")]


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("kind", OPERATOR_KINDS)
def test_the_operators_resources_fit_its_schema(overlay: str, kind: str) -> None:
    path = SHARED / "schemas" / f"{kind}.v1beta2.json"
    if not path.exists():
        pytest.skip(f"the operator's schema is not at hand ({path})")
    schema = _closed(json.loads(path.read_text(encoding="utf-8"))["openAPIV3Schema"])
    for document in of_kind(overlay, kind):
        jsonschema.validate(document, schema)


def _closed(schema: Any) -> Any:
    """The schema with misspelt fields refused, as the API server would drop them silently. Metadata stays open."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    declared = schema.get("properties")
    if isinstance(declared, dict) and "additionalProperties" not in schema and "apiVersion" not in declared:
        closed["additionalProperties"] = False
    return closed


def test_what_runs_is_what_people_type() -> None:
    commands = {
        f"{name}/{one['name']}": " ".join(one["command"])
        for name, pod in pods("kind").items()
        for one in containers(pod)
    }
    assert commands == {
        "schemachange-deploy/schemachange": "schemachange deploy",
        "dbt-build/dbt": "sh -c dbt build --selector hourly && dbt source freshness",
        "reconcile/extract": "python -m reconcile extract",
        "reconcile/run": "python -m reconcile run --connection pipeline",
        "reconcile/report": "python -m reconcile report --connection pipeline --out /var/lib/reports/reconciliation.html",
        "exporter/exporter": "python -m monitoring exporter --connection monitor",
    }
    for spec in applications("kind"):
        assert spec["mainApplicationFile"].endswith("/spark_ingest/__main__.py")
    scheduled = {one["metadata"]["name"]: one["spec"] for one in of_kind("kind", "ScheduledSparkApplication")}
    assert {name: spec["template"]["arguments"] for name, spec in scheduled.items()} == {
        "batch-ingest": ["run"],
        "table-care": ["maintain"],
    }
    assert [one["spec"]["arguments"] for one in of_kind("kind", "SparkApplication")] == [["run"]]


def test_the_schedule_runs_the_same_application() -> None:
    (once,) = of_kind("kind", "SparkApplication")
    assert of_kind("production", "SparkApplication") == []
    for scheduled in of_kind("production", "ScheduledSparkApplication"):
        assert scheduled["spec"]["template"]["driver"]["memoryLimit"] == once["spec"]["driver"]["memoryLimit"]
        assert scheduled["spec"]["template"]["sparkConf"] == once["spec"]["sparkConf"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_requirements_resources(overlay: str) -> None:
    for spec in applications(overlay):
        driver, executor = spec["driver"], spec["executor"]
        assert _mebibytes(driver["memory"]) + _mebibytes(driver["memoryOverhead"]) == 2 * 1024
        assert (driver["memoryLimit"], driver["coreRequest"], driver["coreLimit"]) == ("3Gi", "1000m", "1500m")
        assert _mebibytes(executor["memory"]) + _mebibytes(executor["memoryOverhead"]) == 3 * 1024
        assert (executor["memoryLimit"], executor["coreRequest"], executor["coreLimit"]) == ("4Gi", "1500m", "2000m")
        assert executor["instances"] == 2
    assert pods(overlay)["dbt-build"]["containers"][0]["resources"]["limits"] == {"memory": "1Gi", "cpu": "500m"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_runs_at_the_same_time_fits_the_budget(overlay: str) -> None:
    """A batch and a build of dbt together have limits of 12 Gi and 6 CPU, the requirement's; what is small comes beside them."""
    for spec in applications(overlay):
        driver, executor, build = spec["driver"], spec["executor"], pods(overlay)["dbt-build"]["containers"][0]
        count, limits = executor["instances"], build["resources"]["limits"]
        memory = (
            _quantity(driver["memoryLimit"]) + count * _quantity(executor["memoryLimit"]) + _quantity(limits["memory"])
        )
        cpu = _quantity(driver["coreLimit"]) + count * _quantity(executor["coreLimit"]) + _quantity(limits["cpu"])
        assert (memory, cpu) == (12 * 2**30, Decimal(6))
    (exporter,) = containers(pods(overlay)["exporter"])
    assert _quantity(exporter["resources"]["limits"]["memory"]) <= 2**28


def _quantity(text: str) -> Decimal:
    """An amount as Kubernetes writes it."""
    units = {"Gi": Decimal(2**30), "Mi": Decimal(2**20), "m": Decimal("0.001")}
    found = re.fullmatch(r"([0-9.]+)(Gi|Mi|m)?", text)
    assert found is not None, text
    return Decimal(found[1]) * units.get(found[2], Decimal(1))


def _mebibytes(text: str) -> int:
    assert text.endswith("m")
    return int(text.removesuffix("m"))


def test_the_spark_settings_are_those_of_the_job(tmp_path: Path) -> None:
    job = settings(ingest_config(_variables("kind", "SPARK_INGEST_"), tmp_path))
    for spec in applications("kind"):
        stated = spec["sparkConf"]
        assert {key: job[key] for key in stated} == stated
        assert "spark.executor.memoryFraction" not in stated


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_settings_are_ones_that_the_programs_know(
    overlay: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both programs refuse unknown keys, so loading is the check."""
    monkeypatch.chdir(tmp_path)
    assert ingest_config(_variables(overlay, "SPARK_INGEST_"), tmp_path).warehouse == "s3://data-s3-bucket"
    assert reconcile_config(_variables(overlay, "RECONCILE_")).landing == "s3://ecommerce-landing"


def _variables(overlay: str, prefix: str) -> dict[str, str]:
    (settings_map,) = of_kind(overlay, "ConfigMap")
    given = {name: value for name, value in settings_map["data"].items() if name.startswith(prefix)}
    for spec in applications(overlay) if prefix == "SPARK_INGEST_" else []:
        given |= {one["name"]: one["value"] for one in spec["driver"]["env"] if one["name"].startswith(prefix)}
    return given


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_one_image_one_tag(overlay: str) -> None:
    images = {one["image"] for pod in pods(overlay).values() for one in containers(pod)}
    images |= {spec["image"] for spec in applications(overlay)}
    assert len(images) == 1
    name, _, tag = images.pop().partition(":")
    assert name == "ecommerce-batch-analytics"
    assert tag not in ("", "latest")
    pinned = [path for path in (REPOSITORY / "k8s").rglob("*.yaml") if "newTag" in path.read_text(encoding="utf-8")]
    assert pinned == [REPOSITORY / "k8s" / "base" / "kustomization.yaml"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_unprivileged(overlay: str) -> None:
    for name, pod in pods(overlay).items():
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name
        _unprivileged(pod["securityContext"], [one["securityContext"] for one in containers(pod)])
    for spec in applications(overlay):
        for role in (spec["driver"], spec["executor"]):
            _unprivileged(role["podSecurityContext"], [role["securityContext"]])


def _unprivileged(pod: Document, each: list[Document]) -> None:
    assert pod["runAsNonRoot"] is True
    assert pod["runAsUser"] > 0
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    for one in each:
        assert one["allowPrivilegeEscalation"] is False
        assert one["readOnlyRootFilesystem"] is True
        assert one["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_container_has_bounds_and_every_mount_a_volume(overlay: str) -> None:
    for name, pod in pods(overlay).items():
        volumes = {one["name"] for one in pod["volumes"]}
        used = {mount["name"] for one in containers(pod) for mount in one["volumeMounts"]}
        assert used == volumes, name
        for one in containers(pod):
            assert one["resources"].keys() == {"requests", "limits"}, one["name"]
    for spec in applications(overlay):
        used = {mount["name"] for role in ("driver", "executor") for mount in spec[role]["volumeMounts"]}
        assert used == {one["name"] for one in spec["volumes"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_runs_never_overlap_and_end(overlay: str) -> None:
    for one in [*of_kind(overlay, "CronJob"), *of_kind(overlay, "ScheduledSparkApplication")]:
        assert one["spec"]["concurrencyPolicy"] == "Forbid"
        assert one["spec"]["timeZone"] == "Etc/UTC"
    for name, spec in jobs(overlay).items():
        assert spec["activeDeadlineSeconds"] > 0, name
        assert spec["backoffLimit"] <= 3, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_referred_to_exists_and_no_secret_does(overlay: str) -> None:
    """ConfigMaps, claims and service accounts are in the overlay; Secrets are made by hand and only these."""
    names = {(one["kind"], one["metadata"]["name"]) for one in rendered(overlay)}
    assert not {kind for kind, _ in names if kind == "Secret"}
    wanted = {("ConfigMap", one["name"]) for document in rendered(overlay) for one in _values(document, "configMapRef")}
    wanted |= {
        ("PersistentVolumeClaim", one["claimName"])
        for document in rendered(overlay)
        for one in _values(document, "persistentVolumeClaim")
    }
    for key in ("serviceAccountName", "serviceAccount"):
        wanted |= {("ServiceAccount", one) for document in rendered(overlay) for one in _values(document, key)}
    assert wanted <= names
    secrets = {one["name"] for document in rendered(overlay) for one in _values(document, "secretRef")}
    secrets |= {one["name"] for document in rendered(overlay) for one in _values(document, "secretKeyRef")}
    secrets |= {one["secretName"] for document in rendered(overlay) for one in _values(document, "secret")}
    guide = (REPOSITORY / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    assert secrets == {
        "snowflake",
        "snowflake-key",
        "snowflake-deploy",
        "snowflake-deploy-key",
        "snowflake-monitor",
        "snowflake-connection",
        "clickhouse",
        "s3-credentials",
    }
    assert all(f"create secret generic {name} " in guide for name in secrets)


def _values(node: Any, key: str) -> Iterator[Any]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            else:
                yield from _values(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from _values(value, key)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_operators_service_cannot_set_the_jobs_variables(overlay: str) -> None:
    """A Service named after the application becomes variables in every pod; unknown SPARK_INGEST_… ones stop the job."""
    for kind in OPERATOR_KINDS:
        for one in of_kind(overlay, kind):
            variable = one["metadata"]["name"].upper().replace("-", "_")
            assert not variable.startswith(("SPARK_INGEST", "RECONCILE", "SNOWFLAKE", "DBT"))


def test_the_image_copies_only_what_exists() -> None:
    text = (REPOSITORY / "k8s" / "image" / "Containerfile").read_text(encoding="utf-8")
    copied = [line.split()[1] for line in text.splitlines() if line.startswith("COPY ") and "--from" not in line]
    assert all((REPOSITORY / name).exists() for name in copied)
    allowed = (REPOSITORY / "k8s" / "image" / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{name}" for name in copied} <= set(allowed)
    lock = (REPOSITORY / "locks" / "image.lock").read_text(encoding="utf-8")
    (spark,) = re.findall(r"^pyspark==(\S+)", lock, re.MULTILINE)
    assert f"apache/spark:{spark}-" in text
    assert {spec["sparkVersion"] for spec in applications("kind")} == {spark}


def test_the_image_fetches_the_jars_with_a_configuration_that_is_one(tmp_path: Path) -> None:
    text = (REPOSITORY / "k8s" / "image" / "Containerfile").read_text(encoding="utf-8")
    given = dict(re.findall(r"(SPARK_INGEST_[A-Z_]+)=(\S+)", text))
    assert f"{ingest_config(given, tmp_path).ivy_dir}/jars/*.jar" in text
