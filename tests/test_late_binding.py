"""No closure reads a name that its function binds again later: it would see the later value when it is called."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
_FOLDERS = (
    "benchmarks",
    "deploy",
    "k8s",
    "local_stack",
    "monitoring",
    "reconcile",
    "snowpark_procs",
    "spark_ingest",
    "tests",
)
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Closure = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_OWN_SCOPE = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda, ast.FunctionDef)


def _bound(scope: ast.AST) -> Iterator[ast.Name]:
    """Yield the names that a scope binds itself, leaving out those of functions and comprehensions inside it."""
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child
        if not isinstance(child, _OWN_SCOPE):
            yield from _bound(child)


def _free(closure: _Closure) -> set[str]:
    arguments = {argument.arg for argument in ast.walk(closure.args) if isinstance(argument, ast.arg)}
    body: list[ast.AST] = [*closure.body] if isinstance(closure.body, list) else [closure.body]
    names = [name for part in body for name in ast.walk(part) if isinstance(name, ast.Name)]
    own = arguments | {name.id for name in names if isinstance(name.ctx, ast.Store)}
    return {name.id for name in names} - own


def _around(node: ast.AST, others: list[ast.AST]) -> list[ast.AST]:
    line = getattr(node, "lineno", 0)
    return [other for other in others if other.lineno <= line <= (other.end_lineno or 0)]  # type: ignore[attr-defined]


def late_bindings(source: str) -> list[tuple[int, str]]:
    """Return (line of the closure, name) for each closure that is kept while the name is bound again.

    A closure in a `return` is left out: nothing of its function runs after it.
    """
    found = set()
    for function in (node for node in ast.walk(ast.parse(source)) if isinstance(node, _Function)):
        inside = list(ast.walk(function))
        loops = [node for node in inside if isinstance(node, _LOOPS)]
        returns = [node for node in inside if isinstance(node, ast.Return)]
        bindings = list(_bound(function))
        for closure in (node for node in inside if isinstance(node, _Closure) and node is not function):
            if _around(closure, list(returns)):
                continue
            free, loops_around = _free(closure), _around(closure, list(loops))
            for name in (name for name in bindings if name.id in free):
                again = any(loop in loops_around for loop in _around(name, list(loops)))
                if again or name.lineno > (closure.end_lineno or 0):
                    found.add((closure.lineno, name.id))
    return sorted(found)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("later = []\n  name = 1\n  later.append(lambda: name)\n  for n in x:\n    name = n", [(4, "name")]),
        ("for n in x:\n    later.append(lambda: n)", [(3, "n")]),
        ("for n in x:\n    later.append(lambda n=n: n)", []),
        ("for n in x:\n    return lambda: n", []),
        ("name = 1\n  later.append(lambda: name)\n  return [name for name in x]", []),
    ],
)
def test_the_check_itself(body: str, found: list[tuple[int, str]]) -> None:
    assert late_bindings(f"def f(x, later):\n  {body}\n") == found


@pytest.mark.parametrize("folder", _FOLDERS)
def test_no_closure_is_bound_late(folder: str) -> None:
    found = {
        str(path.relative_to(REPOSITORY)): late
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        if (late := late_bindings(path.read_text(encoding="utf-8")))
    }
    assert not found
