"""Extraction from real ClickHouse (the embedded engine): types, time zones, content, restarts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reconcile.errors import ConfigError, LandingError, SpeedLayerUnreachable, SpeedTableError
from reconcile.speed.connection import open_speed_layer
from reconcile.speed.content import FILE_SCHEMA, extraction_id
from reconcile.speed.extraction import Extraction, extract_day, extract_days
from reconcile.speed.landing import Landing
from reconcile.speed.names import manifest_path
from tests.reconcile.speed.tables import COLUMNS, TABLE, config, ddl, run

pytestmark = pytest.mark.clickhouse

DAY = date(2024, 1, 15)
ID = "0c363c25-191b-4077-b589-c5706fbd27{:02x}"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speed")
    run(folder, ddl(COLUMNS))
    return folder


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    return tmp_path / "landing"


def row(number: int, start: str, tier: str | None = "gold", spent: str = "10.50", pages: int = 3) -> str:
    tier_text = "NULL" if tier is None else f"'{tier}'"
    return f"('{ID.format(number)}', NULL, {tier_text}, '{start}', '{start}', {pages}, 1, 0, 0, 1, {spent})"


def extract(folder: Path, landing: Path, *days: date) -> list[Extraction]:
    settings = config(folder, landing)
    with open_speed_layer(settings) as speed_layer:
        return [extract_day(speed_layer, Landing(settings), day) for day in days or (DAY,)]


def rows_of(landing: Path, extraction: Extraction) -> list[dict[str, Any]]:
    with pq.ParquetFile(landing / extraction.path) as file:
        table = file.read()
    assert table.schema.equals(FILE_SCHEMA)
    return sorted(table.to_pylist(), key=lambda found: (str(found["session_id"]), str(found["session_start"])))


def newest(landing: Path, day: date) -> Path:
    """The newest manifest of a day: the last by its name."""
    return max((landing / "_speed_manifests" / day.isoformat()).glob("*.json"))


def manifest_of(landing: Path, extraction: Extraction) -> dict[str, Any]:
    return dict(json.loads(newest(landing, extraction.date).read_text()))


def files(landing: Path) -> dict[str, int]:
    return {str(path.relative_to(landing)): path.stat().st_mtime_ns for path in landing.rglob("*") if path.is_file()}


def test_a_day_is_its_utc_day_to_the_microsecond(engine: Path, landing: Path) -> None:
    starts = (
        "2024-01-14 23:59:59.999999",
        "2024-01-15 00:00:00.000000",
        "2024-01-15 23:59:59.999999",
        "2024-01-16 00:00:00",
    )
    run(
        engine,
        ddl(COLUMNS),
        f"INSERT INTO {TABLE} VALUES " + ", ".join(row(n, start) for n, start in enumerate(starts)),
    )
    (found,) = extract(engine, landing)
    assert [one["session_start"] for one in rows_of(landing, found)] == [
        datetime(2024, 1, 15),
        datetime(2024, 1, 15, 23, 59, 59, 999999),
    ]


def test_the_manifest_states_what_the_file_holds(engine: Path, landing: Path) -> None:
    values = [
        row(0, "2024-01-15 01:00:00"),
        row(1, "2024-01-15 02:00:00.5", None, "0.01"),
        row(1, "2024-01-15 02:00:00.5"),
    ]
    run(engine, ddl(COLUMNS), f"INSERT INTO {TABLE} VALUES " + ", ".join(values))
    before = datetime.now(UTC)
    (found,) = extract(engine, landing)
    manifest = manifest_of(landing, found)
    taken = datetime.fromisoformat(manifest.pop("extracted_at"))
    assert before <= taken <= datetime.now(UTC)
    assert manifest == {
        "contract_version": 2,
        "extraction_id": found.extraction_id,
        "date": "2024-01-15",
        "rows": 3,
        "non_uuid_ids": 0,
        "unreadable_amounts": 0,
        "set_aside": {"rows": 0, "path": None},
        "control": {
            "money": "21.01",
            "min_time": "2024-01-15T01:00:00.000000Z",
            "max_time": "2024-01-15T02:00:00.500000Z",
        },
        "file": {
            "path": f"speed_sessions/date=2024-01-15/{found.extraction_id}.parquet",
            "rows": 3,
            "bytes": (landing / found.path).stat().st_size,
        },
        "speed_table": {"engine": "MergeTree", "read_as": "as stored", "lacks": []},
    }
    content = rows_of(landing, found)
    assert {one["extraction_id"] for one in content} == {found.extraction_id}
    assert {one["date"] for one in content} == {DAY}
    assert [one["user_tier"] for one in content].count(None) == 1
    assert sum(one["total_spent"] for one in content) == Decimal("21.01")


def test_the_same_content_is_the_same_extraction_in_any_order(engine: Path, landing: Path) -> None:
    values = [row(n, f"2024-01-15 0{n}:00:00") for n in range(5)]
    run(engine, ddl(COLUMNS), f"INSERT INTO {TABLE} VALUES " + ", ".join(values))
    (first,) = extract(engine, landing)
    written = files(landing)
    run(engine, ddl(COLUMNS), *(f"INSERT INTO {TABLE} VALUES {value}" for value in reversed(values)))
    (second,) = extract(engine, landing)
    assert (first.outcome, second.outcome) == ("published", "unchanged")
    assert second.extraction_id == first.extraction_id
    assert second.extracted_at == first.extracted_at
    assert files(landing) == written


def test_a_repeated_row_or_a_changed_cent_is_another_content(engine: Path, landing: Path) -> None:
    values = [row(n, f"2024-01-15 0{n}:00:00") for n in range(3)]
    seen = set()
    for extra in ([], [values[0]], [values[0], values[0]], [row(9, "2024-01-15 09:00:00", spent="10.51")]):
        run(engine, ddl(COLUMNS), f"INSERT INTO {TABLE} VALUES " + ", ".join(values + extra))
        seen.add(extract(engine, landing)[0].extraction_id)
    assert len(seen) == 4


def test_content_that_goes_back_becomes_the_newest_again(engine: Path, landing: Path) -> None:
    one, two = row(1, "2024-01-15 01:00:00"), row(2, "2024-01-15 02:00:00")
    found = []
    for values in (one, f"{one}, {two}", one):
        run(engine, ddl(COLUMNS), f"INSERT INTO {TABLE} VALUES {values}")
        found += extract(engine, landing)
    assert [extraction.outcome for extraction in found] == ["published", "published", "republished"]
    assert found[2].extraction_id == found[0].extraction_id
    published = Landing(config(engine, landing)).published()[DAY]
    assert [entry.extraction_id for entry in published] == [extraction.extraction_id for extraction in found]


def test_a_day_that_ended_without_a_change_is_said_to_hold_after_its_end(engine: Path, landing: Path) -> None:
    run(engine, ddl(COLUMNS), f"INSERT INTO {TABLE} VALUES {row(1, '2024-01-15 22:10:00')}")
    (first,) = extract(engine, landing)
    (published,) = Landing(config(engine, landing)).published()[DAY]
    # As it would be, had it been made in the day's last hour.
    before = datetime(2024, 1, 15, 23, 40, tzinfo=UTC)
    manifest = json.loads((landing / published.path).read_text())
    (landing / manifest_path(DAY, before, first.extraction_id)).write_text(
        json.dumps(manifest | {"extracted_at": "2024-01-15T23:40:00.000000Z"})
    )
    (landing / published.path).unlink()
    found = [*extract(engine, landing), *extract(engine, landing)]
    assert [extraction.outcome for extraction in found] == ["republished", "unchanged"]
    assert {extraction.extraction_id for extraction in found} == {first.extraction_id}
    assert found[0].extracted_at == found[1].extracted_at > first.extracted_at


def test_other_types_give_the_same_content(engine: Path, landing: Path) -> None:
    """Text ids in any form, zoned and bare DateTime, low-cardinality and enumerated tiers, floats, NULLs allowed."""
    start = "2024-01-15 01:02:03"
    run(engine, ddl(COLUMNS), f"INSERT INTO {TABLE} VALUES {row(10, start)}")
    (plain,) = extract(engine, landing)
    variants = [
        {"session_id": "String"},
        {"session_id": "Nullable(FixedString(36))"},
        {"session_id": "LowCardinality(String)"},
        {"session_start": "DateTime", "session_end": "DateTime"},
        {"session_start": "Nullable(DateTime64(3, 'Asia/Tokyo'))"},
        {"user_tier": "LowCardinality(Nullable(String))"},
        {"user_tier": "Enum8('gold' = 1, 'silver' = 2)"},
        {"page_views": "Nullable(Int64)", "purchases": "UInt8"},
        {"total_spent": "Float64"},
        {"total_spent": "Nullable(Decimal(38, 9))"},
    ]
    for variant in variants:
        # The values are written as instants, so that the column's own time zone has no say.
        types = {**COLUMNS, **variant}
        instant = f"toDateTime64('{start}', 6, 'UTC')"
        insert = (
            f"INSERT INTO {TABLE} SELECT '{ID.format(10)}', NULL, 'gold', {instant}, {instant}, 3, 1, 0, 0, 1,"
            " toDecimal64(10.5, 2)"
        )
        run(engine, ddl(types), insert)
        (found,) = extract(engine, landing)
        assert found.extraction_id == plain.extraction_id, variant


@pytest.mark.parametrize("form", ["{{{}}}", "urn:uuid:{}"])
def test_text_identifiers_become_canonical(engine: Path, landing: Path, form: str) -> None:
    types = {**COLUMNS, "session_id": "String", "user_id": "Nullable(String)"}
    values = (
        f"('{form.format(ID.format(10).upper())}', 'test-user', 'gold', '2024-01-15 01:00:00', '2024-01-15 01:00:00', "
    )
    run(engine, ddl(types), f"INSERT INTO {TABLE} VALUES {values} 1, 1, 1, 1, 1, 1)")
    (found,) = extract(engine, landing)
    (only,) = rows_of(landing, found)
    assert (only["session_id"], only["user_id"]) == (ID.format(10), "test-user")
    assert found.non_uuid_ids == manifest_of(landing, found)["non_uuid_ids"] == 1


def test_the_empty_string_is_no_value(engine: Path, landing: Path) -> None:
    """A column that is not Nullable has it where nothing is known."""
    types = {**COLUMNS, "session_id": "String", "user_id": "String", "user_tier": "LowCardinality(String)"}
    values = f"('{ID.format(1)}', '', '', '2024-01-15 01:00:00', '2024-01-15 01:00:00', 1, 1, 1, 1, 1, 1)"
    run(engine, ddl(types), f"INSERT INTO {TABLE} VALUES {values}")
    (found,) = extract(engine, landing)
    (only,) = rows_of(landing, found)
    assert (only["session_id"], only["user_id"], only["user_tier"]) == (ID.format(1), None, None)
    assert found.non_uuid_ids == 0


def test_days_are_utc_whatever_the_columns_zone(engine: Path, landing: Path) -> None:
    """03:30 of the 16th in Tokyo is 18:30 of the 15th in UTC."""
    types = {**COLUMNS, "session_start": "DateTime('Asia/Tokyo')", "session_end": "DateTime('Asia/Tokyo')"}
    run(engine, ddl(types), f"INSERT INTO {TABLE} VALUES {row(1, '2024-01-16 03:30:00')}")
    with open_speed_layer(config(engine, landing)) as speed_layer:
        assert [state.day for state in speed_layer.days()] == [DAY]
    (found,) = extract(engine, landing)
    assert rows_of(landing, found)[0]["session_start"] == datetime(2024, 1, 15, 18, 30)


def test_only_the_columns_of_the_metrics_are_required(engine: Path, landing: Path) -> None:
    needed = ("session_id", "user_tier", "session_start", "page_views", "purchases", "total_spent")
    few = {name: COLUMNS[name] for name in needed}
    values = f"('{ID.format(1)}', 'gold', '2024-01-15 01:00:00', 3, 1, 9.99)"
    run(engine, ddl(few), f"INSERT INTO {TABLE} VALUES {values}")
    (found,) = extract(engine, landing)
    (only,) = rows_of(landing, found)
    lacking = sorted(COLUMNS.keys() - set(needed))
    missing = {name for name, value in only.items() if value is None and not name.endswith("_as_stored")}
    assert sorted(missing) == sorted(manifest_of(landing, found)["speed_table"]["lacks"]) == lacking
    for name in needed:
        less = {one: type_name for one, type_name in few.items() if one != name}
        run(engine, ddl(less))
        with pytest.raises(SpeedTableError, match=f"has no column {name}; it has "):
            extract(engine, landing)


@pytest.mark.parametrize(
    ("column", "type_name"),
    [
        ("session_start", "String"),
        ("session_start", "Date"),
        ("page_views", "Float64"),
        ("purchases", "String"),
        ("total_spent", "String"),
        ("user_tier", "Array(String)"),
        ("session_id", "Tuple(UUID, UUID)"),
    ],
)
def test_a_type_without_an_exact_value_is_refused_by_name(
    engine: Path, landing: Path, column: str, type_name: str
) -> None:
    run(engine, ddl({**COLUMNS, column: type_name}))
    with pytest.raises(SpeedTableError, match=rf"column {column} of the speed layer's table {TABLE} is "):
        extract(engine, landing)
    assert not landing.exists()


def test_amounts_round_half_away_from_zero_and_what_is_no_number_is_counted(engine: Path, landing: Path) -> None:
    """A float counts as the shortest text that gives it: 1.005 is 1.01, though its binary value lies below."""
    run(engine, ddl({**COLUMNS, "total_spent": "Float64"}))
    spent = ("1.005", "-1.005", "2.675", "1e15", "nan", "inf")
    run(
        engine,
        f"INSERT INTO {TABLE} VALUES " + ", ".join(row(n, "2024-01-15 01:00:00", spent=s) for n, s in enumerate(spent)),
    )
    (found,) = extract(engine, landing)
    amounts = [one["total_spent"] for one in rows_of(landing, found)]
    assert amounts == [Decimal("1.01"), Decimal("-1.01"), Decimal("2.68"), Decimal(10**15), None, None]
    assert found.unreadable_amounts == 2
    assert found.money == "1000000000000002.68"


def test_a_day_asked_for_and_empty_is_a_snapshot_of_nothing(engine: Path, landing: Path) -> None:
    run(engine, ddl(COLUMNS))
    (found,) = extract(engine, landing)
    assert (found.rows, found.money, rows_of(landing, found)) == (0, "0.00", [])
    assert manifest_of(landing, found)["control"] == {"money": "0.00", "min_time": None, "max_time": None}
    assert extract(engine, landing)[0].outcome == "unchanged"


def test_rows_without_a_start_belong_to_no_day_and_are_counted(engine: Path, landing: Path) -> None:
    run(engine, ddl({**COLUMNS, "session_start": "Nullable(DateTime64(6, 'UTC'))"}))
    run(engine, f"INSERT INTO {TABLE} (session_id, session_start) VALUES ('{ID.format(1)}', NULL)")
    with open_speed_layer(config(engine, landing)) as speed_layer:
        assert speed_layer.days() == []
        assert speed_layer.rows_without_start() == 1
    assert extract(engine, landing)[0].rows == 0


def test_killed_between_file_and_manifest_nothing_is_published_and_the_next_run_completes(
    engine: Path, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(engine, ddl(COLUMNS), f"INSERT INTO {TABLE} VALUES {row(1, '2024-01-15 01:00:00')}")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Landing, "put_document", killed)
        with pytest.raises(KeyboardInterrupt):
            extract(engine, landing)
    assert Landing(config(engine, landing)).published() == {}
    (found,) = extract(engine, landing)
    assert found.outcome == "published"
    assert len(rows_of(landing, found)) == 1


def test_a_published_file_that_was_lost_or_cut_is_written_again(engine: Path, landing: Path) -> None:
    run(engine, ddl(COLUMNS), f"INSERT INTO {TABLE} VALUES {row(1, '2024-01-15 01:00:00')}")
    (first,) = extract(engine, landing)
    (landing / first.path).write_bytes(b"PAR1")
    (second,) = extract(engine, landing)
    assert second.outcome == "published"
    assert len(rows_of(landing, second)) == 1
    (landing / first.path).unlink()
    assert extract(engine, landing)[0].outcome == "published"


def test_no_table_no_engine(engine: Path, landing: Path, tmp_path: Path) -> None:
    for name in ("elsewhere", "default.elsewhere"):
        settings = config(engine, landing, speed_table=name)
        with (
            open_speed_layer(settings) as speed_layer,
            pytest.raises(SpeedTableError, match=f"there is no table {name} in"),
        ):
            speed_layer.days()
    settings = config(engine, landing, speed_table="nowhere.sessions")
    with open_speed_layer(settings) as speed_layer, pytest.raises(SpeedLayerUnreachable, match="no such database"):
        speed_layer.days()
    absent = tmp_path / "absent"
    with pytest.raises(SpeedLayerUnreachable, match="no embedded ClickHouse in the folder"):
        open_speed_layer(config(absent, landing))
    assert not absent.exists()


def test_a_landing_that_cannot_be_written_or_read(engine: Path, tmp_path: Path) -> None:
    run(engine, ddl(COLUMNS))
    occupied = tmp_path / "occupied"
    occupied.write_text("a file")
    with pytest.raises(LandingError, match="in the landing"):
        extract(engine, occupied)
    landing = tmp_path / "landing"
    (found,) = extract(engine, landing)
    newest(landing, DAY).write_text("{")
    (again,) = extract(engine, landing)
    assert (again.outcome, again.extraction_id) == ("published", found.extraction_id)
    assert extract(engine, landing)[0].outcome == "unchanged"


@pytest.fixture(autouse=True)
def no_leftovers(landing: Path) -> Iterator[None]:
    """Whatever happened, no partial file stays in the landing."""
    yield
    assert [path for path in landing.rglob("*") if path.name.endswith(".partial")] == []


def test_the_file_has_no_float_and_no_zone() -> None:
    assert not any(pa.types.is_floating(field.type) for field in FILE_SCHEMA)
    assert {field.type.tz for field in FILE_SCHEMA if pa.types.is_timestamp(field.type)} == {None}


def test_rows_that_cannot_be_kept_are_set_aside_with_their_reason(engine: Path, landing: Path) -> None:
    """Text that is not UTF-8, counts and amounts out of range: by row, and the others go on."""
    types = {**COLUMNS, "session_id": "String", "page_views": "UInt64", "total_spent": "Float64"}
    insert = f"INSERT INTO {TABLE} (session_id, user_tier, session_start, page_views, total_spent) VALUES "
    values = [
        "('good', 'gold', '2024-01-15 01:00:00', 9999999999999999, 1.5)",
        "(unhex('FF61'), 'gold', '2024-01-15 02:00:00', 1, 1)",
        "('bad-tier', unhex('C328'), '2024-01-15 03:00:00', 1, 1)",
        "('underflow', 'gold', '2024-01-15 04:00:00', 18446744073709551615, 1)",
        "('absurd', 'gold', '2024-01-15 05:00:00', 1, 1e30)",
        "('many', 'gold', '2024-01-15 06:00:00', 1, 1e16)",
    ]
    run(engine, ddl(types), insert + ", ".join(values))
    (found,) = extract(engine, landing)
    assert [one["session_id"] for one in rows_of(landing, found)] == ["good"]
    assert (found.rows, found.set_aside, found.money) == (1, 5, "1.50")
    assert manifest_of(landing, found)["set_aside"] == {"rows": 5, "path": found.set_aside_path}
    lines = (landing / str(found.set_aside_path)).read_text(encoding="utf-8").splitlines()
    reasons = {one["session_start"][11:13]: (one["session_id"], one["reason"]) for one in map(json.loads, lines)}
    assert reasons == {
        "02": (None, "session_id is not UTF-8: FF61"),
        "03": ("bad-tier", "user_tier is not UTF-8: C328"),
        "04": ("underflow", "page_views is out of range: 18446744073709551615"),
        "05": ("absurd", "total_spent is out of range: 1e30"),
        "06": ("many", "total_spent is out of range: 10000000000000000"),
    }
    assert extract(engine, landing)[0].outcome == "unchanged"
    run(engine, f"INSERT INTO {TABLE} (session_id, session_start) VALUES (unhex('FE'), '2024-01-15 07:00:00')")
    assert extract(engine, landing)[0].set_aside == 6


@pytest.mark.parametrize(
    ("kind", "beyond"),
    [
        ("Decimal(76, 20)", f"toDecimal256('1{'0' * 40}', 20)"),
        ("UInt256", f"toUInt256('1{'0' * 40}')"),
        ("Nullable(Int64)", f"-{10**16}"),
    ],
)
def test_amounts_of_any_width(engine: Path, landing: Path, kind: str, beyond: str) -> None:
    run(engine, ddl({**COLUMNS, "total_spent": kind, "purchases": "Int128"}))
    spent = ["12", f"{10**16 - 1}"]
    values = ", ".join(row(n, "2024-01-15 01:00:00", spent=one) for n, one in enumerate([*spent, beyond]))
    run(engine, f"INSERT INTO {TABLE} VALUES {values}")
    (found,) = extract(engine, landing)
    assert [one["total_spent"] for one in rows_of(landing, found)] == [Decimal(one) for one in spent]
    assert found.set_aside == 1


def test_a_table_of_other_names_and_types_is_mapped(engine: Path, landing: Path) -> None:
    """By expressions, or by one SELECT, whose tables are read merged as well."""
    types = {
        "sid": "String",
        "tier": "UInt8",
        "began": "String",
        "views": "Float64",
        "cents": "Int64",
        "bought": "Bool",
        "v": "UInt8",
    }
    declared = ", ".join(f"{name} {kind}" for name, kind in types.items())
    run(
        engine,
        "DROP TABLE IF EXISTS other_sessions",
        f"CREATE TABLE other_sessions ({declared}) ENGINE = ReplacingMergeTree(v) ORDER BY sid",
        "INSERT INTO other_sessions VALUES ('A', 1, '2024-01-15T03:00:00+02:00', 9.0, 100, true, 1)",
        "INSERT INTO other_sessions VALUES ('A', 2, '2024-01-15T02:00:00+01:00', 4.0, 1050, true, 2)",
    )
    columns = {
        "session_id": "sid",
        "user_tier": "if(tier = 2, 'gold', NULL)",
        "session_start": "parseDateTime64BestEffort(began, 6, 'UTC')",
        "page_views": "toUInt32(views)",
        "purchases": "bought",
        "total_spent": "toDecimal64(cents, 2) / 100",
    }
    select = "SELECT " + ", ".join(f"{sql} AS {name}" for name, sql in columns.items()) + " FROM other_sessions -- all"
    ids = []
    for changes in ({"speed_table": "other_sessions", "columns": columns}, {"speed_select": select}):
        settings = config(engine, landing, **changes)
        with open_speed_layer(settings) as speed_layer:
            found = extract_day(speed_layer, Landing(settings), DAY)
        (only,) = rows_of(landing, found)
        assert (only["session_id"], only["session_id_as_stored"], only["user_tier"]) == ("a", "A", "gold")
        assert (only["session_start"].hour, only["page_views"], only["purchases"]) == (1, 4, 1)
        assert only["total_spent"] == Decimal("10.50")
        ids.append(found.extraction_id)
    assert ids[0] == ids[1]
    with pytest.raises(ConfigError, match=r"\[reconcile.columns\] has no column 'tier'; its columns: session_id, "):
        open_speed_layer(config(engine, landing, columns={"tier": "1"}))
    wrong = config(engine, landing, speed_table="other_sessions", columns={**columns, "purchases": "nothing"})
    with open_speed_layer(wrong) as speed_layer, pytest.raises(SpeedTableError, match=r"refused the query: .*nothing"):
        speed_layer.days()


def test_what_expires_and_what_stays(engine: Path, landing: Path) -> None:
    """A snapshot goes when it has not been its day's newest for longer than asked; what the newest names stays."""
    one, two = row(1, "2024-01-15 01:00:00"), row(2, "2024-01-15 02:00:00")
    found = []
    for values in (one, f"{one}, {two}", one, f"{two}"):
        run(engine, ddl(COLUMNS), f"INSERT INTO {TABLE} VALUES {values}")
        found += extract(engine, landing)
    settings = config(engine, landing)
    store = Landing(settings)

    def left(keep_days: int | None) -> list[str]:
        with open_speed_layer(settings) as speed_layer:
            states = {state.day: state for state in speed_layer.days()}
            list(extract_days(speed_layer, store, [DAY], states, keep_days))
        return [entry.extraction_id for entry in store.published()[DAY]]

    everything = [extraction.extraction_id for extraction in found]
    assert left(None) == left(1) == everything
    assert left(0) == [everything[-1]]
    assert sorted(path.stem for path in (landing / "speed_sessions").rglob("*.parquet")) == [everything[-1]]
    run(engine, ddl(COLUMNS), f"INSERT INTO {TABLE} VALUES {one}")
    assert (left(0), len(files(landing))) == ([everything[0]], 2)


def test_the_id_is_the_sum_of_hashes_that_the_page_describes(engine: Path, landing: Path) -> None:
    """MD5 of each row's values as <length>:<value>, amounts in cents, NULL as ~; summed, so that order plays no part."""
    types = {**COLUMNS, "session_id": "String"}
    values = "('É X', NULL, NULL, '2024-01-15 01:00:00', '1970-01-01 00:00:00', 3, 1, 0, 0, 1, 10.5)"
    run(engine, ddl(types), f"INSERT INTO {TABLE} VALUES {values}, {values}")
    (found,) = extract(engine, landing)
    started = int(datetime(2024, 1, 15, 1, tzinfo=UTC).timestamp()) * 1_000_000
    texts = ["É x", None, None, str(started), None, "3", "1", "0", "0", "1", "1050", "É X", None, ""]
    joined = "".join("~" if text is None else f"{len(text.encode())}:{text}" for text in texts)
    content = 2 * int.from_bytes(hashlib.md5(joined.encode(), usedforsecurity=False).digest(), "big") % 2**128
    assert found.extraction_id == extraction_id(DAY, 2, content)
