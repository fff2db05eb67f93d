"""The pure parts of the procedures: manifests, comparison of totals, rules, identifiers, snapshots, statements."""

from __future__ import annotations

import datetime
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from deploy.quality_page import PAGE, page
from snowpark_procs.errors import ArgumentError, LoadMismatchError, ManifestError, QualityRuleError, StatementError
from snowpark_procs.identifiers import batch_identifier, calendar_date, canonical
from snowpark_procs.landing import published
from snowpark_procs.manifest import ControlTotals, StagedFile, read_manifest
from snowpark_procs.quality_rules import Rule, compile_rules
from snowpark_procs.speed_snapshots import Loaded, read_snapshot, to_load
from snowpark_procs.staged_copy import chunks
from snowpark_procs.staging_tables import STAGING_TABLES, StagingTable
from snowpark_procs.statements import literal, statement
from snowpark_procs.verification import check_files, check_totals
from tests.captured_sql import captured_statements
from tests.lint_captured import never_sent, one_of_each_kind, parse_findings
from tests.lint_sql import ROOT, _findings
from tests.snowpark_procs.batches import publish, session, transaction

ID = "0f1c6d40-0000-4000-8000-00000000000a"


def document(tmp_path: Path) -> dict[str, Any]:
    rows = [transaction("t", "p", "2024-01-15 10:00:00", "1.10")]
    batch_id = publish(tmp_path, transactions=rows, sessions=[session("s", "2024-01-15 10:00:00.000001")])
    path = tmp_path / "ecommerce-landing" / "_manifests" / f"{batch_id}.json"
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def test_a_manifest_is_typed(tmp_path: Path) -> None:
    manifest = document(tmp_path)
    read = read_manifest("m.json", json.dumps(manifest), manifest["batch_id"])
    sessions = read.datasets[2]
    assert (sessions.name, sessions.stage, sessions.totals.rows) == ("user_sessions", "landing", 1)
    assert sessions.totals.min_time == datetime.datetime(2024, 1, 15, 10, 0, 0, 1)
    assert read.datasets[1].totals.money == Decimal("1.10")
    assert read.datasets[0].totals.money is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(contract_version=2), "at contract_version"),
        (lambda m: m.update(extra=1), "at the top"),
        (lambda m: m["datasets"]["user_sessions"]["control"].update(money="1.1"), "user_sessions/control/money"),
        (lambda m: m["datasets"]["user_sessions"]["control"].update(money=None), "must be the exact sum"),
        (lambda m: m["datasets"]["user_events"]["control"].update(money="0.00"), "events carry no money"),
        (lambda m: m["datasets"]["user_sessions"].update(rows=5), "says 5, its files say 1"),
        (lambda m: m.update(published_at="2024-13-01T00:00:00Z"), "is no time"),
        (lambda m: m.update(batch_id=ID), f"names batch {ID}"),
    ],
)
def test_a_wrong_manifest_is_refused_with_its_place(tmp_path: Path, change: Any, message: str) -> None:
    manifest = document(tmp_path)
    batch_id = manifest["batch_id"]
    change(manifest)
    with pytest.raises(ManifestError, match=message) as caught:
        read_manifest("m.json", json.dumps(manifest), batch_id)
    assert str(caught.value).startswith("Manifest m.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "7"])
def test_what_is_no_manifest_at_all(text: str) -> None:
    with pytest.raises(ManifestError, match="is no JSON"):
        read_manifest("m.json", text, ID)


TOTALS = ControlTotals(2, Decimal("1.00"), datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 2))


def test_files_match_under_any_stage_prefix() -> None:
    promised = [StagedFile("a/x.parquet", 1, 9), StagedFile("a/empty.parquet", 0, 9)]
    check_files("B", "d", promised, {"prefix/of/stage/a/x.parquet": 1})
    with pytest.raises(LoadMismatchError, match=r"rows of file a/x\.parquet expected 1, found 0"):
        check_files("B", "d", promised, {})
    with pytest.raises(LoadMismatchError, match=r"rows of file ba/x\.parquet expected none"):
        check_files("B", "d", promised, {"ba/x.parquet": 1})


def test_totals_and_the_all_null_trap() -> None:
    check_totals("B", "d", TOTALS, TOTALS, 6)
    check_totals("B", "d", ControlTotals(0, None, None, None), ControlTotals(0, None, None, None), 0)
    with pytest.raises(LoadMismatchError, match="no column name matched"):
        check_totals("B", "d", TOTALS, TOTALS, 0)
    with pytest.raises(LoadMismatchError, match=r"sum of money expected 1\.00, found 1\.01"):
        check_totals("B", "d", TOTALS, ControlTotals(2, Decimal("1.01"), TOTALS.min_time, TOTALS.max_time), 6)


def test_the_page_of_the_rules_is_what_the_migration_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "stale: python -m deploy.quality_page"


def test_rules_become_expressions() -> None:
    compiled = compile_rules(
        [
            Rule("events", "b", "error", "x > 1 -- why"),
            Rule("events", "a", "error", "y IS NULL"),
            Rule("events", "is_test_user", "flag", "z"),
        ],
        ["is_bot_traffic", "is_test_user"],
    )
    assert compiled == {
        "errors": "ARRAY_COMPACT(ARRAY_CONSTRUCT(IFF((\ny IS NULL\n), 'a', NULL), IFF((\nx > 1 -- why\n), 'b', NULL)))::VARIANT",
        "warnings": "ARRAY_CONSTRUCT()::VARIANT",
        "is_bot_traffic": "FALSE",
        "is_test_user": "COALESCE((\nz\n), FALSE)",
    }


@pytest.mark.parametrize(
    ("code", "severity", "predicate", "message"),
    [("a", "fatal", "x", "severity"), ("A'", "error", "x", "a code is"), ("a", "error", " ", "is empty")],
)
def test_unusable_rules_are_named(code: str, severity: str, predicate: str, message: str) -> None:
    with pytest.raises(QualityRuleError, match=f"Quality rule events\\.{re.escape(code)}.*{message}"):
        Rule("events", code, severity, predicate)


def test_flags_of_no_column_and_repeated_codes_are_refused() -> None:
    with pytest.raises(QualityRuleError, match="no flag column 'is_vip'"):
        compile_rules([Rule("events", "is_vip", "flag", "x")], ["is_bot_traffic"])
    with pytest.raises(QualityRuleError, match="occurs twice"):
        compile_rules([Rule("events", "a", "error", "x"), Rule("events", "a", "warn", "x")], [])


def test_arguments() -> None:
    assert batch_identifier(" " + ID.upper()) == ID
    assert calendar_date("2024-01-15") == datetime.date(2024, 1, 15)
    for wrong in ("x' OR 1=1", "", None):
        with pytest.raises(ArgumentError):
            batch_identifier(wrong)
        with pytest.raises(ArgumentError):
            calendar_date(wrong)
    with pytest.raises(ArgumentError):
        canonical("a; DROP TABLE b")


def test_the_landing_is_sorted() -> None:
    names = [
        f"s3://b/_manifests/{ID}.json",
        f"landing/_manifests/{ID}.loaded",
        "s3://b/_manifests/.tmp",
        f"x/{ID}.json",
    ]
    found = published(names)
    assert (set(found.manifests), set(found.acknowledged)) == ({ID}, {ID})


def test_the_newest_snapshot_is_loaded_unless_it_is() -> None:
    """Names tell it: the last by its time. One without a time is of a contract that is known no more."""
    other = ID.replace("a", "b")
    folder = "s3://landing/_speed_manifests/2024-01-15"
    times = ("20240116T010000000000Z", "20240116T020000000000Z")
    older, newer = (f"{folder}/{time}.{one}.json" for time, one in zip(times, (ID, other), strict=True))
    names = [newer, f"{folder}/{'f' * 8}{ID[8:]}.json", older, f"{folder}/notes.txt", f"x{older[13:]}", f"{older}.tmp"]
    assert [one.extraction_id for one in to_load(names, {}, set())] == [other]
    at_one, at_two = (datetime.datetime(2024, 1, 16, hour, tzinfo=datetime.UTC) for hour in (1, 2))
    for loaded in (Loaded(ID, at_one), Loaded(other, at_one)):
        assert [one.path for one in to_load(names, {"2024-01-15": loaded}, set())] == [
            newer.removeprefix("s3://landing/")
        ]
    assert to_load(names, {"2024-01-15": Loaded(other, at_two)}, set()) == []
    assert to_load(names, {}, {newer.removeprefix("s3://landing/")}) == []
    day = datetime.date(2024, 1, 15)
    assert len(to_load(names, {}, set(), day, day)) == 1
    assert to_load(names, {}, set(), first=day + datetime.timedelta(days=1)) == []
    assert to_load(names, {}, set(), last=day - datetime.timedelta(days=1)) == []
    assert to_load(names[1:2], {}, set()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no speed manifest"),
        ("{}", "lacks"),
        ('{"contract_version": 1}', "contract version 1, known are 2, 3"),
        ("[]", "no speed manifest"),
    ],
)
def test_wrong_speed_manifests_are_refused(text: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        read_snapshot("m.json", text)


def test_statements() -> None:
    assert statement("delete_batch_rows", table="user_events").startswith("DELETE FROM raw.user_events")
    assert list(chunks(["f"] * 2500))[2] == ["f"] * 500
    assert literal("it's \\ here") == "'it''s \\\\ here'"
    with pytest.raises(StatementError, match="no statement 'nothing'"):
        statement("nothing")
    with pytest.raises(StatementError, match="fragment 'table'"):
        statement("delete_batch_rows")


@pytest.mark.parametrize("table", STAGING_TABLES, ids=lambda table: table.table)
def test_columns_are_those_of_the_migrations(table: StagingTable) -> None:
    scripts = (path for version in ("1[23]", "2[45]") for path in (ROOT / "migrations").glob(f"V1.{version}.*.sql"))
    later = "".join(path.read_text(encoding="utf-8") for path in scripts)
    previous = {f"previous_{column}" for column in table.previous}
    for script, name, extra in (
        ("V1.2.0__staging_tables.sql", table.table, {"processed_at"}),
        (
            "V1.7.0__staging_deltas.sql",
            f"{table.table}_delta",
            {"is_changed", "is_removed", "previous_date", *previous},
        ),
    ):
        text = (ROOT / "migrations" / script).read_text(encoding="utf-8")
        body = re.search(rf"EXISTS staging\.{name} \((.*?)\n\)", text, re.DOTALL)
        assert body is not None
        columns = re.findall(r"^    (\w+) [A-Z]", body[1], re.MULTILINE)
        for added in re.findall(rf"TABLE staging\.{name} ADD COLUMN(.*?);", later, re.DOTALL):
            columns += re.findall(r"(\w+) (?:BOOLEAN|NUMBER|STRING|TIMESTAMP_NTZ)", added)
        assert sorted(columns) == sorted([*table.columns, *extra])


def test_the_sql_check_finds_planted_mistakes() -> None:
    assert any("PRS" in finding for finding in _findings("migrations/R__x.sql", "CREATE TABEL x (a INT);"))
    assert any("PRS" in finding for finding in _findings("a.sql", "COPY INTO x FROM @s FORCE = PERHAPS;"))


def test_the_check_of_captured_statements_finds_planted_mistakes(tmp_path: Path) -> None:
    (tmp_path / "1.jsonl").write_text(
        "".join(
            json.dumps(text) + "\n"
            for text in (
                "SELECT a FROM t WHERE b IN (1, 2) AND c = 'x'",
                "SELECT a FROM t  WHERE b IN (7) AND c = 'it''s' -- the same form",
                "SELECT a FORM t WHERE",
            )
        )
    )
    first, second = captured_statements(tmp_path)
    assert (parse_findings(first), bool(parse_findings(second))) == ([], True)
    longer = f"{first} AND d IN (SELECT 1)"
    assert one_of_each_kind([longer, first, second]) == [first, second]
    names = {path.stem for path in (ROOT / "snowpark_procs" / "sql").glob("*.sql")}
    assert set(never_sent([first])) == names
    assert set(never_sent([statement("newest_run")])) == names - {"newest_run"}


def test_what_an_amount_looks_like_is_the_same_wherever_it_is_read() -> None:
    """The quality rules, the flagging of events and sessions, dbt's macro; the Spark job's pattern is the same in Java's form."""
    spelled = "'-?[0-9]{1,60}([.][0-9]{1,60})?([eE][+-]?[0-9]{1,3})?'"
    texts = {
        path: (ROOT / path).read_text().replace("''", "'")
        for path in (
            "migrations/R__10_quality_rules.sql",
            "snowpark_procs/sql/flag_events.sql",
            "snowpark_procs/sql/flag_sessions.sql",
            "dbt_project/macros/business_logic/purchase_amount.sql",
        )
    }
    assert [path for path, text in texts.items() if spelled not in text] == []
