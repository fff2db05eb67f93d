"""Write docs/quality_rules.md, the page of all quality rules, as the migration has them: `python -m deploy.quality_page`.

Rules and thresholds are lists at the head of migrations/R__10_quality_rules.sql.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

import jinja2

from deploy.rendering import ROOT, variables

PAGE = ROOT / "docs" / "quality_rules.md"
_MIGRATION = "R__10_quality_rules.sql"
_HEAD = """\
# Quality rules

Made from `migrations/R__10_quality_rules.sql` by `python -m deploy.quality_page`; a test refuses a page that is not.

A predicate that is TRUE finds the row. *error*: the row is not valid, and counts in no mart; its code stands in
`validation_errors`. *warn*: its code stands in `validation_warnings`, and no number of a mart changes. *flag*: the boolean column
of that name is TRUE; marts leave bots and test users out. NULL counts as FALSE. How rules are changed and asked anew:
[the warehouse](warehouse.md). What they found: `ops.quality_by_day`, `ops.quality_summary`.
"""


def shipped() -> Any:
    """Return the migration's lists: `rules`, by dataset, and `thresholds`."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(ROOT / "migrations"), autoescape=False)  # noqa: S701
    return environment.get_template(_MIGRATION).make_module(variables())


def page() -> str:
    """Return the page that the migration says."""
    found = shipped()
    named = {name for name, *_ in found.thresholds} | {"max_session_hours"}
    lines = [_HEAD]
    for dataset, rules in found.rules.items():
        lines += [f"## {dataset.capitalize()}\n", *_rules(rules, named), ""]
    lines += ["## Thresholds\n", *_thresholds(found.thresholds)]
    return "\n".join(lines) + "\n"


def _rules(rules: list[tuple[str, str, str, str]], named: set[str]) -> Iterator[str]:
    yield "| code | severity | predicate | means | thresholds |"
    yield "|---|---|---|---|---|"
    for code, severity, predicate, description in rules:
        used = ", ".join(f"`{name}`" for name in sorted(named & set(re.findall(r"\w+", predicate))))
        yield f"| `{code}` | {severity} | {_code(predicate)} | {_text(description)} | {used} |"


def _thresholds(thresholds: list[tuple[str, float, str, str]]) -> Iterator[str]:
    yield "`CALL ops.set_threshold('bot_repeats', 300)` gives another value, which deployments leave as it is.\n"
    yield "| name | default | is | source |"
    yield "|---|---|---|---|"
    for name, value, description, source in thresholds:
        yield f"| `{name}` | {value} | {_text(description)} | {_text(source)} |"
    yield (
        "| `max_session_hours` | 24 | Hours that a session can last | The configuration of the ingest job, by the manifests"
        " of the loaded batches (`ops.session_limit`) |"
    )


def _code(sql: str) -> str:
    return f"`{_text(sql)}`"


def _text(words: str) -> str:
    """A bar would end the cell."""
    return words.replace("|", "\\|")


def main() -> int:
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
