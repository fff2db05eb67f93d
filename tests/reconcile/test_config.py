"""Configuration: the file, the environment over it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconcile.config import ReconcileConfig, load_config, redact
from reconcile.errors import ConfigError

FILE = """
[reconcile]
clickhouse_url = "chdb://state/clickhouse"
landing = "state/landing"
read_timeout_seconds = 7

[something_else]
key = 1
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "project" / "pipeline.toml"
    path.parent.mkdir()
    path.write_text(FILE)
    return path


def test_paths_of_the_file_are_relative_to_the_file(file: Path) -> None:
    found = load_config({}, file)
    assert found.chdb_path == file.parent / "state" / "clickhouse"
    assert found.landing == str(file.parent / "state" / "landing")
    assert found.read_timeout_seconds == 7


def test_the_environment_wins_and_names_the_file(file: Path) -> None:
    environment = {
        "RECONCILE_CONFIG": str(file),
        "RECONCILE_CLICKHOUSE_URL": "https://reader:secret@clickhouse.example:8443/shop",
        "RECONCILE_LANDING": "s3://ecommerce-landing",
        "RECONCILE_CONNECT_TIMEOUT_SECONDS": "3",
        "RECONCILE_S3_REGION": "",
        "OTHER": "x",
    }
    found = load_config(environment)
    assert found == ReconcileConfig(
        clickhouse_url="https://reader:secret@clickhouse.example:8443/shop",
        landing="s3://ecommerce-landing",
        connect_timeout_seconds=3,
        read_timeout_seconds=7,
    )
    assert found.chdb_path is None


def test_the_projects_own_file_is_understood() -> None:
    found = load_config({}, Path(__file__).parents[2] / "pipeline.toml")
    assert found.chdb_path is not None


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            {"RECONCILE_CLICKHOSE_URL": "x"},
            r"unknown key 'clickhose_url' in the environment \(RECONCILE_CLICKHOSE_URL\)",
        ),
        ({"RECONCILE_CLICKHOUSE_URL": "mysql://u:secret@h"}, r"clickhouse_url 'mysql://u:\*\*\*@h' must begin with"),
        (
            {"RECONCILE_CLICKHOUSE_URL": "http://u:sec/ret#pw@h:1/db"},
            r"'http://u:\*\*\*@h:1/db' has a port that is no number",
        ),
        ({"RECONCILE_CLICKHOUSE_URL": "http://h:port/db"}, "'http://h:port/db' has a port that is no number"),
        ({"RECONCILE_SPEED_TABLE": "a; DROP TABLE b"}, "speed_table 'a; DROP TABLE b' must be a plain name"),
        ({"RECONCILE_CONNECT_TIMEOUT_SECONDS": "soon"}, "must be a whole number, not 'soon'"),
        ({"RECONCILE_CONNECT_TIMEOUT_SECONDS": "0"}, "must be a positive number of seconds"),
        ({"RECONCILE_CONFIG": "absent.toml"}, "cannot read the configuration file absent.toml: No such file"),
    ],
)
def test_refused_in_the_environment(file: Path, environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config({"RECONCILE_CONFIG": str(file), **environment})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[reconcile]\nclickhouse = 1", "unknown key 'clickhouse'"),
        ("[reconcile]\nlanding = 1", r"landing in .* must be a text \(in quotes\), not 1"),
        ("[reconcile]\nclickhouse_password = 4711", r"clickhouse_password in .* must be a text \(in quotes\)$"),
        ("[reconcile]\nread_timeout_seconds = 1.5", "must be a whole number, not 1.5"),
        ("[reconcile]\nread_timeout_seconds = true", "must be a whole number, not True"),
        ("reconcile = 1", "must be a table"),
        ("[reconcile]\ncolumns = 1", 'columns in .* must be a table: our column = "an expression of ClickHouse"'),
        ("[reconcile.columns]\nuser_tier = 1", "column user_tier in .* must be an expression of ClickHouse"),
        (
            "[reconcile]\nspeed_select = 'absent.sql'",
            "cannot read the file .*project/absent.sql of speed_select: No such",
        ),
        ("[reconcile]\nclickhouse_url = 'http://h'\nlanding = 'x'\nattempts = 0", "attempts must be at least 1"),
        ("[reconcile", "is not valid TOML"),
        ("[reconcile]\nlanding = 'x'", r"missing configuration: clickhouse_url \(RECONCILE_CLICKHOUSE_URL\)"),
    ],
)
def test_refused_in_the_file(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config({}, file)


def test_a_mapping_is_in_the_file(file: Path) -> None:
    select = file.with_name("sessions.sql")
    select.write_text("SELECT * FROM sessions;\n")
    more = 'speed_select = "sessions.sql"\n[reconcile.columns]\nsession_id = "sid"\n'
    file.write_text(FILE.replace("[something_else]", f"{more}[something_else]"))
    found = load_config({}, file)
    assert (found.speed_select, found.columns) == ("SELECT * FROM sessions", {"session_id": "sid"})
    select.write_text(" ; ")
    with pytest.raises(ConfigError, match="is empty"):
        load_config({}, file)


@pytest.mark.parametrize("url", ["http://h/db;password=secret", "http://h/db#pwd=secret", "http://u:x[secret@h:1/db"])
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match="clickhouse_url 'http") as refused:
        ReconcileConfig(url, "/landing")
    assert "secret" not in str(refused.value).replace("has a secret where", "")


def test_an_empty_landing_is_refused() -> None:
    with pytest.raises(ConfigError, match="landing must be a folder or an s3:// URL"):
        ReconcileConfig("http://h/db", "")


def test_passwords_stay_out_of_what_is_shown() -> None:
    config = ReconcileConfig("http://h/db", "/landing", clickhouse_user="u", clickhouse_password="secret")
    assert "secret" not in repr(config)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h/db", "http://h/db"),
        ("http://u:secret@h:8123/db?x=1", "http://u:***@h:8123/db?x=1"),
        ("http://u:s/e?c@ret@h:8123/db", "http://u:***@h:8123/db"),
        ("jdbc:clickhouse://u:secret@h/db", "jdbc:clickhouse://u:***@h/db"),
        ("u:secret@h:8123", "u:***@h:8123"),
        ("http://h/db?user=u&password=secret&x=1", "http://h/db?user=u&password=***&x=1"),
        ("jdbc:ch:https://h/db?Access_Token=secret#part", "jdbc:ch:https://h/db?Access_Token=***"),
        ("http://h/db?password=se#cret&x=1", "http://h/db?password=***&x=1"),
        ("http://h/db?x=1;p%61ssword%3Dsecret", "http://h/db?x=1;p%61ssword%3D***"),
        ("http://u%3Asecret@h/db", "http://u:***@h/db"),
    ],
)
def test_no_url_shows_a_password(url: str, shown: str) -> None:
    assert redact(url) == shown
    if not url.startswith(("http:", "https:")):
        with pytest.raises(ConfigError) as refused:
            ReconcileConfig(url, "/landing")
        assert "secret" not in str(refused.value)
