"""The schemas, tables and the view that dbt reads and writes, as the migrations make them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

from snowflake.connector.util_text import split_statements

_MIGRATIONS = Path(__file__).parents[2] / "migrations"
_NEEDED = re.compile(
    r"(CREATE (SCHEMA|TABLE) IF NOT EXISTS (staging|ops|marts)|ALTER TABLE (marts|ops\.model_builds)|"
    r"INSERT INTO ops\.model_builds|CREATE OR REPLACE VIEW ops\.(session_limit|rules_in_force|rules_applied))\b",
    re.IGNORECASE,
)


def migration_statements() -> Iterator[str]:
    """What the migrations say of them."""
    for version in (
        "V1.0.0",
        "V1.2.0",
        "V1.3.0",
        "V1.4.0",
        "V1.11.0",
        "V1.12.0",
        "V1.14.0",
        "V1.17.0",
        "V1.20.0",
        "R__31",
    ):
        (script,) = _MIGRATIONS.glob(f"{version}_*.sql")
        for statement, _ in split_statements(io.StringIO(script.read_text()), remove_comments=True):
            if _NEEDED.match(statement.strip()):
                yield statement
