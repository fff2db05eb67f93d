"""The deployed code: complete, free of what would break a definition, importable with nothing of the repository at hand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.rendering import ROOT, render, variables

_VARIABLES = variables()
_VARIABLES |= {"speed_integration": "clickhouse", "speed_secret": "ops.clickhouse", "speed_url": "https://h:8443/shop"}
_BUNDLE = (ROOT / "snowpark_procs" / "bundle.jinja").read_text(encoding="utf-8")
_BODY = re.compile(r"PROCEDURE (\S+)\(.*?HANDLER = '(\w+)'.*?AS \$\$(.*?)\$\$;?", re.DOTALL)
_LISTED = re.findall(r"^    '([\w./]+)',$", _BUNDLE, re.MULTILINE)
_LISTED_PATHS = [name if "/" in name else f"snowpark_procs/sql/{name}.sql" for name in _LISTED]


def bodies(script: str) -> list[tuple[str, str, str]]:
    return _BODY.findall(render(script, _VARIABLES))


def test_every_module_and_statement_is_listed() -> None:
    package = ROOT / "snowpark_procs"
    modules = {f"snowpark_procs/{path.name}" for path in package.glob("*.py")}
    statements = {path.stem for path in (package / "sql").glob("*.sql")}
    assert modules <= set(_LISTED)
    assert {name for name in _LISTED if "/" not in name} == statements


@pytest.mark.parametrize("path", _LISTED_PATHS)
def test_nothing_carried_breaks_a_definition(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert not re.search(r"\{\{|\{%|\{#|\$\$", text)


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
    for name, handler, body in definitions:
        assert len(body.encode()) < 1_000_000, name
        handler = {"extract": "extract_speed_layer"}.get(handler, handler)  # which the body's own function calls
        check = f"\nprint({handler}.__module__, {handler}.__code__.co_filename)\n"
        file = tmp_path / "body.py"
        file.write_text(body + check, encoding="utf-8")
        command = [sys.executable, "-W", "ignore", "-P", str(file)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        module, source = done.stdout.split()
        assert source == f"/bundle/{module.replace('.', '/')}.py"


def test_the_definition_carries_the_text_of_every_file() -> None:
    """schemachange hashes the rendered text: a change of any file therefore redeploys."""
    start, end = "FILES = {", "\n}\n"
    body = bodies("R__20_procedures_ops.sql")[0][2]
    namespace: dict[str, dict[str, str]] = {}
    exec(body[body.index(start) : body.index(end) + len(end)], namespace)  # noqa: S102 (our own generated literal)
    for path, text in namespace["FILES"].items():
        assert text.strip() == (ROOT / path).read_text(encoding="utf-8").strip(), path
