"""The project's files agree with each other and with the migrations; nothing here needs a warehouse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dbt.warehouse import MARTS, PROJECT, REPOSITORY

MODELS = sorted((PROJECT / "models").rglob("*.sql"))


def described(model: Path) -> dict[str, Any]:
    """The model's entry in the YAML file beside it."""
    (entry,) = yaml.safe_load(model.with_suffix(".yml").read_text())["models"]
    assert isinstance(entry, dict)
    return entry


def migration_columns(table: str) -> list[tuple[str, str]]:
    """(column, type) of a table in MARTS as the migration declares it; types without spaces, STRING as VARCHAR."""
    (script,) = (REPOSITORY / "migrations").glob("V1.4.0__*.sql")
    match = re.search(rf"marts\.{table} \((.*?)\n\)", script.read_text(), re.DOTALL)
    assert match is not None
    lines = [line.strip().rstrip(",") for line in match[1].strip().splitlines()]
    pairs = [line.split(" ", 1) for line in lines]
    return [(name, kind.replace(" ", "").replace("STRING", "VARCHAR")) for name, kind in pairs]


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_every_model_and_column_is_described(model: Path) -> None:
    entry = described(model)
    assert entry["name"] == model.stem
    assert entry["description"]
    assert all(column.get("description") for column in entry["columns"])
    if not model.stem.startswith("stg_"):
        assert "unit_tests" in yaml.safe_load(model.with_suffix(".yml").read_text())


@pytest.mark.parametrize("table", MARTS)
def test_a_marts_contract_is_the_migrations_table(table: str) -> None:
    model = PROJECT / "models" / "marts" / f"mart_{table}.sql"
    entry = described(model)
    assert entry["config"]["contract"]["enforced"] is True
    contract = [(c["name"], c["data_type"].upper().replace(" ", "")) for c in entry["columns"]]
    assert contract == migration_columns(table)
    assert f"alias='{table}'" in model.read_text()


def test_the_tree_holds_what_the_requirement_names() -> None:
    assert {model.stem for model in MODELS} == {
        "stg_events_cleaned",
        "stg_user_sessions_enhanced",
        "stg_transactions_validated",
        "int_user_behavior_metrics",
        "int_conversion_funnels",
        "int_product_analytics",
        "mart_daily_metrics",
        "mart_user_tier_analytics",
        "mart_product_performance",
    }
    assert (PROJECT / "tests" / "singular" / "test_daily_metrics_completeness.sql").is_file()
    assert (PROJECT / "macros" / "data_quality" / "test_business_rules.sql").is_file()
    assert (PROJECT / "macros" / "business_logic" / "calculate_customer_lifetime_value.sql").is_file()


def test_nothing_secret_and_nothing_of_one_machine_in_the_profile() -> None:
    profile = (PROJECT / "profiles.yml").read_text()
    for output in yaml.safe_load(profile)["ecommerce_dw"]["outputs"].values():
        for setting in ("account", "user", "password", "private_key_path", "host"):
            assert "env_var('SNOWFLAKE_" in output.get(setting, "env_var('SNOWFLAKE_")
    assert "local" not in profile.replace("127.0.0.1", "local")
