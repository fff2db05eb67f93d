"""Keep the files of DBT PROJECT objects, and run dbt on them as EXECUTE DBT PROJECT does. The objects are recorded like others.

Files are copied from a stage when an object is created or deployed to. A run is dbt's own command in a process of its own, on a
copy of the files, as the role of the project's profile; nothing of the endpoint's environment is seen there.
See: https://docs.snowflake.com/en/sql-reference/sql/create-dbt-project, alter-dbt-project, execute-dbt-project
"""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.metadata
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from local_stack.endpoint.engine import cancellation
from local_stack.endpoint.engine.authentication import ACCESS_TOKEN, digest
from local_stack.endpoint.engine.users import SYSTEM_USER
from local_stack.endpoint.errors import compilation_error, missing_object
from local_stack.endpoint.features.objects.bodies import dbt_source, dbt_version
from local_stack.endpoint.features.stages.location import locate
from local_stack.endpoint.language.options import PropertyReader, read_properties, text
from local_stack.endpoint.language.quoting import quote_string
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.sessions import Sessions
from local_stack.endpoint.statements import Column, Result, SqlError, Statement, unsupported

_KIND = "DBT PROJECT"
_DEFAULT_VERSION = "1.9.4"
# https://docs.snowflake.com/en/user-guide/data-engineering/dbt-projects-on-snowflake-supported-commands
_COMMANDS = frozenset(
    ("build", "compile", "debug", "deps", "docs", "list", "ls", "parse", "retry", "run", "run-operation", "seed", "show",
     "snapshot", "source", "test")
)  # fmt: skip
_PROFILES = ("dbt_projects_profiles.yml", "profiles.yml")
_REQUIRED = ("type", "role", "database", "schema")
_TOKEN_HOURS = 12
_ENDS_WITHIN = 10.0
_OUTPUT = (
    Column("SUCCESS", "BOOLEAN"), Column("EXCEPTION"), Column("STDOUT"), Column("OUTPUT_ARCHIVE_URL"),
)  # fmt: skip


class DbtProjects:
    """Copy what CREATE and ALTER … FROM name, and answer EXECUTE DBT PROJECT."""

    def start(self, sessions: Sessions) -> None:
        """Remove the files of objects that are no more, or have others."""
        kept = {stored.definition["properties"]["SOURCE"] for stored in sessions.engine.catalog.objects(_KIND)}
        for folder in _files(sessions.engine.data_dir).glob("*"):
            if str(folder) not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def stop(self) -> None:
        """Runs end with their statements."""

    def handle(self, statement: Statement, session: Session) -> Result | Statement | None:
        text = statement.text.strip().removesuffix(";").rstrip()
        reader = Reader(text)
        if reader.looking_at("EXECUTE"):
            execute = _execution(reader, session)
            return Result.status("") if statement.describe_only else execute()
        while not (reader.at_end() or reader.looking_at("FROM")):
            reader.next()
        if reader.at_end() or statement.describe_only:
            return None
        before = text[: reader.token.start]
        given = dbt_source(reader)["SOURCE"]
        rest = "" if reader.at_end() else text[reader.token.start :]
        return replace(statement, text=f"{before}FROM {quote_string(_copied(given, session))} {rest}")


def _files(data_dir: Path) -> Path:
    return data_dir / "dbt"


def _copied(reference: str, session: Session) -> str:
    """Copy what lies below a stage's path. Raises SqlError where that is no dbt project."""
    if not reference.startswith("@"):
        raise unsupported(f"a dbt project from '{reference}' (in the local endpoint: from a stage)")
    location = locate(session, reference.rstrip("/") + ("/" if "/" in reference else ""))
    files = {file.relative.removeprefix(location.prefix): file.path for file in location.files()}
    if "dbt_project.yml" not in files:
        raise SqlError(f"dbt_project.yml does not exist in '{reference}'.", 391902, "22023")
    folder = _files(session.engine.data_dir) / uuid.uuid4().hex
    for relative, path in files.items():
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return str(folder)


def _execution(reader: Reader, session: Session) -> Callable[[], Result]:
    """Read EXECUTE DBT PROJECT [IF EXISTS] name [ARGS = '…'] [DBT_VERSION = '…']."""
    reader.expect("EXECUTE", "DBT", "PROJECT")
    if_exists = reader.accept("IF", "EXISTS")
    if reader.looking_at("FROM", "WORKSPACE"):
        raise unsupported("EXECUTE DBT PROJECT FROM WORKSPACE")
    parts = reader.name()
    options: dict[str, PropertyReader] = {"ARGS": text, "DBT_VERSION": dbt_version}
    given = read_properties(reader, options, _KIND)
    reader.expect_end()

    def run() -> Result:
        place = session.resolve(parts)
        stored = session.catalog.get(_KIND, place.database, place.schema, place.name)
        if stored is None and if_exists:
            return Result.succeeded()
        if stored is None:
            raise missing_object(_KIND, ".".join(parts))
        properties = stored.definition["properties"]
        _require_installed(given.get("DBT_VERSION") or properties.get("DBT_VERSION") or _DEFAULT_VERSION)
        return _run(properties, _arguments(given.get("ARGS", "")), session)

    return run


def _require_installed(wanted: str) -> None:
    """Raise SqlError where the dbt beside the endpoint is of another minor version than the object's."""
    installed = importlib.metadata.version("dbt-core")
    if installed.split(".")[:2] != wanted.split(".")[:2]:
        raise unsupported(f"dbt {wanted} (the local endpoint has {installed}; DBT_VERSION says which is meant)")


def _arguments(given: str) -> list[str]:
    """Return dbt's command and its options; without a command it is run. Raises SqlError for another command."""
    try:
        words = shlex.split(given)
    except ValueError as error:
        raise compilation_error(f"invalid value [{given}] for parameter 'ARGS': {error}", 1008, "22023") from None
    if not words or words[0].startswith("-"):
        words = ["run", *words]
    if words[0] not in _COMMANDS:
        raise SqlError(f"dbt command '{words[0]}' is not supported.", 391903, "22023")
    for word in words:
        if word.split("=")[0] in ("--profiles-dir", "--project-dir", "--target-path", "--log-path"):
            raise unsupported(f"dbt's option {word}")
    return words


def _run(properties: dict[str, Any], arguments: list[str], session: Session) -> Result:
    """Run dbt and return its output. Raises SqlError with it where dbt fails, so that a task fails too."""
    with tempfile.TemporaryDirectory(prefix="endpoint-dbt-") as folder, _token(session) as token:
        project = Path(folder) / "project"
        shutil.copytree(properties["SOURCE"], project)
        _write_profile(project, Path(folder), properties.get("DEFAULT_TARGET"), arguments, token, session)
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": folder,
            "DBT_PROFILES_DIR": folder,
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DBT_USE_COLORS": "false",
        }
        command = [str(Path(sys.executable).with_name("dbt")), *arguments]
        running = subprocess.Popen(
            command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            with cancellation.waking(running.terminate):
                said, _ = running.communicate()
        finally:
            _end(running)
    cancellation.check()
    if running.returncode:
        raise SqlError(f"dbt {arguments[0]} failed with exit code {running.returncode}:\n{said}", 391904, "P0000")
    return Result(_OUTPUT, [[True, None, said, None]])


def _end(running: subprocess.Popen[str]) -> None:
    if running.poll() is None:
        running.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(_ENDS_WITHIN)
    if running.poll() is None:
        running.kill()
        running.wait()


@contextlib.contextmanager
def _token(session: Session) -> Iterator[str]:
    """Let dbt log in as the session's user for as long as it runs."""
    secret, name = secrets.token_urlsafe(32), f"DBT_{uuid.uuid4().hex.upper()}"
    expires = dt.datetime.now(dt.UTC) + dt.timedelta(hours=_TOKEN_HOURS)
    definition = {"properties": {}, "owner": "", "secret": digest(secret), "expires_at": expires.isoformat()}
    session.catalog.put(ACCESS_TOKEN, "", session.user, name, definition)
    try:
        yield secret
    finally:
        session.catalog.drop(ACCESS_TOKEN, "", session.user, name)


def _write_profile(
    project: Path, folder: Path, default: str | None, arguments: list[str], token: str, session: Session
) -> None:
    """Write the profile that dbt runs by: the project's own, whose account, user and credentials are the session's."""
    found = next((project / name for name in _PROFILES if (project / name).is_file()), None)
    if found is None:
        raise SqlError("profiles.yml does not exist in the dbt project.", 391902, "22023")
    written = yaml.safe_load(found.read_text(encoding="utf-8")) or {}
    if "env_var(" in yaml.safe_dump(written):
        raise SqlError(f"env_var() is not supported in {found.name}.", 391905, "22023")
    name = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8")).get("profile")
    profile = written.get(name)
    if profile is None:
        raise SqlError(f"Profile {name} is not defined in {found.name}.", 391902, "22023")
    chosen = _given_target(arguments) or default or profile.get("target")
    output = profile["outputs"].get(chosen)
    if output is None:
        raise SqlError(f"Target '{chosen}' is not defined in profile '{name}'.", 391902, "22023")
    if missing := [key for key in _REQUIRED if key not in output]:
        raise SqlError(f"Missing required fields: {', '.join(missing)} in target {chosen}", 391902, "22023")
    output["role"] = _usable_role(str(output["role"]), session)
    host, port = session.engine.address
    output |= {
        "account": "local",
        "user": session.user,
        "password": token,
        "host": host,
        "port": port,
        "protocol": "http",
    }
    kept = {name: {"target": chosen, "outputs": {chosen: output}}}
    (folder / "profiles.yml").write_text(yaml.safe_dump(kept), encoding="utf-8")
    for each in _PROFILES:
        (project / each).unlink(missing_ok=True)


def _given_target(arguments: list[str]) -> str | None:
    for position, word in enumerate(arguments):
        if word in ("--target", "-t"):
            return arguments[position + 1] if position + 1 < len(arguments) else None
        if word.startswith("--target="):
            return word.partition("=")[2]
    return None


def _usable_role(role: str, session: Session) -> str:
    """Return a role's stored name. Raises SqlError where who executes may not use it; a task does so as its owner."""
    name = Reader(role).identifier()
    if not session.grants.enforced:
        return name
    allowed = ("ROLE", name) in session.access.holders if session.user == SYSTEM_USER else session.may_use_role(name)
    if not allowed:
        raise SqlError(f"Role '{name}' does not exist or is not accessible.", 391902, "42501")
    return name
