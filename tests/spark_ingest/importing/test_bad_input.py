"""What real lakes hold: the run goes on with the row kept and counted, or stops with one sentence naming the file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal, localcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from spark_ingest.cli import main
from spark_ingest.errors import LakeError, LandingError
from spark_ingest.lake.tables import USER_EVENTS
from spark_ingest.spark.failures import SPARK_ERRORS, sentence
from tests.spark_ingest.checks import check, check_sessions
from tests.spark_ingest.conftest import Lake
from tests.spark_ingest.independent import final_sessions, manifests
from tests.spark_ingest.rows import event, frame, named, purchase

pytestmark = pytest.mark.spark

_LARGEST = "999999999999999999"  # 18 digits before the point, the room of decimal(20,2)
# Texts of $.amount, and the money they are; None: no number, so no money.
AMOUNTS = {
    '"free"': None,
    "-5.25": Decimal("-5.25"),
    "NaN": None,
    '"NaN"': None,
    "1e400": None,
    '"1,5"': None,
    "1e2": Decimal(100),
    '"12.345"': Decimal("12.35"),
    "null": None,
    '{"a": 1}': None,
    '" 7"': None,
    '"+7"': None,
    '".7"': None,
    _LARGEST: Decimal(_LARGEST),
    f"{_LARGEST}9": None,
    "1234567890123456.78": Decimal("1234567890123456.78"),  # more digits than a double keeps
    '"1e-999999999"': None,
    "1e-300": Decimal(0),
}
TIME = "2024-01-15 10:00:00"


def test_amounts(lake: Lake, tmp_path: Path) -> None:
    lake.append([purchase(str(n), f"session {n}", TIME, amount) for n, amount in enumerate(AMOUNTS)])
    manifest = lake.run().manifest
    assert manifest is not None
    sessions = final_sessions(Path(lake.config.landing))
    found = {amount: sessions[named(f"session session {number}")][11] for number, amount in enumerate(AMOUNTS)}
    assert found == {amount: value or Decimal("0.00") for amount, value in AMOUNTS.items()}
    unparsable = sum(value is None for value in AMOUNTS.values())
    assert manifest["findings"] == {"negative_amounts": 1, "unparsable_amounts": unparsable}
    with localcontext(prec=60):  # Python's own precision would round the sum, and hide that the job's was
        money = sum((value or Decimal(0) for value in AMOUNTS.values()), Decimal(0))
    assert manifest["datasets"]["user_sessions"]["control"]["money"] == f"{money:.2f}"
    check(lake, tmp_path)


def test_texts_keys_and_times(lake: Lake, tmp_path: Path) -> None:
    long = "é" * 500_000  # a megabyte
    rows = [
        event("broken", "texts", TIME, properties="{broken"),
        event("long", "texts", TIME, page_url=long, browser=long, properties=long),
        event("strange", "texts", TIME, browser="\x00\x07\n\t😀", search_query="\u202e", user_id="😀"),
        event("kind", "texts", TIME, "teleport", user_tier="diamond"),
        event("first", "year 1", "0001-01-02 00:00:00"),
        event("last", "year 9999", "9999-12-30 23:59:59.999999"),
        event("future", "future", "2999-01-01 00:00:00"),
        event("no id", "keys", TIME) | {"event_id": None},
        event("no session", None, TIME),
        event("no kind", "keys", TIME, None),
        event("no text", "keys", TIME, device_type=None, browser=None, ip_address=None, user_tier=None, user_id=None),
    ]
    upper, bare = named("session forms").upper(), named("session forms").replace("-", "")
    for number, form in enumerate((upper, f"{{{upper}}}", bare, f"urn:uuid:{upper}", bare.upper())):
        rows.append(event(f"form {number}", "forms", f"2024-01-15 11:00:0{number}") | {"session_id": form})
    rows.append(event("no uuid", "x", TIME) | {"session_id": "session-7"})
    lake.append(rows)
    manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["datasets"]["user_events"]["rows"] == len(rows)
    assert manifest["findings"] == {
        "events_in_the_future": 2,
        "events_without_id": 1,
        "events_without_session": 1,
        "unknown_event_types": 1,
        "unknown_tiers": 1,
    }
    sessions = final_sessions(Path(lake.config.landing))
    assert sessions[named("session forms")][17] == 5
    assert sessions["session-7"][17] == 1
    assert {"0001-01-02", "2999-01-01", "9999-12-30"} < set(manifest["affected_dates"])
    check(lake, tmp_path)
    # A session beside each end of time takes another event.
    lake.append([event("again", "year 9999", "9999-12-30 23:59:59"), event("before", "year 1", "0001-01-01 23:59:59")])
    lake.run()
    check(lake, tmp_path)


def test_empty_identifiers_are_none(lake: Lake, tmp_path: Path) -> None:
    """Not one event that came often, nor one session of everybody."""
    for hour in (10, 11):
        lake.append(
            [
                event(f"{hour} {n}", "a", f"2024-01-15 {hour}:00:0{n}") | {"event_id": "", "user_id": ""}
                for n in range(3)
            ]
            + [
                event(f"{hour} loose", None, TIME) | {"session_id": ""},
                event(f"{hour}", f"b {hour}", TIME) | {"event_id": ""},
            ]
        )
        manifest = lake.run().manifest
        assert manifest is not None
        assert manifest["findings"] == {"events_without_session": 1, "events_without_id": 4}
    sessions = final_sessions(Path(lake.config.landing))
    counts = {key: (row[1], row[17]) for key, row in sessions.items()}
    users = [named(f"user of b {hour}") for hour in (10, 11)]
    assert counts == {
        named("session a"): (None, 6),
        named("session b 10"): (users[0], 1),
        named("session b 11"): (users[1], 1),
    }
    check_sessions(lake, tmp_path)


def test_rows_without_a_time_are_kept(lake: Lake) -> None:
    lake.append([event("timeless", "a", None), event("1", "a", TIME)])
    manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["datasets"]["user_events"]["rows"] == 2
    assert manifest["findings"]["events_without_time"] == 1
    assert final_sessions(Path(lake.config.landing))[named("session a")][17] == 1


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "gone"])
def test_a_damaged_data_file_is_named(lake: Lake, damage: str) -> None:
    lake.append([event(str(n), "a", TIME) for n in range(50)])
    (path,) = (Path(lake.config.warehouse) / lake.config.namespace / "user_events" / "data").rglob("*.parquet")
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "truncated" else b"x" * len(content))
    path.with_name(f".{path.name}.crc").unlink(missing_ok=True)
    with pytest.raises(SPARK_ERRORS) as raised:
        lake.run()
    told = sentence(raised.value)  # what the command line prints, with exit code 4
    assert path.name in told
    assert len(told.splitlines()) == 1
    assert manifests(Path(lake.config.landing)) == []


@pytest.mark.parametrize("damaged", ["v*.metadata.json", "snap-*.avro"])
def test_damaged_metadata_is_one_sentence(lake: Lake, damaged: str) -> None:
    lake.append([event("1", "a", TIME)])
    folder = Path(lake.config.warehouse) / lake.config.namespace / "user_events" / "metadata"
    for path in folder.glob(damaged):
        path.write_bytes(b"{ damaged")
        path.with_name(f".{path.name}.crc").unlink(missing_ok=True)
    with pytest.raises(LakeError, match="user_events") as raised:
        lake.run()
    assert len(str(raised.value).splitlines()) == 1


def test_a_time_beyond_the_year_9999_is_named(lake: Lake) -> None:
    far = frame(lake.spark, USER_EVENTS, [event("1", "a", TIME)])
    far = far.withColumn("timestamp", F.timestamp_micros(F.lit(253_402_300_800_000_000)))
    far.writeTo(lake.name(USER_EVENTS)).append()
    with pytest.raises(LakeError, match="column 'timestamp' has a time outside the years 1 to 9999"):
        lake.run()


def test_a_landing_that_cannot_be_written_is_named(lake: Lake) -> None:
    lake.append([event("1", "a", TIME)])
    landing = Path(lake.config.landing)
    landing.mkdir(exist_ok=True)
    (landing / "user_sessions").write_text("a file where a folder belongs")
    with pytest.raises(LandingError, match="user_sessions") as raised:
        lake.run()
    assert len(str(raised.value).splitlines()) == 1
    assert manifests(landing) == []


class _Denied(BaseHTTPRequestHandler):
    """A store that lets nobody in."""

    def _answer(self) -> None:
        text = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", "0" if self.command == "HEAD" else str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_PUT = do_POST = _answer

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def denied() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Denied)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("place", "code"), [("WAREHOUSE", 4), ("LANDING", 5)])
def test_a_bucket_that_denies_access(
    denied: str,
    place: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    for name in ("WAREHOUSE", "LANDING"):
        monkeypatch.setenv(f"SPARK_INGEST_{name}", str(tmp_path / name))
    monkeypatch.setenv(f"SPARK_INGEST_{place}", "s3://private-bucket")
    monkeypatch.setenv("SPARK_INGEST_S3_ENDPOINT", denied)
    monkeypatch.setenv("SPARK_INGEST_S3_REGION", "us-east-1")
    if place == "WAREHOUSE":
        monkeypatch.setenv("SPARK_INGEST_CATALOG_TYPE", "glue")
        monkeypatch.setenv("SPARK_INGEST_CATALOG_URI", denied)
    monkeypatch.setenv("SPARK_INGEST_LOG", str(tmp_path / "log.jsonl"))
    assert main(["run"]) == code
    told = capsys.readouterr().err.strip()
    assert len(told.splitlines()) == 1
    assert ("s3://private-bucket" if place == "LANDING" else "table ecommerce.user_events cannot be read") in told
    assert "AccessDenied" in told or "403" in told
