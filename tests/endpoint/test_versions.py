"""What the endpoint leans on in other packages is there; where it is not, it says so before it serves."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from local_stack.endpoint import versions
from local_stack.endpoint.engine import engine
from local_stack.endpoint.translation.fakesnow import TRANSFORMS
from local_stack.endpoint.versions import NEEDS, MissingNeeds, Need, require

REPOSITORY = Path(__file__).parents[2]


def test_the_installed_versions_have_everything() -> None:
    require()


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: f"{need.file} {' '.join(need.text.split())}")
def test_each_that_is_absent_is_named(need: Need) -> None:
    def without(package: str, file: str) -> str:
        source = versions._installed(package, file)
        return source.replace(need.text, "") if (package, file) == (need.package, need.file) else source

    with pytest.raises(MissingNeeds) as failed:
        require(without)
    sentences = str(failed.value).splitlines()
    assert any(
        sentence.startswith(
            f"{need.package} {version(need.package)} lacks `{' '.join(need.text.split())}` in {need.file}"
        )
        and need.use in sentence
        for sentence in sentences
    )


def test_a_file_that_is_gone_is_named() -> None:
    with pytest.raises(MissingNeeds, match=r"instance\.py"):
        require(lambda package, file: "" if file.endswith("instance.py") else versions._installed(package, file))


def test_what_is_replaced_in_templates_and_every_transform_is_among_them() -> None:
    texts = [need.text for need in NEEDS]
    for replaced, _ in (engine.RENEWED, engine.KEPT):
        assert any(replaced in text for text in texts), replaced
    for step in TRANSFORMS:
        name = step.function.__name__
        assert step.function.__module__.startswith("local_stack.") or f"    {name} as {name},\n" in texts


def test_every_use_is_a_file_of_the_endpoint() -> None:
    for need in NEEDS:
        for use in need.use.split(" and "):
            assert (REPOSITORY / "local_stack" / "endpoint" / use).is_file(), use


def test_private_names_of_these_packages_are_used_nowhere_else() -> None:
    """An import of a private name or module of fakesnow, the connector or Snowpark would be a need of its own."""
    found = []
    for path in (REPOSITORY / "local_stack" / "endpoint").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("fakesnow", "snowflake"):
                names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                found += [f"{path.name}: {name}" for name in names if name.startswith("_")]
    assert found == []


def test_the_command_line_fails_with_the_sentence(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.metadata as m, pathlib\n"
        "found = m.distribution('fakesnow').__class__.locate_file\n"
        "def moved(self, path):\n"
        f"    return pathlib.Path({str(tmp_path)!r}) / 'nowhere' if 'macros' in str(path) else found(self, path)\n"
        "m.PathDistribution.locate_file = moved\n"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "local_stack.endpoint", "--data-dir", str(tmp_path / "d"), "--s3-root", str(tmp_path / "s"),
         "--port", "0"],
        cwd=REPOSITORY, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.startswith(
        f"fakesnow {version('fakesnow')} lacks `def creation_sql(catalog: str)` in fakesnow/macros.py"
    )
    assert "Traceback" not in ended.stderr
