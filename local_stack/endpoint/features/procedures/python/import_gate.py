"""Let a handler import what its PACKAGES name (with their requirements), Python's own modules, and its IMPORTS.

Loaded by worker.py from its file, in a process that cannot import our package.
"""

from __future__ import annotations

import builtins
import importlib.metadata
import re
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9._-]+)([^;]*)(?:;(.*))?$")
# What Snowflake's own runtime has in every handler, whatever PACKAGES says.
_ALWAYS = frozenset({"_snowflake", "snowflake"})
# What Snowflake's build of a package brings beyond its requirements: dbt's Python models import pandas and name Snowpark only.
_BROUGHT = {"snowflake-snowpark-python": ["pandas"]}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class Installed:
    """Know the installed distributions: their requirements, and which of them has which top-level module."""

    def __init__(self) -> None:
        self._requirements: dict[str, list[str]] = {}
        for distribution in importlib.metadata.distributions():
            wanted = []
            for requirement in distribution.requires or []:
                match = _REQUIREMENT.match(requirement)
                if match and "extra ==" not in (match[3] or ""):
                    wanted.append(canonical(match[1]))
            self._requirements[canonical(distribution.metadata["Name"])] = wanted
        self.owners: Mapping[str, list[str]] = importlib.metadata.packages_distributions()

    def closure(self, packages: list[str]) -> set[str]:
        """Return the named packages and everything they require."""
        found: set[str] = set()
        waiting = [canonical(re.split(r"[\s=<>!~\[;]", p.strip(), maxsplit=1)[0]) for p in packages]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend([*self._requirements.get(name, []), *_BROUGHT.get(name, [])])
        return found


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
            owners = [canonical(owner) for owner in installed.owners.get(top, [])]
            if owners and top not in sys.stdlib_module_names and not allowed.intersection(owners):
                raise ModuleNotFoundError(f"No module named {top!r}", name=top)
        return real_import(name, globals, locals, fromlist, level)

    builtins.__import__ = gate
