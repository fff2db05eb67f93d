"""Runs dbt, and tells a collector of traces what became of each node, in the trace of the newest batch that the run could see.

All of it is read from what dbt leaves behind. See: https://docs.getdbt.com/reference/artifacts/run-results-json
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from monitoring.errors import ConfigError
from monitoring.traces import Step, tell, wanted

_SERVICE = "dbt"
_BATCH = re.compile(r"/\* batch ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}) \*/")  # written by the macro record_run
_FAILED = ("error", "fail", "runtime error")


def run(arguments: Sequence[str], target: Path) -> int:
    """Run dbt with these arguments and return its exit code. Where no collector is named, dbt takes the place of this process.

    target: where dbt writes run_results.json. Raises ConfigError where there is no dbt.
    """
    command = ["dbt", *arguments]
    try:
        if not wanted(_SERVICE):
            os.execvp(command[0], command)  # noqa: S606 (dbt's arguments are the user's own)
        began_ns = time.time_ns()
        child = subprocess.Popen(command)
    except OSError as error:
        raise ConfigError(f"dbt cannot be run: {error.strerror}") from error
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to dbt as well
    code = child.wait()
    whole = Step(" ".join(command[:2]), began_ns, time.time_ns(), code == 0)
    results = _results(target / "run_results.json", began_ns)
    if results is None:
        tell(_SERVICE, whole, [], lines=sys.stderr)
    else:
        tell(_SERVICE, *told(whole, results), lines=sys.stderr)
    return code if code >= 0 else 128 - code


def _results(path: Path, began_ns: int) -> Mapping[str, Any] | None:
    """What dbt has left behind of this run; None where it ended before it ran anything, and the file is of a run before."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return document if _nanoseconds(document["metadata"]["generated_at"]) >= began_ns else None
    except (OSError, ValueError, KeyError):
        return None


def told(whole: Step, document: Mapping[str, Any]) -> tuple[Step, list[Step], str | None]:
    """Return the run, with how many nodes ended how, its nodes that ran, and the batch."""
    results = document["results"]
    counts = Counter(str(each["status"]) for each in results)
    named = {"invocation_id": document["metadata"]["invocation_id"], **counts}
    batches = [found[1] for each in results if (found := _BATCH.search(each.get("compiled_code") or ""))]
    stages = [_node(each) for each in results if each["timing"]]
    return (
        Step(whole.name, whole.start_ns, whole.end_ns, whole.succeeded, named),
        stages,
        batches[0] if batches else None,
    )


def _node(result: Mapping[str, Any]) -> Step:
    """One node. A unit test is named after its model in between: unit_test.<project>.<model>.<name>."""
    kind, *names = result["unique_id"].split(".")
    status, answered = str(result["status"]), result["adapter_response"]
    found: dict[str, int | str] = {"kind": kind, "status": status}
    found |= {
        name: answered[key] for name, key in (("rows", "rows_affected"), ("query_id", "query_id")) if key in answered
    }
    if status in _FAILED:
        found["error"] = " ".join(str(result["message"]).split())[:1000]
    return Step(
        names[2] if kind == "unit_test" else names[1],
        min(_nanoseconds(each["started_at"]) for each in result["timing"]),
        max(_nanoseconds(each["completed_at"]) for each in result["timing"]),
        status not in _FAILED,
        found,
    )


def _nanoseconds(time_text: str) -> int:
    """Nanoseconds since 1970 of a time as dbt writes it."""
    return round(datetime.fromisoformat(time_text).timestamp() * 1e6) * 1000
