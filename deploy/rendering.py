"""Render the migrations as schemachange sends them: `python -m deploy.rendering FOLDER` writes them there.

Variables are those of schemachange-config.yml in this environment (SNOWFLAKE_DATABASE, SNOWFLAKE_ROLE).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import jinja2
import yaml
from schemachange.JinjaTemplateProcessor import JinjaTemplateProcessor

ROOT = Path(__file__).parents[1]


def variables(**environment: str) -> dict[str, Any]:
    """Return the variables of schemachange-config.yml in an environment of these variables."""
    text = (ROOT / "schemachange-config.yml").read_text(encoding="utf-8")
    known = jinja2.Environment(autoescape=False)  # noqa: S701, YAML
    rendered = known.from_string(text).render(env_var=lambda name, default="": environment.get(name, default))
    found: dict[str, Any] = yaml.safe_load(rendered)["vars"]
    return found


def render(script: str, given: dict[str, Any], root: Path = ROOT) -> str:
    """Return one migration as schemachange sends it."""
    processor = JinjaTemplateProcessor(project_root=root / "migrations", modules_folder=root)
    return str(processor.render(script, given))


def main() -> int:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    known = variables(**os.environ)
    scripts = sorted(path.name for path in (ROOT / "migrations").glob("*.sql"))
    for script in scripts:
        (folder / script).write_text(render(script, known) + "\n", encoding="utf-8")
    print(f"{len(scripts)} scripts rendered into {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
