"""Rules of dbt_project_evaluator that make sense here, over the manifest. The package itself comes from dbt's hub.

See: https://dbt-labs.github.io/dbt-project-evaluator/latest/rules/
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from dbt.cli.main import dbtRunner

from tests.dbt_environment import PROJECT, parsed_project

_PREFIXES = {"staging": "stg_", "intermediate": "int_", "marts": "mart_", "semantic": "metricflow_"}
_LAYERS = ("staging", "intermediate", "marts", "semantic")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The parsed project; no warehouse is asked."""
    login = {"SNOWFLAKE_ACCOUNT": "a", "SNOWFLAKE_USER": "u", "SNOWFLAKE_PASSWORD": "p", "DBT_TARGET": "password"}
    parsed: dict[str, Any] = parsed_project(login, tmp_path_factory.mktemp("parse")).to_dict()
    return parsed


def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


def layer(node: dict[str, Any]) -> str:
    return Path(node["original_file_path"]).parts[1]


def parents(manifest: dict[str, Any], node: dict[str, Any]) -> list[dict[str, Any]]:
    both = manifest["nodes"] | manifest["sources"]
    return [both[name] for name in node["depends_on"]["nodes"]]


def test_names_say_the_layer_and_no_layer_reads_a_later_one(manifest: dict[str, Any]) -> None:
    for name, node in models(manifest).items():
        assert name.startswith(_PREFIXES[layer(node)]), name
        for parent in parents(manifest, node):
            if parent["resource_type"] == "model":
                assert _LAYERS.index(layer(parent)) <= _LAYERS.index(layer(node)), (name, parent["name"])


def test_only_staging_reads_the_data_of_sources_and_each_model_one(manifest: dict[str, Any]) -> None:
    for name, node in models(manifest).items():
        read = {
            p["name"] for p in parents(manifest, node) if p["resource_type"] == "source" and p["source_name"] != "ops"
        }
        assert len(read) == (layer(node) == "staging"), (name, read)


def test_nothing_is_an_orphan(manifest: dict[str, Any]) -> None:
    used = {
        name
        for group in ("nodes", "exposures", "semantic_models")
        for node in manifest[group].values()
        if node["resource_type"] in ("model", "exposure", "semantic_model")
        for name in node["depends_on"]["nodes"]
    }
    unused = {
        n["name"] for n in models(manifest).values() if n["unique_id"] not in used and "time_spine" not in n["name"]
    }
    assert not unused
    read = {name for node in manifest["nodes"].values() for name in node["depends_on"]["nodes"]}
    data = {name: node["name"] for name, node in manifest["sources"].items() if node["source_name"] == "staging"}
    assert data.keys() <= read, data


def test_every_model_has_a_key_under_test(manifest: dict[str, Any]) -> None:
    tested = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") in ("unique", "unique_combination")
    }
    assert not {n["name"] for n in models(manifest).values() if n["unique_id"] not in tested}


def test_what_others_may_read_has_a_contract_and_an_owner(manifest: dict[str, Any]) -> None:
    for name, node in models(manifest).items():
        assert node["group"] == "warehouse"
        if node["access"] == "public" and layer(node) == "marts":
            assert node["contract"]["enforced"], name
    for exposure in manifest["exposures"].values():
        assert exposure["url"].startswith("https://")
        assert exposure["owner"]["email"]
        assert all(manifest["nodes"][name]["access"] == "public" for name in exposure["depends_on"]["nodes"])


def test_models_name_no_table_directly(manifest: dict[str, Any]) -> None:
    for name, node in models(manifest).items():
        found = re.findall(r"\b(?:FROM|JOIN)\s+(?:raw|staging|ops|marts|recon)\.\w+", node["raw_code"], re.IGNORECASE)
        assert not found, name


def test_users_do_not_add_up_over_dates(manifest: dict[str, Any]) -> None:
    (model,) = manifest["semantic_models"].values()
    limited = {m["name"] for m in model["measures"] if m["non_additive_dimension"]}
    assert limited == {"unique_users", "buyers"}
    assert {metric["name"] for metric in manifest["metrics"].values()} >= {m["name"] for m in model["measures"]}


def test_the_hourly_run_leaves_out_unit_tests_and_tests_of_the_whole_history(manifest: dict[str, Any]) -> None:
    whole = [n for n in manifest["nodes"].values() if n["resource_type"] == "test" and "whole_history" in n["tags"]]
    assert {n["name"] for n in whole} >= {"test_daily_metrics_completeness", "test_order_lines_totals"}
    assert not [n["name"] for n in whole if Path(n["original_file_path"]).parts[:2] == ("models", "marts")]
    (definition,) = (value for name, value in manifest["selectors"].items() if name == "hourly")
    assert "whole_history" in str(definition)
    assert "unit" in str(definition)


def test_unit_tests_state_the_variables_that_results_hang_on(manifest: dict[str, Any]) -> None:
    """A user who turns on `include_bots` must not have a build stopped by an example that leaves bots out."""
    stated = {"include_bots", "include_test_users", "view_idle_minutes", "cancelled_statuses", "clv_active_days"}
    lacking = {
        name
        for name, test in manifest["unit_tests"].items()
        if not stated <= (test["overrides"] or {}).get("vars", {}).keys()
    }
    assert manifest["unit_tests"]
    assert lacking == set()


def test_the_target_dev_refuses_the_database_of_production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCOUNT": "a", "USER": "u", "PASSWORD": "p"}.items():
        monkeypatch.setenv(f"SNOWFLAKE_{name}", value)
    monkeypatch.setenv("DBT_TARGET", "dev")
    paths = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(tmp_path)]
    for name in ("ecommerce_dw", '"ECOMMERCE_DW"'):
        monkeypatch.setenv("SNOWFLAKE_DEV_DATABASE", name)
        refused = dbtRunner().invoke(["--quiet", "parse", "--no-partial-parse", "--log-path", str(tmp_path), *paths])
        assert not refused.success
        assert "which is production's" in str(refused.exception)
    monkeypatch.setenv("SNOWFLAKE_DEV_DATABASE", "DEV_OF_MINE")
    assert dbtRunner().invoke(["--quiet", "parse", "--no-partial-parse", "--log-path", str(tmp_path), *paths]).success
