"""With buckets, rows travel in proportion to the differences, and every answer is the same as without."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from snowflake.connector import DictCursor
from snowflake.connector.errors import ProgrammingError

from reconcile.comparison.causes import Cause
from reconcile.speed.buckets import Bucketing, Sums
from reconcile.speed.connection import open_speed_layer
from reconcile.speed.extraction import Extraction, extract_day
from reconcile.speed.identifiers import canonical as clickhouse
from reconcile.speed.landing import Landing
from reconcile.speed.names import buckets_path, manifest_path
from snowpark_procs import identifiers
from snowpark_procs.bucket_sql import hashed_rows
from snowpark_procs.statements import statement
from tests.reconcile.speed import vectors
from tests.reconcile.speed.tables import TABLE, config, ddl, run
from tests.reconcile.speed.test_identifiers import CAPITALS, CASES
from tests.snowpark_procs.batches import BatchOptions, Row, at
from tests.snowpark_procs.conftest import Warehouse
from tests.snowpark_procs.planted import (
    FLAWS,
    Flaw,
    allowed_until,
    brings,
    duplicated_in_another_form,
    explained,
    planted,
    stage,
    visit,
)

pytestmark = pytest.mark.integration

DAY = date(2024, 1, 31)
SESSIONS = 400
# What tells two comparisons of the same apart.
_OWN = ("extraction_id", "extracted_at", "compared_at", "run_id", "inputs_digest", "loaded_at", "file_name")


@pytest.fixture(scope="module")
def speed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("speed")


@pytest.fixture
def bucketed(warehouse: Warehouse) -> Iterator[Warehouse]:
    """A warehouse that unloads the buckets of small days, too."""
    setting = "UPDATE recon.settings SET value = %s WHERE name = 'bucket_min_sessions'"
    warehouse.query(setting, 1)
    yield warehouse
    warehouse.query(setting, 10000)


def fill(speed: Path, rows: list[Row]) -> None:
    texts = dict.fromkeys(("session_id", "user_id", "user_tier"), "Nullable(String)")
    columns = dict.fromkeys(vectors.COLUMNS, "Int64") | texts
    columns |= dict.fromkeys(("session_start", "session_end"), "DateTime64(6, 'UTC')")
    run(speed, ddl({**columns, "total_spent": "Decimal(18, 2)"}), vectors.insert(TABLE, rows))


def extract(speed: Path, warehouse: Warehouse, extracted_at: str = "2024-02-01T01:00:00Z") -> Extraction:
    """Extract the day, and say that it was then."""
    settings = config(speed, warehouse.landing)
    with open_speed_layer(settings) as speed_layer:
        done = extract_day(speed_layer, Landing(settings), DAY)
    if done.outcome == "published":
        written = max((warehouse.landing / "_speed_manifests" / str(DAY)).glob("*.json"))
        document = {**json.loads(written.read_text()), "extracted_at": extracted_at}
        written.unlink()
        moved = warehouse.landing / manifest_path(DAY, datetime.fromisoformat(extracted_at), done.extraction_id)
        moved.write_text(json.dumps(document))
    return done


def set_aside(row: Row) -> Flaw:
    """The speed layer has it, with a count that no snapshot can hold."""
    return [{**row, "page_views": 10**17}], "set_aside_in_speed", brings(row, -1)


def told(warehouse: Warehouse, table: str, *others: str) -> list[tuple[Any, ...]]:
    """What a table says, apart from ids and times of the comparison."""
    with warehouse.connection.cursor(DictCursor) as cursor:
        rows = cursor.execute(f"SELECT * FROM recon.{table}").fetchall()
    left_out = {name.upper() for name in (*_OWN, *others)}
    return sorted((tuple(v for name, v in row.items() if name not in left_out) for row in rows), key=repr)


def test_golden_vectors(warehouse: Warehouse) -> None:
    """The warehouse's numbers are those of Python's MD5; tests/reconcile/speed/test_buckets.py has the same for ClickHouse."""
    columns, marks = ", ".join(vectors.COLUMNS), ", ".join(["%s"] * len(vectors.COLUMNS))
    with warehouse.connection.cursor() as cursor:
        rows = [tuple(row[name] for name in vectors.COLUMNS) for row in vectors.ROWS]
        cursor.executemany(f"INSERT INTO recon.speed_sessions ({columns}) VALUES ({marks})", rows)
    for compared in (vectors.COLUMNS, ("session_id", "user_tier", "total_spent"), ("session_id",)):
        hashed = hashed_rows("SELECT * FROM recon.speed_sessions", Bucketing(compared, 8))
        sums = f"SELECT bucket, COUNT(*), SUM(high), SUM(low) FROM ({hashed}) GROUP BY bucket"
        assert {row[0]: Sums(*row[1:]) for row in warehouse.query(sums)} == vectors.sums(vectors.ROWS, compared, 8)
        total = vectors.sums(vectors.ROWS, compared, 1)[0]
        assert warehouse.one(statement("snapshot_sums", hashed=hashed)) == (total.rows, str(total.high), str(total.low))


def test_an_identifier_has_one_form_on_both_engines(warehouse: Warehouse) -> None:
    """Form is no difference, also of a UUID with blanks around its braces; what engines lower differently is lowered by one."""
    forms = [form for case in CASES for form in (case["value"], f"\t{case['value']} \n")] + CAPITALS
    client = clickhouse_connect.get_client(interface="chdb")
    columns = ", ".join(clickhouse(f"unhex('{form.encode().hex()}')") for form in forms)
    in_speed = client.query(f"SELECT {columns}").result_rows[0]
    client.close()
    named = "FROM (SELECT f.index AS place, f.value::STRING AS id FROM TABLE(FLATTEN(INPUT => PARSE_JSON(%s))) AS f)"
    asked = f"SELECT {identifiers.hashed('id')}, {identifiers.compared('id')} {named} ORDER BY place"
    found = warehouse.query(asked, json.dumps(forms))
    assert [row[0] for row in found] == list(in_speed)
    assert [row[1] for row in warehouse.query(asked, json.dumps(in_speed))] == [row[1] for row in found]
    of_uuids = [form for form in forms for case in CASES if case["is_uuid"] and form.strip() == case["value"]]
    assert {row[1] for form, row in zip(forms, found, strict=True) if form in of_uuids} == {
        case["canonical"] for case in CASES if case["is_uuid"]
    }
    assert [warehouse.one(f"SELECT {identifiers.compared(literal)}") for literal in ("'ÄBC'", "' äbc'")] == ["äbc"] * 2


def test_every_answer_is_the_same_as_without_buckets(bucketed: Warehouse, speed: Path) -> None:
    """All causes, one of each in 400 sessions: comparison, explanation and snapshot are the same, and few rows travel."""
    # One is a UUID, which the speed layer has in capitals again.
    visits = [visit(n, DAY) for n in range(SESSIONS)]
    subjects = {flaw: visits[50 + 10 * n] for n, flaw in enumerate([*FLAWS, set_aside])}
    subjects[duplicated_in_another_form]["session_id"] = "0c363c25-191b-4077-b589-c5706fbd278f"
    # In whatever form the lake keeps them, they are the same.
    for row, kept in zip(visits[300:], (" {0C363C25191B4077B589C5706FBD2700}\n", "İSTANBUL ΟΔΟΣ", "ÄBC"), strict=False):
        row |= {"session_id": kept, "user_id": f"{kept}'s"}
    in_small = {"ÄBC": {**visits[302], "session_id": "äbc", "user_id": "äbc's"}}
    late = visit(1000, DAY, session_start=at(f"{DAY} 22:30:00"), session_end=at("2024-02-01 05:00:00"))
    elsewhere, rejected = visit(1001, DAY - timedelta(days=1)), visit(1002, DAY, page_views=-1)
    stage(bucketed, [*visits, late, elsewhere, rejected])
    assert bucketed.call("recon.unload_buckets()") == {"days": 2}
    assert bucketed.call("recon.unload_buckets()") == {"days": 0}
    # What came since: flagged and not built, loaded and not flagged, published and not loaded.
    options = BatchOptions(published_at="2024-02-02T00:00:00Z", affected_dates=[str(DAY)])
    grown = {**visits[200], "page_views": 950, "event_count": 9}
    waiting = {
        "not built": [visit(1003, DAY), grown],
        "not flagged": [visit(1004, DAY)],
        "not loaded": [visit(1005, DAY)],
    }
    for name, rows in waiting.items():
        bucketed.publish(sessions=rows, name=name, options=options)
        if name != "not loaded":
            bucketed.call("ops.load_pending()")
        if name == "not built":
            bucketed.call("ops.flag_quality()")
    flaws = {row["session_id"]: flaw for flaw, row in subjects.items()}
    shown = (in_small.get(row["session_id"], row) for row in visits)
    seen, expected = planted((row for row in shown if row["session_id"] != grown["session_id"]), flaws)
    moved = {**elsewhere, "session_start": at(f"{DAY} 00:10:00")}
    speed_rows = [*seen, moved, rejected, visit(1006, DAY), *(row for rows in waiting.values() for row in rows)]
    # Times are not compared: these have another precision everywhere.
    fill(speed, [{**row, "session_end": row["session_end"] + timedelta(microseconds=1)} for row in speed_rows])

    answers: dict[str, tuple[Any, ...]] = {}
    file = bucketed.landing / buckets_path(DAY)
    aside = file.with_suffix(".aside")
    for way in ("whole", "bucketed"):
        _ = file.rename(aside) if way == "whole" else aside.rename(file)
        done = extract(speed, bucketed)
        assert (done.outcome, done.rows, done.set_aside) == ("published", len(speed_rows) - 1, 1)
        assert done.fetched == done.rows if way == "whole" else len(flaws) < done.fetched < done.rows // 8
        with allowed_until(bucketed, "2024-02-01 02:00:00"):
            answer = explained(bucketed, DAY)
        # What a cause tells of one session is also told of the day: of a session without a readable identifier nothing else does.
        left_out = bucketed.call(f"recon.explain('{DAY}')")["set_aside"]
        assert left_out == {"rows": 1, "path": done.set_aside_path}
        reasons = "SELECT DISTINCT detail FROM recon.explanations WHERE cause = 'set_aside_in_speed'"
        assert "page_views" in bucketed.one(reasons)
        assert bucketed.query("SELECT session_id FROM recon.explanations WHERE user_id LIKE '%''s'") == []
        answers[way] = (
            answer,
            *(told(bucketed, table) for table in ("results", "explanations")),
            told(bucketed, "speed_sessions", "session_start", "session_end", "is_batch_row"),
        )
        own = bucketed.one("SELECT COUNT(*), COUNT_IF(COALESCE(is_batch_row, FALSE)) FROM recon.speed_sessions")
        assert own == (done.rows, done.rows - done.fetched)
        for table in ("speed_extractions", "runs", "results", "explanations", "explained_runs"):
            bucketed.query(f"DELETE FROM recon.{table}")
        shutil.rmtree(bucketed.landing / "_speed_manifests")
    assert answers["bucketed"] == answers["whole"]
    causes, _, rest = answers["whole"][0]
    assert rest == {}
    assert causes.keys() == {cause.value for cause in Cause} - {"unexplained"}
    for cause, parts in expected.items():
        assert cause == "lost_in_speed" or causes[cause] == parts


def test_a_snapshot_whose_other_side_moved_on_is_refused_until_it_is_taken_again(
    bucketed: Warehouse, speed: Path
) -> None:
    visits = [visit(n, DAY) for n in range(30)]
    stage(bucketed, visits)
    bucketed.call("recon.unload_buckets()")
    fill(speed, [*visits[:-1], {**visits[-1], "searches": 8}])
    done = extract(speed, bucketed)
    assert done.fetched < 5
    later = {**visits[3], "page_views": 77, "event_count": 9}
    stage(bucketed, [later], name="later", published_at="2024-02-02T00:00:00Z")
    with pytest.raises(
        ProgrammingError, match=r"change \d+ of STAGING, which has changed since: extract the day again"
    ):
        bucketed.query(f"CALL recon.reconcile_day('{DAY}')")
    summary = bucketed.call("recon.reconcile_pending()")
    assert [entry["waits_for"] for entry in summary["results"]] == [f"snapshot_refused {done.extraction_id}"]
    assert summary["unloaded"] == 1
    again = extract(speed, bucketed, "2024-02-01T02:00:00Z")
    assert (again.outcome, again.rows) == ("published", 30)
    causes, _, rest = explained(bucketed, DAY)
    assert (causes, rest) == (
        {"value_differs": {("gold", "page_views"): Decimal(-72), (None, "searches"): Decimal(6)}},
        {},
    )
    recorded = "SELECT fetched_rows, row_count, change_id FROM recon.speed_extractions"
    newest = bucketed.one("SELECT MAX(change_id) FROM ops.date_changes")
    assert bucketed.one(recorded) == (again.fetched, 30, newest)


def test_what_is_compared_follows_the_metrics_and_the_speed_layer(bucketed: Warehouse, speed: Path) -> None:
    """A column that the speed layer lacks is left out once that is known, a time that a metric goes by is taken in."""
    visits = [visit(n, DAY) for n in range(30)]
    stage(bucketed, visits)
    bucketed.call("recon.unload_buckets()")
    fill(speed, visits)
    run(speed, f"ALTER TABLE {TABLE} DROP COLUMN searches")
    assert extract(speed, bucketed).fetched == 30
    bucketed.call(f"recon.load_speed_snapshot('{DAY}')")
    early = "IFF(HOUR(session_start) < 12, page_views, 0)"
    bucketed.query("INSERT INTO recon.metrics SELECT 'early_page_views', 'sum', %s, 'events', '', 20", early)
    bucketed.query("ALTER TABLE marts.daily_speed_comparable ADD COLUMN early_page_views NUMBER(38, 0)")
    unmeasured = "SELECT not_measured FROM recon.latest_runs"
    try:
        assert bucketed.call("recon.unload_buckets()") == {"days": 1}
        compared = bucketed.one("SELECT compared FROM recon.bucket_unloads").split(",")
        assert set(vectors.COLUMNS) - set(compared) == {"searches", "session_end"}
        run(speed, f"DELETE FROM {TABLE} WHERE session_id = 'session-4'")
        done = extract(speed, bucketed, "2024-02-01T02:00:00Z")
        assert (done.rows, done.fetched < 5) == (29, True)
        bucketed.call(f"recon.reconcile_day('{DAY}')")
        rows = "SELECT COUNT(*), COUNT(searches), COUNT(DISTINCT session_start) FROM recon.speed_sessions"
        assert bucketed.one(rows) == (29, 0, 29)
        assert bucketed.one(unmeasured) == "searches"
        # This snapshot has the batch side's ends of the sessions that were not fetched: extracted again it has their own.
        ends = "IFF(HOUR(session_end) < 12, page_views, 0)"
        bucketed.query("UPDATE recon.metrics SET expression = %s WHERE metric = 'early_page_views'", ends)
        bucketed.call(f"recon.reconcile_day('{DAY}')")
        assert bucketed.one(unmeasured) == "early_page_views, searches"
        assert bucketed.call("recon.unload_buckets()") == {"days": 1}
        assert extract(speed, bucketed, "2024-02-01T03:00:00Z").outcome == "published"
        bucketed.call(f"recon.reconcile_day('{DAY}')")
        assert bucketed.one(unmeasured) == "searches"
    finally:
        bucketed.query("DELETE FROM recon.metrics WHERE metric = 'early_page_views'")
        bucketed.query("ALTER TABLE marts.daily_speed_comparable DROP COLUMN early_page_views")
