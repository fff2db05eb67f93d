"""dbt in this process over a test's endpoint: the project, parsed once, and the environment that its profile reads."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_stack.layout import DATABASE
from tests.conftest import REPOSITORY, RunningEndpoint

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult

PROJECT = REPOSITORY / "dbt_project"


def profile_variables(endpoint: RunningEndpoint, **others: str) -> dict[str, str]:
    """What dbt's profile reads: the endpoint's own variables, the pipeline's database and role, and others."""
    own = {name: value for name, value in endpoint.environment.items() if name.startswith(("SNOWFLAKE_", "DBT_"))}
    return own | {"SNOWFLAKE_DATABASE": DATABASE, "SNOWFLAKE_ROLE": f"{DATABASE}_OWNER"} | others


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process; what was there before comes back at the end."""
    saved = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)


def run_dbt(variables: Mapping[str, str], scratch: Path, *arguments: str) -> dbtRunnerResult:
    """Run dbt in this process, its files in `scratch`. With variables of its own the project is parsed anew."""
    manifest = None if "--vars" in arguments else parsed_project(variables, scratch)
    return _invoke(manifest, variables, scratch, *arguments)


def parsed_project(variables: Mapping[str, str], scratch: Path) -> Any:
    """The project as dbt has parsed it: the same over every endpoint. Parsing takes longer than many a build."""
    if not _PARSED:
        parsed = _invoke(None, variables, scratch, "--quiet", "--warn-error", "parse")
        assert parsed.success, parsed.exception
        _PARSED.append(parsed.result)
    return _PARSED[0]


_PARSED: list[Any] = []


def _invoke(manifest: Any, variables: Mapping[str, str], scratch: Path, *arguments: str) -> dbtRunnerResult:
    from dbt.cli.main import dbtRunner

    folders = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    folders += ["--target-path", str(scratch / "target"), "--log-path", str(scratch / "logs")]
    with environment(variables), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of dbt's own libraries; dbt's warnings are errors by an option
        return dbtRunner(manifest=manifest).invoke([*arguments, *folders])
