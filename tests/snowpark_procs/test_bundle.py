"""The deployed code: complete, free of what would break a definition, importable with nothing of the repository at hand."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from deploy.rendering import ROOT, render, variables

_VARIABLES = variables()
_VARIABLES |= {"speed_integration": "clickhouse", "speed_secret": "ops.clickhouse", "speed_url": "https://h:8443/shop"}
_BUNDLE = (ROOT / "snowpark_procs" / "bundle.jinja").read_text(encoding="utf-8")
_BODY = re.compile(r"PROCEDURE (\S+)\(.*?HANDLER = '(\w+)'.*?AS \$\$(.*?)\$\$;?", re.DOTALL)
_PART = re.compile(r"^    '(\w+)': \[\n(.*?)^    \],$", re.MULTILINE | re.DOTALL)
_PARTS = {name: re.findall(r"^ +'([\w./]+)',$", text, re.MULTILINE) for name, text in _PART.findall(_BUNDLE)}
_LISTED = [name for names in _PARTS.values() for name in names]
_IN_SCRIPTS = re.compile(r"bundle\.prologue\((.*?)\) \}\}.*?from (snowpark_procs\.\w+) import", re.DOTALL)
_CARRIED = {
    (module, ("common", *re.findall(r"'(\w+)'", parts)))
    for script in sorted((ROOT / "migrations").glob("R__*.sql"))
    for parts, module in _IN_SCRIPTS.findall(script.read_text(encoding="utf-8"))
}


def _path(name: str) -> str:
    """Return the path of a file of the bundle: a statement is listed by its name."""
    return name if "/" in name else f"snowpark_procs/sql/{name}.sql"


_LISTED_PATHS = [_path(name) for name in _LISTED]


@cache
def _needed(module: str) -> frozenset[str]:
    """Return the paths of the modules that a module imports, whenever that is, and of the statements that they name."""
    needed: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop().replace(".", "/")
        path = next((one for one in (f"{name}/__init__.py", f"{name}.py") if (ROOT / one).is_file()), None)
        if (
            path is None or path in needed or path.startswith("reconcile/report/")
        ):  # for those who ask the package for it
            continue
        needed.add(path)
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            waiting |= set(_imported(node))
            if isinstance(node, ast.Constant) and node.value in _LISTED:
                needed.add(_path(str(node.value)))
    return frozenset(needed)


def _imported(node: ast.AST) -> Iterator[str]:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
    if isinstance(node, ast.ImportFrom):
        names = [str(node.module), *(f"{node.module}.{name}" for name in names)]
    for name in names:
        packages = name.split(".")
        yield from (".".join(packages[:count]) for count in range(1, len(packages) + 1))


def bodies(script: str) -> list[tuple[str, str, str]]:
    return _BODY.findall(render(script, _VARIABLES))


def test_every_module_and_statement_is_listed() -> None:
    package = ROOT / "snowpark_procs"
    modules = {f"snowpark_procs/{path.name}" for path in package.glob("*.py")}
    statements = {path.stem for path in (package / "sql").glob("*.sql")}
    assert modules <= set(_LISTED)
    assert {name for name in _LISTED if "/" not in name} == statements
    assert len(_LISTED) == len(set(_LISTED))


@pytest.mark.parametrize(("module", "parts"), sorted(_CARRIED))
def test_a_procedure_carries_what_it_needs_and_no_part_besides(module: str, parts: tuple[str, ...]) -> None:
    needed, carried = _needed(module), {part: {_path(name) for name in _PARTS[part]} for part in parts}
    assert needed <= set().union(*carried.values())
    assert [part for part in parts if not needed & carried[part]] == []


def test_every_file_of_a_part_is_needed_by_a_procedure_that_carries_the_part() -> None:
    needed = {part: set().union(*(_needed(module) for module, parts in _CARRIED if part in parts)) for part in _PARTS}
    schema = {
        "spark_ingest/__init__.py",
        "spark_ingest/landing/__init__.py",
        "spark_ingest/landing/manifest.schema.json",
    }
    idle = {part: {_path(name) for name in names} - needed[part] for part, names in _PARTS.items()}
    assert {part: paths for part, paths in idle.items() if paths} == {
        "landing": schema
    }  # read by snowpark_procs.manifest


@pytest.mark.parametrize("path", _LISTED_PATHS)
def test_nothing_carried_breaks_a_definition(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert not re.search(r"\{\{|\{%|\{#|\$\$", text)


# Runs each file in a process of its own; what Snowflake has at hand is imported once.
_EACH_ALONE = """
import os, runpy, sys
import snowflake.snowpark
for path in sys.argv[1:]:
    child = os.fork()
    if not child:
        runpy.run_path(path)
        sys.stdout.flush()
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(path + " cannot be run alone")
"""


@pytest.mark.parametrize(
    ("script", "count"),
    [
        ("R__20_procedures_ops.sql", 5),
        ("R__21_procedures_recon.sql", 7),
        ("R__22_procedures_speed.sql", 1),
        ("R__23_procedures_rules.sql", 2),
        ("R__42_retention.sql", 1),
    ],
)
def test_handlers_import_from_the_body_alone(script: str, count: int, tmp_path: Path) -> None:
    definitions = bodies(script)
    assert len(definitions) == count
    for number, (name, handler, body) in enumerate(definitions):
        assert len(body.encode()) < 1_000_000, name
        handler = {"extract": "extract_speed_layer"}.get(handler, handler)  # which the body's own function calls
        check = f"\nprint({handler}.__module__, {handler}.__code__.co_filename)\n"
        (tmp_path / f"{number}.py").write_text(body + check, encoding="utf-8")
    command = [sys.executable, "-W", "ignore", "-P", "-c", _EACH_ALONE, *(f"{number}.py" for number in range(count))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = [line.split() for line in done.stdout.splitlines()]
    assert [source for _, source in told] == [f"/bundle/{module.replace('.', '/')}.py" for module, _ in told]
    assert len(told) == count


def test_the_definition_carries_the_text_of_every_file() -> None:
    """schemachange hashes the rendered text: a change of any file therefore redeploys."""
    start, end = "FILES = {", "\n}\n"
    body = bodies("R__20_procedures_ops.sql")[0][2]
    namespace: dict[str, dict[str, str]] = {}
    exec(body[body.index(start) : body.index(end) + len(end)], namespace)  # noqa: S102 (our own generated literal)
    assert set(namespace["FILES"]) == {
        _path(name) for part in ("common", "landing", "loading") for name in _PARTS[part]
    }
    for path, text in namespace["FILES"].items():
        assert text.strip() == (ROOT / path).read_text(encoding="utf-8").strip(), path
