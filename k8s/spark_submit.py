"""`spark-submit` without the Spark operator: runs a rendered application as the operator would.

    kubectl kustomize k8s/overlays/production | .venv/bin/python k8s/spark_submit.py --master k8s://https://HOST:PORT
    kubectl kustomize k8s/overlays/production | .venv/bin/python k8s/spark_submit.py --master k8s://… --application table-care
    kubectl kustomize k8s/overlays/kind | python k8s/spark_submit.py --master 'local[2]' --print    (in the image)

What the operator's webhook adds to pods (variables, volumes, security contexts, limits) is in pod templates here.
See: https://spark.apache.org/docs/3.5.9/running-on-kubernetes.html
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

Document = dict[str, Any]
_KUBERNETES = "spark.kubernetes"


def application(documents: Iterable[Document], name: str) -> Document:
    """The namespace and specification of a Spark application, or of a scheduled one's template. Raises SystemExit without one."""
    known = []
    for document in documents:
        if document["kind"] in ("SparkApplication", "ScheduledSparkApplication"):
            known.append(document["metadata"]["name"])
            if known[-1] == name:
                spec = document["spec"].get("template", document["spec"])
                return {"namespace": document["metadata"]["namespace"], "name": name, "spec": spec}
    raise SystemExit(
        f"no Spark application '{name}' is among what was read; there are: {', '.join(sorted(set(known)))}"
    )


def settings(found: Document, master: str) -> dict[str, str]:
    """Spark's settings for a master. On Kubernetes those of the pods too, whose limits Spark makes memory and overhead."""
    spec = found["spec"]
    driver, executor = spec["driver"], spec["executor"]
    conf = dict(spec["sparkConf"])
    for role, given in (("driver", driver), ("executor", executor)):
        conf[f"spark.{role}.memory"] = given["memory"]
        conf[f"spark.{role}.cores"] = str(given["cores"])
        conf[f"spark.{role}.extraJavaOptions"] = given["javaOptions"]
    if not master.startswith("k8s://"):
        return conf
    conf["spark.executor.instances"] = str(executor["instances"])
    conf[f"{_KUBERNETES}.namespace"] = found["namespace"]
    conf[f"{_KUBERNETES}.container.image"] = spec["image"]
    conf[f"{_KUBERNETES}.container.image.pullPolicy"] = spec["imagePullPolicy"]
    conf[f"{_KUBERNETES}.authenticate.driver.serviceAccountName"] = driver["serviceAccount"]
    conf[f"{_KUBERNETES}.authenticate.executor.serviceAccountName"] = executor["serviceAccount"]
    for role, given in (("driver", driver), ("executor", executor)):
        conf[f"spark.{role}.memoryOverhead"] = f"{_mebibytes(given['memoryLimit']) - _mebibytes(given['memory'])}m"
        conf[f"{_KUBERNETES}.{role}.request.cores"] = given["coreRequest"]
        conf[f"{_KUBERNETES}.{role}.limit.cores"] = given["coreLimit"]
    return conf


def _mebibytes(text: str) -> int:
    """An amount of memory as Spark or Kubernetes writes it."""
    found = re.fullmatch(r"(\d+)(m|g|Mi|Gi)", text)
    if found is None:
        raise SystemExit(f"{text} is no amount of memory that is known here")
    return int(found[1]) * (1024 if found[2] in ("g", "Gi") else 1)


def pod_template(spec: Document, role: str) -> Document:
    """The pod of a driver or an executor, as far as Spark has no setting for it."""
    given = spec[role]
    container = {
        "name": f"spark-kubernetes-{role}",
        "env": given["env"],
        "envFrom": given["envFrom"],
        "volumeMounts": given["volumeMounts"],
        "securityContext": given["securityContext"],
    }
    pod: Document = {
        "containers": [container | ({"lifecycle": given["lifecycle"]} if "lifecycle" in given else {})],
        "volumes": [
            one for one in spec["volumes"] if one["name"] in {mount["name"] for mount in given["volumeMounts"]}
        ],
        "securityContext": given["podSecurityContext"],
    }
    for key in ("priorityClassName", "terminationGracePeriodSeconds"):
        if key in given:
            pod[key] = given[key]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": given["labels"]}, "spec": pod}


def command(found: Document, master: str, templates: Path) -> list[str]:
    """The command; on Kubernetes the pod templates are written into a folder, and the command ends when the run has."""
    spec, conf = found["spec"], settings(found, master)
    mode = "client"
    if master.startswith("k8s://"):
        mode = "cluster"
        for role in ("driver", "executor"):
            path = templates / f"{role}.json"
            path.write_text(json.dumps(pod_template(spec, role)), encoding="utf-8")
            conf[f"{_KUBERNETES}.{role}.podTemplateFile"] = str(path)
    made = ["spark-submit", "--master", master, "--deploy-mode", mode, "--name", found["name"]]
    for key, value in sorted(conf.items()):
        made += ["--conf", f"{key}={value}"]
    return [*made, spec["mainApplicationFile"], *spec["arguments"]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the rendered overlay from standard input, and run the application in this process's place."""
    parser = argparse.ArgumentParser(
        prog="spark_submit", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--master", required=True, help="k8s://https://HOST:PORT, or local[N] inside the image")
    parser.add_argument("--application", default="batch-ingest", help="batch-ingest or table-care")
    parser.add_argument("--print", action="store_true", dest="shown", help="print the command, run nothing")
    options = parser.parse_args(arguments)
    found = application(yaml.safe_load_all(sys.stdin), options.application)
    made = command(found, options.master, Path(tempfile.mkdtemp(prefix="spark-submit-")))
    if options.shown:
        print(shlex.join(made))
        return
    os.execvp(made[0], made)  # noqa: S606


if __name__ == "__main__":
    main()
