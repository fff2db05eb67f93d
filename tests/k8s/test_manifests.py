"""The rendered overlays: against the operator's schemas, and against what we demand of every pod."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml

from k8s.spark_submit import application, command, pod_template
from reconcile.config import load_config as reconcile_config
from spark_ingest.config import load_config as ingest_config
from spark_ingest.spark.jars import EVERY_JAR
from spark_ingest.spark.session import settings
from tests.conftest import REPOSITORY
from tests.k8s.image import CONTAINERFILE
from tests.k8s.manifests import (
    OVERLAYS,
    Document,
    applications,
    containers,
    jobs,
    needs_kubectl,
    of_kind,
    pods,
    rendered,
    templates,
    values,
)
from tests.k8s.pod_security import violations

SHARED = Path(os.environ.get("SHARED_DIR", REPOSITORY.parent / "shared"))
OPERATOR_KINDS = ("SparkApplication", "ScheduledSparkApplication")

pytestmark = needs_kubectl


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
        "dbt-build/dbt": "sh -c python -m monitoring dbt build --selector hourly && dbt source freshness",
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
    (settings_map,) = (one for one in of_kind(overlay, "ConfigMap") if one["metadata"]["name"] == "pipeline-settings")
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
def test_the_example_of_a_pipeline_names_every_image_by_the_digest_that_it_built(overlay: str, tmp_path: Path) -> None:
    pipeline = yaml.safe_load((REPOSITORY / "deploy" / "github-actions.yml").read_text(encoding="utf-8"))
    job = pipeline["jobs"]["image"]
    (build,) = (step for step in job["steps"] if step.get("id") == "build")
    assert build["with"]["file"] == "k8s/image/Containerfile"
    (pin,) = (step for step in job["steps"] if "run" in step)
    assert pin["env"] == {"DIGEST": "${{ steps.build.outputs.digest }}"}
    shutil.copytree(REPOSITORY / "k8s", tmp_path / "k8s", ignore=shutil.ignore_patterns("__pycache__"))
    digest = "sha256:" + "0123456789abcdef" * 4
    script = pin["run"].replace("overlays/production", f"overlays/{overlay}")
    given = os.environ | job["env"] | {"DIGEST": digest}
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, env=given, check=True)
    text = (tmp_path / "pipeline.yaml").read_text(encoding="utf-8")
    images = set(re.findall(r"^ *(?:- )?image: (.*)$", text, re.MULTILINE))
    assert images == {f"ghcr.io/OWNER/ecommerce-batch-analytics@{digest}"}
    assert "ecommerce-batch-analytics:0" not in text


def every_pod(overlay: str) -> dict[str, Document]:
    """Every pod of an overlay: those of jobs and the exporter, and Spark's as the operator or `spark-submit` makes them."""
    found = dict(pods(overlay))
    for spec in applications(overlay):
        for role in ("driver", "executor"):
            found[f"{spec['arguments'][0]} {role}"] = pod_template(spec, role)["spec"]
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_keeps_the_restricted_standard_which_its_namespace_enforces(overlay: str) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for name, pod in every_pod(overlay).items():
        assert violations(pod) == [], name
        assert pod["securityContext"]["runAsUser"] == 10001, name
        for container in containers(pod):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name  # ours, beyond the standard
    for name, pod in pods(overlay).items():
        assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False), name


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("pod", {"hostNetwork": True}),
        ("pod", {"volumes": [{"name": "node", "hostPath": {"path": "/"}}]}),
        ("pod", {"securityContext": {}}),
        ("pod", {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "Unconfined"}}}),
        ("container", {"securityContext": {}}),
        ("container", {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["NET_RAW"]}}}),
        ("container", {"ports": [{"containerPort": 9400, "hostPort": 9400}]}),
    ],
)
def test_a_pod_that_breaks_the_standard_is_found(where: str, change: Document) -> None:
    pod = deepcopy(pods("kind")["exporter"])
    (pod if where == "pod" else pod["containers"][0]).update(change)
    assert violations(pod) != []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_quota_holds_everything_at_once_and_no_third_run(overlay: str) -> None:
    (quota,) = of_kind(overlay, "ResourceQuota")
    wanted, one_run = {"memory": Decimal(0), "cpu": Decimal(0)}, {}
    for spec in (one["spec"]["template"] for one in of_kind(overlay, "ScheduledSparkApplication")):
        for resource, key in (("memory", "memoryLimit"), ("cpu", "coreLimit")):
            one_run[resource] = _quantity(spec["driver"][key]) + spec["executor"]["instances"] * _quantity(
                spec["executor"][key]
            )
            wanted[resource] += one_run[resource]
    for pod in pods(overlay).values():
        for resource in wanted:
            wanted[resource] += max(_quantity(one["resources"]["limits"][resource]) for one in containers(pod))
    for resource, least in wanted.items():
        assert least <= _quantity(quota["spec"]["hard"][f"limits.{resource}"]) < least + one_run[resource]
    # A pod without limits would be refused by the quota, were there no defaults.
    (defaults,) = of_kind(overlay, "LimitRange")
    assert defaults["spec"]["limits"][0]["default"].keys() == {"memory", "cpu"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_drained_node_waits_for_every_driver_and_for_nothing_else(overlay: str) -> None:
    (budget,) = of_kind(overlay, "PodDisruptionBudget")
    labels = [spec["driver"]["labels"] for spec in applications(overlay)]
    selected = budget["spec"]["selector"]["matchLabels"]
    assert all(selected.items() <= (one | {"spark-role": "driver"}).items() for one in labels)  # Spark sets the role
    assert selected.items() - labels[0].items() == {("spark-role", "driver")}
    # Drivers have no controller, so a number is needed: the least that all that can be there at once do not exceed.
    assert budget["spec"]["minAvailable"] == len(of_kind(overlay, "ScheduledSparkApplication"))
    (priority,) = of_kind(overlay, "PriorityClass")
    assert {spec["driver"]["priorityClassName"] for spec in applications(overlay)} == {priority["metadata"]["name"]}


def _open(overlay: str, step: str, way: str) -> list[Document]:
    """What the network policies let in (ingress) or out (egress) for the pods of a step."""
    found = []
    for policy in of_kind(overlay, "NetworkPolicy"):
        spec, selector = policy["spec"], policy["spec"]["podSelector"]
        wanted = selector.get("matchLabels", {}).get("pipeline/step", step)
        assert selector.get("matchExpressions", [{"key": "pipeline/step", "operator": "Exists"}]) == [
            {"key": "pipeline/step", "operator": "Exists"}
        ]
        if wanted == step and way.title() in spec["policyTypes"]:
            found += spec.get(way, [])
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_reaches_what_its_settings_name_and_nothing_else(overlay: str) -> None:
    """By port: the addresses of Snowflake and S3 change."""
    everything = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert everything in [policy["spec"] for policy in of_kind(overlay, "NetworkPolicy")]
    steps = {template["metadata"]["labels"]["pipeline/step"] for template in templates(overlay).values()}
    steps |= {
        spec[role]["labels"]["pipeline/step"] for spec in applications(overlay) for role in ("driver", "executor")
    }
    assert steps == {"batch-ingest", "dbt-build", "reconcile", "schemachange-deploy", "exporter"}
    (settings_map,) = (one for one in of_kind(overlay, "ConfigMap") if one["metadata"]["name"] == "pipeline-settings")
    clickhouse = urlsplit(settings_map["data"]["RECONCILE_CLICKHOUSE_URL"]).port
    for step in steps:
        out = {port["port"] for rule in _open(overlay, step, "egress") for port in rule.get("ports", [])}
        assert out - {6443, 8123, 8443} == {53, 443, 9091, 4318}, step
        assert (clickhouse in out) == (step == "reconcile")
        assert (6443 in out) == (step == "batch-ingest")  # the API server
    node = [
        block["ipBlock"]
        for rule in _open(overlay, "dbt-build", "egress")
        for block in rule.get("to", [])
        if "ipBlock" in block
    ]
    assert [block["except"] for block in node] == [["169.254.0.0/16"]]  # the node's credentials
    let_in = {step for step in steps if _open(overlay, step, "ingress")}
    assert let_in == {"batch-ingest", "exporter"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_schedules_stand_in_one_place_and_fit_the_warehouses(overlay: str) -> None:
    """A batch, the task graph, dbt, what the graph left, the extraction, the exporter: minutes of an hour, in this order."""
    (schedules,) = (one["data"] for one in of_kind(overlay, "ConfigMap") if one["metadata"]["name"] == "schedules")
    found = {
        one["metadata"]["name"]: one["spec"]["schedule"]
        for kind in ("CronJob", "ScheduledSparkApplication")
        for one in of_kind(overlay, kind)
    }
    assert {name.upper().replace("-", "_"): cron for name, cron in found.items()} == schedules
    warehouse = yaml.safe_load((REPOSITORY / "schemachange-config.yml").read_text(encoding="utf-8"))["vars"]
    exporter = re.search(r'"--at-minute",.*?default=(\d+)', _source("monitoring/cli.py"), re.DOTALL)
    assert exporter is not None
    hourly = [
        found["batch-ingest"],
        warehouse["load_schedule"],
        found["dbt-build"],
        warehouse["reconcile_schedule"],
        found["reconcile"],
        f"{exporter[1]} * * * *",
    ]
    assert all(cron.split()[1:] == ["*"] * 4 for cron in hourly)
    minutes = [int(cron.split()[0]) for cron in hourly]
    assert minutes == sorted(set(minutes))
    # Table care is no neighbour of a batch's start, and begins when the warehouse's daily purge has had its time.
    purge = re.search(r"USING CRON (\d+) (\d+) \* \* \* UTC", _source("migrations/R__42_retention.sql"))
    assert purge is not None
    minute, hour = map(int, found["table-care"].split()[:2])
    assert (hour, minute) > (int(purge[2]), int(purge[1]))
    assert minutes[0] + 10 < minute < 60 - 10
    guide = _source("docs/kubernetes.md")
    assert all(f"minute {minute}" in guide for minute in minutes[:-1] if minute != 47)
    assert f"{hour:02}:{minute:02}" in guide


def _source(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def test_spark_submit_makes_the_pods_that_the_operator_makes(tmp_path: Path) -> None:
    """Settings that Spark has, pod templates for the rest; Spark's limit of memory is all that a container may have."""
    found = application(rendered("production"), "table-care")
    made = command(found, "k8s://https://cluster", tmp_path)
    conf = dict(one.split("=", 1) for one in made if one.startswith("spark.") and "=" in one)
    spec = found["spec"]
    assert made[:5] == ["spark-submit", "--master", "k8s://https://cluster", "--deploy-mode", "cluster"]
    assert made[-2:] == ["local:///opt/pipeline/spark_ingest/__main__.py", "maintain"]
    assert spec["sparkConf"].items() <= conf.items()
    assert conf["spark.kubernetes.namespace"] == "ecommerce-batch"
    assert conf["spark.kubernetes.container.image"] == spec["image"]
    for role in ("driver", "executor"):
        limit = sum(_mebibytes(conf[f"spark.{role}.{part}"]) for part in ("memory", "memoryOverhead"))
        assert limit * 2**20 == _quantity(spec[role]["memoryLimit"])
        assert conf[f"spark.kubernetes.{role}.limit.cores"] == spec[role]["coreLimit"]
        assert conf[f"spark.kubernetes.authenticate.{role}.serviceAccountName"] == spec[role]["serviceAccount"]
        template = json.loads(Path(conf[f"spark.kubernetes.{role}.podTemplateFile"]).read_text(encoding="utf-8"))
        assert template == pod_template(spec, role)
        (container,) = template["spec"]["containers"]
        assert container["envFrom"] == spec[role]["envFrom"]
        mounted = {one["name"] for one in container["volumeMounts"]}
        assert mounted == {one["name"] for one in template["spec"]["volumes"]}
        assert template["metadata"]["labels"] == {"pipeline/step": "batch-ingest"}
    # Every field that an application gives to its pods is in a setting or in a template: a new one is not left out silently.
    told = {
        "cores",
        "coreRequest",
        "coreLimit",
        "memory",
        "memoryOverhead",
        "memoryLimit",
        "serviceAccount",
        "javaOptions",
    }
    told |= {"labels", "envFrom", "env", "volumeMounts", "podSecurityContext", "securityContext", "instances"}
    told |= {"lifecycle", "terminationGracePeriodSeconds", "priorityClassName"}
    assert spec["driver"].keys() | spec["executor"].keys() == told
    with pytest.raises(SystemExit, match=r"no Spark application 'nightly' .* batch-ingest, table-care"):
        application(rendered("kind"), "nightly")


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
    wanted = {("ConfigMap", one["name"]) for document in rendered(overlay) for one in values(document, "configMapRef")}
    wanted |= {
        ("PersistentVolumeClaim", one["claimName"])
        for document in rendered(overlay)
        for one in values(document, "persistentVolumeClaim")
    }
    for key in ("serviceAccountName", "serviceAccount"):
        wanted |= {("ServiceAccount", one) for document in rendered(overlay) for one in values(document, key)}
    assert wanted <= names
    secrets = {one["name"] for document in rendered(overlay) for one in values(document, "secretRef")}
    secrets |= {one["name"] for document in rendered(overlay) for one in values(document, "secretKeyRef")}
    secrets |= {one["secretName"] for document in rendered(overlay) for one in values(document, "secret")}
    guide = (REPOSITORY / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    assert secrets == {
        "snowflake-deploy",
        "snowflake-transform",
        "snowflake-reconcile",
        "snowflake-monitor",
        "clickhouse",
        "s3-ingest",
        "s3-extract",
    }
    assert all(f"create secret generic {name} " in guide for name in secrets)


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


def test_hadolint_finds_nothing_in_the_containerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "--no-color", CONTAINERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_list_of_contents_has_all_that_the_image_is_made_of() -> None:
    lock = _source("locks/image.lock")
    done = subprocess.run(
        [sys.executable, "-m", "k8s.contents"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    components = json.loads(done.stdout)["components"]
    known = {one["purl"]: one for one in components}
    assert len(known) == len(components)
    pinned = re.findall(r"^([a-z0-9.-]+)==([^ ;\\]+)", lock, re.MULTILINE)
    assert len(pinned) > 50
    for name, version in pinned:
        hashes = [one["content"] for one in known[f"pkg:pypi/{name}@{version}"]["hashes"]]
        assert hashes
        assert all(f"--hash=sha256:{one}" in lock for one in hashes)
    assert sum(len(one["hashes"]) for one in components if "pypi" in one["purl"]) == lock.count("--hash=")
    copied = {jar.coordinates for jar in EVERY_JAR}
    assert {f"{one['group']}:{one['name']}:{one['version']}" for one in components if "group" in one} == copied
    others = {one["name"] for one in components if one["purl"].startswith(("pkg:docker", "pkg:deb"))}
    assert others == {"apache/spark", "python", "openjdk-17-jre-headless", "tini"}
