"""Who may import whom, for every Python file: the folders' boundaries, read from the syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGES = (
    "spark_ingest",
    "snowpark_procs",
    "reconcile",
    "monitoring",
    "deploy",
    "k8s",
    "local_stack",
    "tests",
    "benchmarks",
)

# The part of reconcile that is pure: it also runs inside Snowflake, so it needs nothing but the standard library and itself.
RECONCILE_PURE = frozenset(
    f"reconcile.{name}"
    for name in (
        "errors",
        "comparison",
        "comparison.outcomes",
        "comparison.status_sql",
        "speed",
        "speed.buckets",
        "speed.columns",
        "speed.engine",
        "speed.failures",
        "speed.identifiers",
        "speed.names",
        "speed.retries",
        "speed.statements",
        "report",
        "report.history",
        "report.wording",
    )
)

# What recon.extract_speed_layer runs inside Snowflake: there is Arrow, and no client of ClickHouse.
RECONCILE_INSIDE = frozenset(
    f"reconcile.speed.{name}" for name in ("content", "extraction", "http", "reading", "source")
)

# What a package may import of ours.
OURS_ALLOWED: dict[str, frozenset[str]] = {
    "spark_ingest": frozenset({"monitoring.traces"}),
    "reconcile": frozenset({"monitoring.traces"}),
    "monitoring": frozenset(),
    "snowpark_procs": RECONCILE_PURE | RECONCILE_INSIDE,
    "deploy": frozenset(),
    "k8s": frozenset({"spark_ingest.spark.jars"}),
}
# What a package must never import from outside: Spark never talks to Snowflake, procedures never to Iceberg or Spark.
FOREIGN_FORBIDDEN = {
    "spark_ingest": ("snowflake", "clickhouse_connect", "chdb", "fakesnow", "duckdb"),
    "snowpark_procs": ("pyspark", "pyiceberg", "clickhouse_connect", "chdb", "fakesnow", "duckdb"),
    "reconcile": ("pyspark", "pyiceberg", "fakesnow", "duckdb"),
    "deploy": ("pyspark", "pyiceberg", "clickhouse_connect", "chdb", "fakesnow", "duckdb"),
    "k8s": ("pyspark", "pyiceberg", "clickhouse_connect", "chdb", "fakesnow", "duckdb", "snowflake"),
    "monitoring": ("pyspark", "pyiceberg", "clickhouse_connect", "chdb", "fakesnow", "duckdb"),
}
# The only modules of reconcile that may touch a database's client.
RECONCILE_CLIENTS = {
    "clickhouse_connect": "reconcile.speed.connection",
    "snowflake": "reconcile.report.warehouse_source",
}


def modules(package: str) -> list[Path]:
    return sorted((REPOSITORY / package).rglob("*.py"))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


def imports(source: str, module: str, is_package: bool) -> Iterator[str]:
    """Absolute names of everything that a module imports, wherever in it: top level, functions, TYPE_CHECKING."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".") if is_package else module.split(".")[:-1]
                kept = parents[: len(parents) - (node.level - 1)]
                base = ".".join([*kept, *([node.module] if node.module else [])])
            # `from package import name` may import a module of that name
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _is_dynamic_import(node.func) and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def _is_dynamic_import(function: ast.expr) -> bool:
    name = (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )
    return name in ("import_module", "__import__")


def imports_of(path: Path) -> list[str]:
    return list(imports(path.read_text(encoding="utf-8"), module_name(path), path.name == "__init__.py"))


def within(name: str, packages: frozenset[str] | tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def violations(package: str) -> list[str]:
    found = []
    for path in modules(package):
        for name in imports_of(path):
            ours = within(name, PACKAGES) and not within(name, (package,))
            if ours and not within(name, OURS_ALLOWED[package]):
                found.append(f"{module_name(path)} imports {name}")
            if within(name, FOREIGN_FORBIDDEN[package]):
                found.append(f"{module_name(path)} imports {name}")
    return found


@pytest.mark.parametrize("package", sorted(OURS_ALLOWED))
def test_a_package_imports_only_what_its_room_allows(package: str) -> None:
    assert modules(package) != []
    assert violations(package) == []


def test_nobody_imports_local_stack() -> None:
    """Only itself, tests and benchmarks know that stand-ins exist."""
    free = {"local_stack", "tests", "benchmarks", ".venv", ".venv-snow", ".local", ".cache"}
    paths = [path for path in REPOSITORY.rglob("*.py") if path.relative_to(REPOSITORY).parts[0] not in free]
    assert len(paths) > 20
    assert [
        module_name(path) for path in paths if any(within(name, ("local_stack",)) for name in imports_of(path))
    ] == []


def test_reconciles_pure_part_needs_only_the_standard_library() -> None:
    """And so does its package module, which is imported with every part of it; its lazy imports are in functions."""
    for module in sorted(RECONCILE_PURE):
        path = REPOSITORY / Path(*module.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        foreign = [name for name in imports_of(path) if not within(name, RECONCILE_PURE) and not _standard(name)]
        assert foreign == [], module
    tree = ast.parse((REPOSITORY / "reconcile" / "__init__.py").read_text(encoding="utf-8"))
    top = [
        name
        for node in tree.body
        if isinstance(node, ast.ImportFrom | ast.Import)
        for name in imports(ast.unparse(node), "", False)
    ]
    assert [name for name in top if not _standard(name)] == []


def _standard(name: str) -> bool:
    import sys

    return name.partition(".")[0] in sys.stdlib_module_names


# What a room of reconcile may import of the others.
RECONCILE_ROOMS = {
    "comparison": ("errors",),
    "speed": ("errors", "config"),
    "report": ("errors", "comparison"),
}


@pytest.mark.parametrize("room", sorted(RECONCILE_ROOMS))
def test_a_room_of_reconcile_imports_what_it_may(room: str) -> None:
    allowed = tuple(f"reconcile.{name}" for name in (room, *RECONCILE_ROOMS[room]))
    found = {
        f"{module_name(path)} imports {name}"
        for path in (REPOSITORY / "reconcile" / room).glob("*.py")
        for name in imports_of(path)
        if within(name, ("reconcile",)) and not within(name, allowed)
    }
    assert found == set()


def test_what_runs_inside_snowflake_needs_nothing_but_arrow() -> None:
    for module in sorted(RECONCILE_INSIDE):
        path = (REPOSITORY / Path(*module.split("."))).with_suffix(".py")
        allowed = (*RECONCILE_PURE, *RECONCILE_INSIDE, "pyarrow")
        assert [name for name in imports_of(path) if not within(name, allowed) and not _standard(name)] == [], module


@pytest.mark.parametrize(("client", "only"), sorted(RECONCILE_CLIENTS.items()))
def test_one_module_of_reconcile_touches_a_databases_client(client: str, only: str) -> None:
    users = {
        module_name(path) for path in modules("reconcile") if any(within(name, (client,)) for name in imports_of(path))
    }
    assert users == {only}


@pytest.mark.parametrize(
    ("package", "client", "only"),
    [
        ("spark_ingest", "prometheus_client", {"spark_ingest.run_metrics"}),
        ("reconcile", "prometheus_client", {"reconcile.run_metrics"}),
        ("spark_ingest", "opentelemetry", set()),
        ("reconcile", "opentelemetry", set()),
        ("monitoring", "opentelemetry", {"monitoring.traces"}),
        ("monitoring", "snowflake", {"monitoring.ledger"}),
    ],
)
def test_one_module_of_a_package_touches_a_client(package: str, client: str, only: set[str]) -> None:
    users = {
        module_name(path) for path in modules(package) if any(within(name, (client,)) for name in imports_of(path))
    }
    assert users == only


@pytest.mark.parametrize(
    ("source", "module", "expected"),
    [
        ("import local_stack.layout", "a.b", "local_stack.layout"),
        ("def f():\n    from local_stack import layout", "a.b", "local_stack.layout"),
        ("from ..local_stack import x", "top.a.b", "top.local_stack.x"),
        ("from . import x", "a.b", "a.x"),
        ("import importlib\nimportlib.import_module('local_stack')", "a.b", "local_stack"),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pyspark", "a.b", "pyspark"),
    ],
)
def test_the_check_sees_every_way_to_import(source: str, module: str, expected: str) -> None:
    assert expected in imports(source, module, is_package=False)


def test_what_runs_on_an_account_knows_no_stand_in() -> None:
    """tests/live is written against Snowflake: only the fixture's name says what stands in for it."""
    stand_in = (
        "local_stack",
        "fakesnow",
        "duckdb",
        "sqlglot",
        "tests.endpoint",
        "tests.snowpark_procs",
        "tests.conftest",
    )
    live = modules("tests/live")
    assert len(live) > 2
    assert [(path.name, name) for path in live for name in imports_of(path) if within(name, stand_in)] == []


# The endpoint's folders and modules, lowest first: each imports those before it and itself, never one that follows.
ENDPOINT = (
    "versions", "statements", "messages", "errors", "outcome", "language", "engine", "parameters",
    "variables", "queries", "session", "sessions", "translation", "features.show", "features.refusals",
    "features.information_functions", "features.session", "features.rights", "features.objects", "features.stages",
    "features.dbt_projects",
    "features.tables", "features.procedures", "features.get_ddl", "features.tasks", "chain", "protocol", "__main__",
)  # fmt: skip


# The job's rooms, likewise.
SPARK_INGEST = (
    "errors", "config", "progress", "spark", "lake", "landing", "transforms", "importing", "batch", "maintenance",
    "report", "run_metrics", "tracing", "cli", "__main__",
)  # fmt: skip
ORDERED = {"local_stack.endpoint": (ENDPOINT, 300), "spark_ingest": (SPARK_INGEST, 100)}


def edges_within(package: str) -> list[tuple[str, str]]:
    """Return who imports whom within a package, types included, as names relative to it."""
    base = f"{package}."
    paths = [path for path in modules(package.replace(".", "/")) if module_name(path) != package]
    known = {module_name(path) for path in paths}
    edges = []
    for path in paths:
        for name in imports_of(path):
            target = name if name in known else name.rpartition(".")[0]
            if target in known:
                edges.append((module_name(path).removeprefix(base), target.removeprefix(base)))
    return edges


def _rank(module: str, order: tuple[str, ...]) -> int:
    (found,) = [rank for rank, name in enumerate(order) if within(module, (name,))]
    return found


@pytest.mark.parametrize("package", sorted(ORDERED))
def test_a_higher_part_imports_lower_ones_only(package: str) -> None:
    order, least = ORDERED[package]
    edges = edges_within(package)
    assert len(edges) > least
    assert [f"{one} imports {other}" for one, other in edges if _rank(other, order) > _rank(one, order)] == []


@pytest.mark.parametrize("package", sorted(ORDERED))
def test_no_module_needs_itself(package: str) -> None:
    """Not even in types: an order in which each comes after what it imports exists."""
    graph: dict[str, set[str]] = {}
    for one, other in edges_within(package):
        if one != other:
            graph.setdefault(one, set()).add(other)
    TopologicalSorter(graph).prepare()  # raises CycleError with the circle
