"""The same extraction over ClickHouse's HTTP interface, and what a server's refusals become."""

from __future__ import annotations

import base64
import re
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pytest

from reconcile.errors import ConfigError, SpeedLayerUnreachable
from reconcile.speed.connection import open_speed_layer
from reconcile.speed.extraction import Extraction, Failure, extract_day, extract_days
from reconcile.speed.landing import Landing
from tests.conftest import free_port
from tests.reconcile.speed.tables import COLUMNS, TABLE, config, ddl, run, served

pytestmark = pytest.mark.clickhouse

DAY = date(2024, 1, 15)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speed")
    rows = (
        f"INSERT INTO {TABLE} SELECT generateUUIDv4(), NULL, if(number % 3 = 0, NULL, 'gold'),"
        " toDateTime64('2024-01-15 00:00:00', 6, 'UTC') + number, toDateTime64('2024-01-15 00:00:00', 6, 'UTC') + number,"
        " number % 7, 0, 0, 0, 1, toDecimal64(number, 2) / 100 FROM numbers(5000)"
    )
    run(folder, ddl(COLUMNS), rows)
    return folder


def extract(url: str, landing: Path, **changes: object) -> Extraction:
    settings = config(Path(), landing, clickhouse_url=url, **changes)
    with open_speed_layer(settings) as speed_layer:
        return extract_day(speed_layer, Landing(settings), DAY)


def test_a_server_and_the_embedded_engine_give_the_same_extraction(engine: Path, tmp_path: Path) -> None:
    embedded = extract(f"chdb://{engine}", tmp_path)
    with served(engine) as server:
        found = extract(f"http://127.0.0.1:{server.server_port}", tmp_path)
    assert (embedded.outcome, found.outcome) == ("published", "unchanged")
    assert (found.rows, found.money) == (5000, "124975.00")


def test_user_and_password_from_the_url_or_the_settings(engine: Path, tmp_path: Path) -> None:
    password = "p@ss:/w"
    with served(engine) as server:
        server.authorization = "Basic " + base64.b64encode(f"reader:{password}".encode()).decode()
        host = f"127.0.0.1:{server.server_port}"
        assert extract(f"http://reader:{quote(password, safe='')}@{host}", tmp_path).rows == 5000
        by_settings = extract(f"http://{host}", tmp_path, clickhouse_user="reader", clickhouse_password=password)
        assert by_settings.rows == 5000
        assert extract(f"http://{host}/?user=reader&password={quote(password, safe='')}", tmp_path).rows == 5000
        with pytest.raises(
            ConfigError, match=r"password=\*\*\*&speed=9' has a parameter that its client does not know"
        ):
            extract(f"http://{host}/?user=reader&password=secret&speed=9", tmp_path)
        for server.names_its_errors in (True, False):
            with pytest.raises(SpeedLayerUnreachable, match="denies access") as error:
                extract(f"http://reader:wrong-secret@{host}", tmp_path)
            assert "wrong-secret" not in str(error.value)


def test_what_did_not_change_is_not_read_again(engine: Path, tmp_path: Path) -> None:
    """One SELECT over the days says so; no row travels."""
    with served(engine) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        extract(url, tmp_path)
        assert [sql for sql in server.statements if "Arrow" in sql] != []
        server.statements.clear()
        assert extract(url, tmp_path).outcome == "unchanged"
        assert [sql for sql in server.statements if "Arrow" in sql] == []


@pytest.mark.parametrize("trouble", ["cut", "busy", "stall"])
def test_half_an_answer_none_and_a_refusal_publish_nothing_and_pass(engine: Path, tmp_path: Path, trouble: str) -> None:
    """Each is one sentence when tried once; where it is tried again, it succeeds."""
    words = {"cut": "broke off", "busy": "cannot reach .*503", "stall": "timed out"}
    with served(engine) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        for attempts in (1,) if trouble == "stall" else (1, 2):
            settings = config(
                Path(), tmp_path, clickhouse_url=url, read_timeout_seconds=4, attempts=attempts, retry_pause_seconds=0
            )
            with open_speed_layer(settings) as speed_layer:
                states = {state.day: state for state in speed_layer.days()}
                server.troubles.append(trouble)
                (one,) = extract_days(speed_layer, Landing(settings), [DAY], states)
            if attempts == 1:
                assert isinstance(one, Failure)
                assert re.search(words[trouble], str(one.error))
                assert "\n" not in str(one.error)
                assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    if trouble != "stall":
        assert isinstance(one, Extraction)
        assert one.rows == 5000


def test_a_range_resumes_where_the_server_went_away(engine: Path, tmp_path: Path) -> None:
    """A day that is refused stops no other; once nothing answers, the range ends. What was published stays."""
    with served(engine) as server:
        settings = config(Path(), tmp_path, clickhouse_url=f"http://127.0.0.1:{server.server_port}")
        days = [date(2024, 1, day) for day in (14, 15, 16)]
        with open_speed_layer(settings) as speed_layer:
            states = {state.day: state for state in speed_layer.days()}
            going = extract_days(speed_layer, Landing(settings), days, states)
            server.troubles.append("busy")
            assert isinstance(next(going), Failure)
            assert isinstance(next(going), Extraction)
            server.troubles += ["busy", "busy"]
            with pytest.raises(SpeedLayerUnreachable):
                next(going)
        with open_speed_layer(settings) as speed_layer:
            states = {state.day: state for state in speed_layer.days()}
            again = list(extract_days(speed_layer, Landing(settings), days, states))
    assert [one.outcome for one in again if isinstance(one, Extraction)] == ["published", "unchanged", "published"]


def test_nobody_listens(tmp_path: Path) -> None:
    url = f"http://reader:secret@127.0.0.1:{free_port()}/shop"
    with pytest.raises(SpeedLayerUnreachable, match=r"cannot reach the speed layer at http://reader:\*\*\*@.*refused"):
        extract(url, tmp_path)


def test_an_unknown_database(engine: Path, tmp_path: Path) -> None:
    with served(engine) as server, pytest.raises(SpeedLayerUnreachable, match="no such database"):
        extract(f"http://127.0.0.1:{server.server_port}", tmp_path, speed_table="nowhere.sessions")
