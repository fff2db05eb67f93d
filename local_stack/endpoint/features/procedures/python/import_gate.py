"""Let a handler import what its PACKAGES name (with their requirements), Python's own modules, and its IMPORTS.

Loaded by worker.py from its file, in a process that cannot import our package.
"""

from __future__ import annotations

import builtins
import importlib.metadata
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# What Snowflake's own runtime has in every handler, whatever PACKAGES says.
_ALWAYS = frozenset({"_snowflake", "snowflake"})
# What Snowflake's build of a package brings beyond its requirements: dbt's Python models import pandas and name Snowpark only.
_BROUGHT = {"snowflake-snowpark-python": ["pandas"]}


class Installed:
    """Know the installed distributions: their requirements, and which of them has which top-level module."""

    def __init__(self) -> None:
        self._requirements: dict[str, list[str]] = {}
        self.owners: Mapping[str, list[str]] = importlib.metadata.packages_distributions()
        self.closure(list(_BROUGHT))  # what nearly every handler needs is read once, before handlers' processes begin

    def closure(self, packages: list[str]) -> set[str]:
        """Return the named packages and everything they require."""
        found: set[str] = set()
        waiting: list[str] = [canonicalize_name(Requirement(package).name) for package in packages]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend([*self._required(name), *_BROUGHT.get(name, [])])
        return found

    def _required(self, name: str) -> list[str]:
        """Return what a distribution requires here, without its extras; nothing for one that is not installed."""
        if name not in self._requirements:
            try:
                requirements = map(Requirement, importlib.metadata.requires(name) or ())
            except importlib.metadata.PackageNotFoundError:
                requirements = map(Requirement, ())
            self._requirements[name] = [
                canonicalize_name(one.name)
                for one in requirements
                if one.marker is None or one.marker.evaluate({"extra": ""})
            ]
        return self._requirements[name]


def install(installed: Installed, packages: list[str]) -> None:
    """Refuse from now on what the handler's own code may not import."""
    allowed = installed.closure(packages)
    paths = sysconfig.get_paths()
    own = str(Path(__file__).parent)
    library = (
        own,
        sys.prefix,
        sys.base_prefix,
        *(paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    )
    real_import = builtins.__import__

    def gate(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        top = name.partition(".")[0]
        if level == 0 and top not in _ALWAYS and not str((globals or {}).get("__file__", "")).startswith(library):
            owners = [canonicalize_name(owner) for owner in installed.owners.get(top, [])]
            if owners and top not in sys.stdlib_module_names and not allowed.intersection(owners):
                raise ModuleNotFoundError(f"No module named {top!r}", name=top)
        return real_import(name, globals, locals, fromlist, level)

    builtins.__import__ = gate
