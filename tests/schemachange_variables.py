"""The deployment's variables as schemachange reads them from its configuration, and a migration as it renders it with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import yaml
from schemachange.JinjaTemplateProcessor import JinjaTemplateProcessor

ROOT = Path(__file__).parents[1]


def variables(**environment: str) -> dict[str, Any]:
    """The variables of schemachange-config.yml in an environment of these variables."""
    text = (ROOT / "schemachange-config.yml").read_text(encoding="utf-8")
    known = jinja2.Environment(autoescape=False)  # noqa: S701, YAML
    rendered = known.from_string(text).render(env_var=lambda name, default="": environment.get(name, default))
    found: dict[str, Any] = yaml.safe_load(rendered)["vars"]
    return found


def render(script: str, given: dict[str, Any]) -> str:
    """One migration as schemachange sends it."""
    processor = JinjaTemplateProcessor(project_root=ROOT / "migrations", modules_folder=ROOT)
    return str(processor.render(script, given))
