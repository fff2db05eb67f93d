"""From an empty account to the first verdict, by the commands of docs/warehouse.md as they stand there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, RunningEndpoint, endpoint_folder
from tests.snowpark_procs.batches import event, publish, publish_snapshot, session

pytestmark = pytest.mark.integration

_SNOW = REPOSITORY / ".venv-snow" / "bin"
_PAGE = (REPOSITORY / "docs" / "warehouse.md").read_text(encoding="utf-8").partition("## Roles and users")[0]
_FILES = (
    "deploy",
    "migrations",
    "snowpark_procs",
    "reconcile",
    "spark_ingest",
    "dbt_project",
    "schemachange-config.yml",
)
_FUNCTIONS = ("deploy", "load", "transform", "reconcile", "monitor")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", _PAGE, re.DOTALL)


@pytest.mark.skipif(not (_SNOW / "snow").exists(), reason="the Snowflake CLI is not installed (make snow)")
def test_the_commands_of_the_page(tmp_path: Path) -> None:
    for name in _FILES:
        (tmp_path / name).symlink_to(REPOSITORY / name)
    with endpoint_folder() as folder:
        endpoint = RunningEndpoint(folder / "warehouse", folder / "s3")
        (folder / "s3" / "data-s3-bucket").mkdir(parents=True)
        publish(
            folder / "s3",
            events=[event("e1", "s1", "2024-01-15 10:00:00")],
            sessions=[session("s1", "2024-01-15 10:00:00", page_views=1, event_count=1)],
        )
        publish_snapshot(
            folder / "s3", "2024-01-15", [session("s1", "2024-01-15 10:00:00", page_views=1, event_count=1)]
        )
        endpoint.start()
        try:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", "\n".join(_blocks("bash"))],
                cwd=tmp_path,
                env=_environment(endpoint, tmp_path),
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            endpoint.stop(signal.SIGKILL)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert re.search(r"2024-01-15\s*\|\s*(agree|within_tolerance|disagree)", done.stdout), done.stdout[-2000:]


def _environment(endpoint: RunningEndpoint, folder: Path) -> dict[str, str]:
    """What the page takes for given: the CLI's connections, and the tools; and how the account's stand-in is reached."""
    (text,) = _blocks("toml")
    known = tomllib.loads(text)
    here = {"host": endpoint.host, "port": endpoint.port, "protocol": "http"}
    connections = {"admin": {**known["admin"], "password": "local"}}
    for function in _FUNCTIONS:
        user, key = known["deploy"]["user"], known["deploy"]["private_key_file"]
        named = {"user": user.replace("DEPLOY", function.upper()), "private_key_file": key.replace("deploy", function)}
        connections[function] = {**known["deploy"], **named}
    lines = [
        line
        for name, connection in connections.items()
        for line in (f"[{name}]", *(f"{key} = {value!r}" for key, value in {**connection, **here}.items()))
    ]
    home = folder / "home"
    home.mkdir()
    for file, content in (
        ("connections.toml", "\n".join(lines) + "\n"),
        ("config.toml", "[cli.logs]\nsave_logs = false\n"),
    ):
        (home / file).write_text(content, encoding="utf-8")
        (home / file).chmod(0o600)
    kept = {name: value for name, value in endpoint.environment.items() if not name.startswith(("SNOWFLAKE_", "DBT_"))}
    return {
        **kept,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(_SNOW), os.environ["PATH"]]),
        "SNOWFLAKE_HOME": str(home),
        "SNOWFLAKE_HOST": endpoint.host,
        "SNOWFLAKE_PORT": str(endpoint.port),
        "SNOWFLAKE_PROTOCOL": "http",
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
