"""`python -m deploy.dbt_object [--vars JSON]`: make the DBT PROJECT object that the variable dbt_project names, of this checkout.

The files go through a stage of the session's own; the object is created, or deployed to. Without the variable nothing is done:
the migration has taken the tasks out of the graph. The account is reached as schemachange reaches it (SNOWFLAKE_ACCOUNT, …).
See: https://docs.snowflake.com/en/sql-reference/sql/create-dbt-project
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2

from deploy.account import connect, database
from deploy.rendering import ROOT, variables

# Of those that Snowflake has, the one that require-dbt-version in dbt_project.yml accepts.
# See: https://docs.snowflake.com/en/user-guide/data-engineering/dbt-projects-on-snowflake-dbt-core-versions
DBT_VERSION = "1.11.11"
_PROFILES = "dbt_projects_profiles.yml"
_LEFT_OUT = ("profiles.yml", "target", "logs", "dbt_packages")


def main() -> int:
    known = variables(**os.environ) | _given(sys.argv[1:])
    name = str(known["dbt_project"])
    if not name:
        print("No dbt_project: dbt runs outside of Snowflake")
        return 0
    with tempfile.TemporaryDirectory() as folder, connect(database=database()) as connection:
        write_files(Path(folder), known)
        print(f"DBT PROJECT {name} {deploy(connection, name, Path(folder))}")
    return 0


def _given(arguments: list[str]) -> dict[str, Any]:
    """Return the variables among the arguments of schemachange deploy."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-V", "--vars", type=json.loads, default={})
    found: dict[str, Any] = parser.parse_known_args(arguments)[0].vars
    return found


def write_files(folder: Path, known: dict[str, Any]) -> None:
    """Write the dbt project as the object has it: with the profile of its own in the place of profiles.yml."""
    ignored = shutil.ignore_patterns(*_LEFT_OUT, ".*")
    shutil.copytree(ROOT / "dbt_project", folder, ignore=ignored, dirs_exist_ok=True)
    template = jinja2.Template((ROOT / "deploy" / _PROFILES).read_text(encoding="utf-8"), keep_trailing_newline=True)
    (folder / _PROFILES).write_text(template.render({**known, "database": database()}), encoding="utf-8")


def deploy(connection: Any, name: str, folder: Path) -> str:
    """Create the object from a folder's files, or deploy them to it. Returns which."""
    *container, bare = name.split(".")
    with connection.cursor() as cursor:
        cursor.execute(f"USE SCHEMA {'.'.join(container) or 'ops'}")
        cursor.execute("CREATE OR REPLACE TEMPORARY STAGE dbt_files")
        for each in _folders(folder):
            below = each.relative_to(folder).as_posix()
            target = "@dbt_files" if below == "." else f"@dbt_files/{below}"
            cursor.execute(f"PUT 'file://{each}/*.*' '{target}' AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
        cursor.execute(f"SHOW DBT PROJECTS LIKE '{bare}' IN SCHEMA")
        if not cursor.fetchall():
            options = f"DBT_VERSION = '{DBT_VERSION}' DEFAULT_TARGET = 'prod'"
            cursor.execute(f"CREATE DBT PROJECT {bare} FROM '@dbt_files' {options}")
            return "created"
        cursor.execute(f"ALTER DBT PROJECT {bare} DEPLOY FROM '@dbt_files'")
        cursor.execute(f"ALTER DBT PROJECT {bare} SET DBT_VERSION = '{DBT_VERSION}' DEFAULT_TARGET = 'prod'")
    return "deployed"


def _folders(folder: Path) -> Iterator[Path]:
    """Yield the folders that have files."""
    for each in (folder, *sorted(path for path in folder.rglob("*") if path.is_dir())):
        if any(path.is_file() for path in each.iterdir()):
            yield each


if __name__ == "__main__":
    sys.exit(main())
