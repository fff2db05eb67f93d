"""Identifiers in every form, brought to one by ClickHouse itself; the case table is the one that Spark is held to as well."""

from __future__ import annotations

import json
import string
import uuid
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest

from reconcile.speed.connection import open_speed_layer
from reconcile.speed.extraction import Extraction, extract_day
from reconcile.speed.landing import Landing
from tests.reconcile.speed.tables import COLUMNS, TABLE, config, ddl, run

pytestmark = pytest.mark.clickhouse

CASES = json.loads(Path(__file__).with_name("identifier_cases.json").read_text(encoding="utf-8"))
DAY = date(2024, 1, 15)
# Engines lower some of these differently: I with a dot to one or two characters, a final sigma by its place or not.
CAPITALS = ["ÉCLAIR", "İSTANBUL", "ΟΔΟΣ", "ẞ", "ᏣᎳᎩ"]
SOME = uuid.UUID("0c363c25-191b-4077-b589-c5706fbd278f")
Pairs = list[tuple[str | None, str | None]]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("speed")


def extract(
    engine: Path, landing: Path, kind: str, literals: Sequence[str], other: str = ""
) -> tuple[Pairs, Extraction]:
    """What becomes of each value of session_id: the form compared, and the form stored where that differs.

    other: a type in which user_id has the same values, of which the same becomes.
    """
    start = "'2024-01-15 10:00:00'"
    rows = ", ".join(f"({one}, {one if other else 'NULL'}, {start}, {number})" for number, one in enumerate(literals))
    insert = f"INSERT INTO {TABLE} (session_id, user_id, session_start, page_views) VALUES {rows}"
    run(engine, ddl({**COLUMNS, "session_id": kind, "user_id": other or "Nullable(UUID)"}), insert)
    settings = config(engine, landing)
    with open_speed_layer(settings) as speed:
        found = extract_day(speed, Landing(settings), DAY)
    table = pq.ParquetFile(landing / found.path).read().sort_by("page_views")
    pairs = {
        name: list(zip(table.column(name).to_pylist(), table.column(f"{name}_as_stored").to_pylist(), strict=True))
        for name in ("session_id", "user_id")
    }
    assert not other or pairs["user_id"] == pairs["session_id"]
    return pairs["session_id"], found


def text(value: str) -> str:
    return f"unhex('{value.encode().hex()}')"


def compared(value: str, canonical: str, is_uuid: bool) -> str | None:
    """The form that is compared, of the form that the lake keeps; capitals that are not ASCII are the warehouse's to lower."""
    if is_uuid:
        return canonical
    bare = value.strip(" \t\r\n")
    for case in CASES:
        if case["is_uuid"] and case["value"] == bare:  # blanks around a UUID
            return str(case["canonical"])
    return bare.translate(str.maketrans(string.ascii_uppercase, string.ascii_lowercase)) or None


def test_every_case_of_the_table(engine: Path, tmp_path: Path) -> None:
    """Where nothing but the form differs, the form stored is the one that came."""
    blank = [" ", "\t\n", " test-user-1\n", "Test-User-1", *CAPITALS]
    more = [{"value": value, "canonical": value, "is_uuid": False} for value in blank]
    cases = [*CASES, *more]
    found, extraction = extract(engine, tmp_path, "String", [text(case["value"]) for case in cases])
    for case, (session_id, as_stored) in zip(cases, found, strict=True):
        assert session_id == compared(**case), case
        if session_id is not None:
            assert as_stored == (case["value"] if case["value"] != session_id else None), case
    others = [one for one, _ in found if one is not None and len(one.replace("-", "").strip("{}")) != 32]
    assert extraction.non_uuid_ids >= len(others) > 10


def test_every_form_of_random_uuids(engine: Path, tmp_path: Path) -> None:
    random = Random(11)
    uuids = [uuid.UUID(int=random.getrandbits(128)) for _ in range(60)]
    forms = []
    for value in uuids:
        form = random.choice([str(value), value.hex])
        form = random.choice([form, form.upper(), form.title()])
        form = random.choice([form, f"{{{form}}}"])
        forms.append(random.choice(["", "urn:uuid:", "URN:UUID:", "Urn:Uuid:"]) + form)
    found, extraction = extract(engine, tmp_path, "LowCardinality(String)", [text(form) for form in forms])
    assert found == [(str(u), None if form == str(u) else form) for u, form in zip(uuids, forms, strict=True)]
    assert extraction.non_uuid_ids == 0


@pytest.mark.parametrize("order", ["RFC", "Microsoft", "ClickHouse"])
def test_16_bytes_in_each_order(engine: Path, tmp_path: Path, order: str) -> None:
    """One whose last byte is zero, too: it pads a fixed string."""
    random = Random(12)
    uuids = [uuid.UUID(int=random.getrandbits(128), version=4) for _ in range(40)]
    uuids[0] = uuid.UUID(uuids[0].hex[:30] + "00")
    stored = {
        "RFC": lambda value: value.bytes,
        "Microsoft": lambda value: value.bytes_le,
        "ClickHouse": lambda value: value.bytes[7::-1] + value.bytes[:7:-1],
    }
    literals = [f"unhex('{stored[order](value).hex()}')" for value in uuids] + ["unhex('')", f"unhex('{'00' * 16}')"]
    found, extraction = extract(engine, tmp_path, "String", literals, "Nullable(FixedString(16))")
    assert found == [(str(value), None) for value in uuids] + [(None, None)] * 2
    assert extraction.non_uuid_ids == 0


def test_16_letters_are_a_text(engine: Path, tmp_path: Path) -> None:
    found, _ = extract(engine, tmp_path, "String", ["'Session_12345678'", "'éèéèéèéè'"], "FixedString(16)")
    assert found == [("session_12345678", "Session_12345678"), ("éèéèéèéè", None)]


def test_numbers_of_any_width(engine: Path, tmp_path: Path) -> None:
    """Of 128 bits they are a UUID, unless they would fit 64."""
    beyond = str(2**64 - 1)
    assert extract(engine, tmp_path, "UInt64", [beyond, "7"])[0] == [(beyond, None), ("7", None)]
    found, extraction = extract(engine, tmp_path, "UInt128", [f"toUInt128('{SOME.int}')", beyond])
    assert (found, extraction.non_uuid_ids) == ([(str(SOME), None), (beyond, None)], 1)
    assert extract(engine, tmp_path, "Int256", [f"toInt256('-{2**200}')"])[0] == [(f"-{2**200}", None)]


def test_the_uuid_of_zeros_is_no_identifier(engine: Path, tmp_path: Path) -> None:
    assert extract(engine, tmp_path, "UUID", [f"'{SOME}'", f"'{uuid.UUID(int=0)}'"])[0] == [
        (str(SOME), None),
        (None, None),
    ]


@pytest.mark.parametrize("kind", ["Nullable(String)", "LowCardinality(Nullable(String))", "Nullable(FixedString(16))"])
def test_null_beside_16_bytes_and_texts(engine: Path, tmp_path: Path, kind: str) -> None:
    found, _ = extract(engine, tmp_path, kind, ["NULL", f"unhex('{SOME.hex}')"])
    assert found == [(None, None), (str(SOME), None)]
    found, _ = extract(engine, tmp_path, kind, ["NULL", "'sixteen letters.'"])
    assert found == [(None, None), ("sixteen letters.", None)]
