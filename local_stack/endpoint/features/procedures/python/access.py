"""Give a procedure what its clauses name: imported files, secrets, and hosts that it may reach."""

from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path

from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.errors import compilation_error, missing_object
from local_stack.endpoint.features.procedures.create import distribution_name
from local_stack.endpoint.features.procedures.definition import OWN_PACKAGES, Routine
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError


def place_imports(routine: Routine, folder: Path, session: Session) -> list[str]:
    """Copy the imported files into the folder; the entries they add to sys.path.

    Raises SqlError 091016 for a file that is not on its stage.
    """
    entries = [str(folder)]
    for location in routine.imports:
        source = stage_file(location, session)
        target = folder / source.name
        shutil.copyfile(source, target)
        if target.suffix in (".zip", ".egg", ".whl"):
            entries.append(str(target))
    return entries


def stage_file(location: str, session: Session) -> Path:
    """Return the local file of '@stage/path'. Raises SqlError 091016 where there is none."""
    from local_stack.endpoint.features.stages import resolve_stage_path

    return resolve_stage_path(session, location)


def check_references(routine: Routine, session: Session) -> None:
    """Check what CREATE names: packages, integrations with their secrets, and imported files."""
    for requirement in routine.packages:
        name = distribution_name(requirement)
        if name in OWN_PACKAGES:
            continue
        try:
            importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            raise compilation_error(
                "Cannot create a Python function with the specified packages. Please check your packages specification and "
                f"try again. Package '{name}' is not installed beside the local endpoint.",
                391546,
                "22023",
            ) from None
    for location in routine.imports:
        stage_file(location, session)
    allowed: set[tuple[str, ...]] = set()
    for integration in _integrations(routine, session):
        for secret in integration.definition["properties"].get("ALLOWED_AUTHENTICATION_SECRETS", []):
            allowed.add(tuple(secret.split(".")))
    for _, name in routine.secrets:
        stored = _secret(name, session)
        if (stored.database, stored.schema, stored.name) not in allowed:
            raise compilation_error(
                f"Secret '{stored.full_name}' is not allowed by any of the procedure's external access integrations.",
                391549,
                "22023",
            )


def _integrations(routine: Routine, session: Session) -> list[StoredObject]:
    found = []
    for name in routine.external_access_integrations:
        stored = session.catalog.get("INTEGRATION", "", "", name)
        if stored is None or stored.definition.get("type") != "EXTERNAL_ACCESS":
            raise missing_object("Integration", name)
        found.append(stored)
    return found


def _secret(name: str, session: Session) -> StoredObject:
    place = session.resolve(tuple(name.split(".")))
    stored = session.catalog.get("SECRET", place.database, place.schema, place.name)
    if stored is None:
        raise missing_object("Secret", name)
    return stored


def secret_values(routine: Routine, session: Session) -> dict[str, dict[str, str]]:
    """Return the secrets by the names that the code uses. Raises SqlError 002003 for one that was dropped."""
    values = {}
    for variable, name in routine.secrets:
        stored = _secret(name, session)
        properties = stored.definition["properties"]
        values[variable] = {
            "type": str(properties["TYPE"]),
            **{k.lower(): str(v) for k, v in properties.items() if k != "TYPE"},
        }
    return values


def allowed_hosts(routine: Routine, session: Session) -> list[str]:
    """Return host:port of every egress rule of the procedure's integrations that are enabled."""
    hosts: list[str] = []
    for integration in _integrations(routine, session):
        properties = integration.definition["properties"]
        if not properties.get("ENABLED"):
            raise SqlError(f"External access integration '{integration.name}' is not enabled.", 391550, "22023")
        for name in properties.get("ALLOWED_NETWORK_RULES", []):
            reader = Reader(name)
            place = session.resolve(reader.name())
            rule = session.catalog.get("NETWORK RULE", place.database, place.schema, place.name)
            if rule is None:
                raise missing_object("Network rule", name)
            hosts.extend(str(host) for host in rule.definition["properties"].get("VALUE_LIST", []))
    return hosts


def installed(routine: Routine) -> list[str]:
    """Return the routine's packages with the versions installed beside the endpoint."""
    return [f"{name}=={importlib.metadata.version(name)}" for name in map(distribution_name, routine.packages)]
