"""The project's files agree with each other and with the migrations; nothing here needs a warehouse."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
import yaml

from snowpark_procs.identifiers import compared
from tests.conftest import REPOSITORY
from tests.dbt.warehouse import MARTS
from tests.dbt_environment import PROJECT

MODELS = sorted((PROJECT / "models").rglob("*.sql"))
# Columns of a text, a document, a truth or a UTC date, and the time of the build: what else there is has a unit.
_NO_MEASURE = {
    "user_tier",
    "line_kind",
    "status",
    "id",
    "kind",
    "event_type",
    "device_type",
    "browser",
    "ip_address",
    "page_url",
    "search_query",
    "payment_method",
    "properties_parsed",
    "validation_errors",
    "validation_warnings",
    "converted_to_purchase",
    "date",
    "date_day",
    "first_date",
    "last_date",
    "created_at",
}


def described(model: Path) -> dict[str, Any]:
    """The model's entry in the YAML file beside it."""
    (entry,) = yaml.safe_load(model.with_suffix(".yml").read_text())["models"]
    assert isinstance(entry, dict)
    return entry


def migration_columns(schema: str, table: str) -> list[tuple[str, str]]:
    """(column, type) of a table as the migrations declare and extend it; types without spaces, STRING as VARCHAR."""
    found: list[tuple[str, str]] = []
    for script in ("V1.4.0", "V1.11.0"):
        (path,) = (REPOSITORY / "migrations").glob(f"{script}__*.sql")
        text = path.read_text()
        for pattern in (
            rf"CREATE TABLE IF NOT EXISTS {schema}\.{table} \((.*?)\n\)",
            rf"ALTER TABLE {schema}\.{table} ADD COLUMN IF NOT EXISTS\n(.*?);",
        ):
            for match in re.finditer(pattern, text, re.DOTALL):
                lines = [line.strip().rstrip(",") for line in match[1].strip().splitlines()]
                found += [(name, kind) for name, kind in (line.split(" ", 1) for line in lines)]
    return [(name, kind.replace(" ", "").replace("STRING", "VARCHAR")) for name, kind in found]


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_every_model_and_column_is_described(model: Path) -> None:
    entry = described(model)
    assert entry["name"] == model.stem
    assert entry["description"]
    assert all(column.get("description") for column in entry["columns"])
    measured = {column["name"] for column in entry["columns"]} - _NO_MEASURE
    lacking = {
        column["name"] for column in entry["columns"] if not column.get("config", {}).get("meta", {}).get("unit")
    }
    assert not {name for name in measured & lacking if not name.endswith("_id") and not name.startswith("is_")}
    if model.stem.startswith(("int_", "mart_")):
        assert "unit_tests" in yaml.safe_load(model.with_suffix(".yml").read_text())


@pytest.mark.parametrize(
    ("folder", "model", "schema", "table"),
    [("marts", f"mart_{table}", "marts", table) for table in MARTS]
    + [("intermediate", name, "staging", name) for name in ("int_order_lines", "int_user_days")],
)
def test_a_contract_is_the_migrations_table(folder: str, model: str, schema: str, table: str) -> None:
    path = PROJECT / "models" / folder / f"{model}.sql"
    entry = described(path)
    assert entry["config"]["contract"]["enforced"] is True
    contract = [(c["name"], c["data_type"].upper().replace(" ", "")) for c in entry["columns"]]
    assert contract == migration_columns(schema, table)
    assert folder == "intermediate" or f"alias='{table}'" in path.read_text()


def test_what_decides_a_number_is_in_its_definition() -> None:
    definition = (PROJECT / "macros" / "incremental" / "definition.sql").read_text()
    for path in (PROJECT / "macros" / "business_logic").glob("*.sql"):
        for macro in re.findall(r"macro (\w+)\(", path.read_text()):
            assert f"'{macro}(': {macro}(" in definition, macro
    for path in (PROJECT / "models").rglob("*.sql"):
        for variable in re.findall(r"var\(\W+(\w+)", path.read_text()):
            assert f"\"var('{variable}')\": var('{variable}')" in definition, variable


def macros(path: str, **names: Any) -> dict[str, Any]:
    """The macros of a file of dbt_project/macros, for which the names stand for dbt's own."""
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)  # noqa: S701, SQL
    template = environment.from_string((PROJECT / "macros" / path).read_text(), names)
    return vars(template.module)


def test_an_identifier_is_compared_as_by_the_procedures() -> None:
    macro = macros("business_logic/compared_identifier.sql")["compared_identifier"]
    assert macro("session_id") == compared("session_id")


@pytest.mark.parametrize(
    ("path", "macro", "arguments", "values"),
    [
        ("is_on.sql", "is_on", ("include_bots",), {"include_bots": "false"}),
        ("business_logic/orders.sql", "cancelled_statuses", (), {"cancelled_statuses": "cancelled"}),
    ],
)
def test_a_variable_of_another_type_is_refused(
    path: str, macro: str, arguments: tuple[str, ...], values: dict[str, Any]
) -> None:
    """A text would be true, or a list of its letters."""

    def refuse(message: str) -> None:
        raise ValueError(message)

    names = {"var": values.get, "return": str, "exceptions": SimpleNamespace(raise_compiler_error=refuse)}
    with pytest.raises(ValueError, match=f"the variable {next(iter(values))} is n"):
        macros(path, **names)[macro](*arguments)


def test_cancelled_statuses_are_told_in_any_case_of_letters() -> None:
    macro = macros("business_logic/orders.sql", var={"cancelled_statuses": ["Failed", "REFUNDED"]}.get)
    assert macro["cancelled_statuses"]().strip() == "'failed', 'refunded'"


def test_the_tree_holds_what_the_requirement_names() -> None:
    assert {model.stem for model in MODELS} == {
        "stg_events_cleaned",
        "stg_user_sessions_enhanced",
        "stg_transactions_validated",
        "int_user_behavior_metrics",
        "int_conversion_funnels",
        "int_product_analytics",
        "int_order_lines",
        "int_orders",
        "int_user_days",
        "mart_daily_metrics",
        "mart_daily_totals",
        "mart_daily_speed_comparable",
        "metricflow_time_spine",
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
