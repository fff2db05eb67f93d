"""Importing anybody's files: formats, quarantine, refusals, and that nothing is added twice or lost."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from rich.console import Console

from spark_ingest.errors import InputError, MappingError
from spark_ingest.importing.files import MALFORMED, ImportResult, InputCount, TableCount, import_files
from spark_ingest.importing.inputs import CORRUPT, parse_inputs, read_input, shortened_columns
from spark_ingest.lake.tables import TRANSACTIONS, USER_EVENTS
from spark_ingest.report import import_table
from tests.spark_ingest.conftest import Lake

pytestmark = pytest.mark.spark

SALES = """SELECT no AS transaction_id, item AS product_id, CAST(n AS INT) AS quantity,
    CAST(price AS DECIMAL(12, 3)) AS unit_price, CAST(n AS INT) * CAST(price AS DECIMAL(12, 2)) AS total_amount,
    to_timestamp(day, 'dd.MM.yyyy HH:mm') AS created_at, NULL AS status
FROM sales -- every line"""
EVENTS = (
    "SELECT id AS event_id, visit AS session_id, kind AS event_type, CAST(at AS TIMESTAMP) AS timestamp FROM clicks"
)


def mapping(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return folder


def imported(lake: Lake, folder: Path, **inputs: object) -> ImportResult:
    return import_files(lake.spark, lake.config, [f"{name}={path}" for name, path in inputs.items()], folder)


def rejects(result: ImportResult) -> list[dict[str, Any]]:
    assert result.rejects is not None
    return [json.loads(line) for line in result.rejects.read_text(encoding="utf-8").splitlines()]


CSV = '''no,item,n,price,day
1,apple,2,1.10,15.01.2024 23:59
1,"pear, ""green""",1,0.335,15.01.2024 23:59
1,apple,2,1.10,15.01.2024 23:59
1,apple,3,1.10,15.01.2024 23:59
2,"two
lines",1,5,16.01.2024 00:00
3,plum,many,5,16.01.2024 00:00
4,plum,1,123456789.00,16.01.2024 00:00
5,plum,1,5,2024-01-16
,plum,1,5,16.01.2024 00:00
6,short
7,long,1,5,16.01.2024 00:00,extra
'''


def test_csv_with_everything_that_goes_wrong(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("\ufeff" + CSV, encoding="utf-8")
    folder = mapping(tmp_path / "map", transactions__sql=SALES)
    result = imported(lake, folder, sales=path)
    assert (result.inputs[0].rows, result.inputs[0].malformed) == (11, 2)
    (count,) = result.tables
    assert (count.mapped, count.added, count.already_there, count.repeated) == (9, 3, 0, 1)
    assert count.rejected == {
        "created_at: no value, or not readable as timestamp": 1,
        "duplicate key (transaction_id, product_id) with other content": 1,
        "quantity: no value, or not readable as int": 1,
        "transaction_id: no value, or not readable as string": 1,
        "unit_price: too large for decimal(10,2)": 1,
    }
    rows = lake.spark.table(lake.name(TRANSACTIONS)).orderBy("transaction_id", "product_id").collect()
    assert [(r.product_id, r.quantity, r.unit_price, str(r.date), r.status, r.user_id) for r in rows] == [
        ("apple", 2, Decimal("1.10"), "2024-01-15", None, None),
        ('pear, "green"', 1, Decimal("0.34"), "2024-01-15", None, None),
        ("two\nlines", 1, Decimal("5.00"), "2024-01-16", None, None),
    ]
    set_aside = rejects(result)
    assert len(set_aside) == 7
    assert [line["text"] for line in set_aside if line["reason"] == MALFORMED] == [
        "6,short",
        "7,long,1,5,16.01.2024 00:00,extra",
    ]
    (unread,) = [line for line in set_aside if line["reason"].startswith("quantity")]
    assert unread["source"]["sales"]["n"] == "many"  # what could not be read is kept as it came

    again = imported(lake, folder, sales=path)
    assert again.tables == (TableCount("transactions", 9, 0, 3, 1, count.rejected),)
    assert again.rejects == result.rejects
    assert lake.spark.table(lake.name(TRANSACTIONS)).count() == 3


@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet", "tsv"])
def test_formats_globs_and_gzip(lake: Lake, tmp_path: Path, kind: str) -> None:
    documents = [
        {"id": f"e{n}", "visit": "Visit-1", "kind": "page_view", "at": f"2024-01-15 10:0{n}:00Z"} for n in range(4)
    ]
    for number, part in enumerate((documents[:3], documents[3:])):
        path = tmp_path / f"clicks-{number}.{kind}"
        if kind == "jsonl":
            text = "\n".join(json.dumps(document) for document in part)
            with gzip.open(f"{path}.gz", "wt", encoding="utf-8") as stream:
                stream.write(text + ("\n{broken" if number else ""))
        elif kind == "json":
            path.write_text(json.dumps(part))
        elif kind == "tsv":
            path.write_text("\n".join("\t".join(row) for row in [list(part[0]), *(list(d.values()) for d in part)]))
        else:
            lake.spark.createDataFrame(part).coalesce(1).write.parquet(str(path))
    result = imported(lake, mapping(tmp_path / "map", user_events__sql=EVENTS), clicks=f"{tmp_path}/clicks-*")
    assert result.tables == (TableCount("user_events", 4, 4, 0, 0, {}),)
    assert result.inputs[0].malformed == (1 if kind == "jsonl" else 0)
    rows = lake.spark.table(lake.name(USER_EVENTS)).select("event_id", "hour", "date", "processing_time").collect()
    assert sorted((r.event_id, r.hour, str(r.date), r.processing_time) for r in rows) == [
        (f"e{n}", 10, "2024-01-15", None) for n in range(4)
    ]


def test_inputs_toml_says_how_to_read(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "export.dat"
    path.write_bytes(
        "e1;Besuch;page_view;2024-01-15 10:00:00;Käse\ne2;Besuch;NA;2024-01-15 10:00:00;x\n".encode("latin-1")
    )
    toml = (
        '[clicks]\nformat = "csv"\ndelimiter = ";"\nencoding = "ISO-8859-1"\nnull_value = "NA"\n'
        'columns = ["id", "visit", "kind", "at", "search"]\n'
    )
    sql = EVENTS.replace(" FROM", ", search AS search_query, to_json(map('amount', 5)) AS properties FROM")
    folder = mapping(tmp_path / "map", user_events__sql=sql, inputs__toml=toml)
    result = imported(lake, folder, clicks=path)
    assert result.tables[0].rejected == {"event_type: no value, or not readable as string": 1}
    (row,) = lake.spark.table(lake.name(USER_EVENTS)).collect()
    assert (row.search_query, row.properties) == ("Käse", '{"amount":5}')


def test_joins_aggregates_and_reasons_of_the_mappings_own(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "clicks.csv").write_text(
        "id,visit,kind,at\n1,a,page_view,2024-01-15\n2,a,page_view,2024-01-15\n3,b,search,2024-01-15\n"
    )
    (tmp_path / "visits.csv").write_text("visit,tier\na,gold\n")
    sql = """
        WITH ranked AS (SELECT *, row_number() OVER (ORDER BY id) AS n FROM clicks)
        SELECT id AS event_id, r.visit AS session_id, kind AS event_type, CAST(at AS TIMESTAMP) AS timestamp,
            tier AS user_tier, CASE WHEN tier IS NULL THEN 'visit unknown' END AS reject_reason
        FROM ranked r LEFT JOIN visits v ON r.visit = v.visit"""
    total = """SELECT concat('t', visit) AS transaction_id, 'all' AS product_id, CAST(count(*) AS INT) AS quantity,
        CAST(1 AS DECIMAL(10,2)) AS unit_price, CAST(count(*) AS DECIMAL(10,2)) AS total_amount,
        max(CAST(at AS TIMESTAMP)) AS created_at FROM clicks GROUP BY visit"""
    folder = mapping(tmp_path / "map", user_events__sql=sql, transactions__sql=total)
    result = imported(lake, folder, clicks=tmp_path / "clicks.csv", visits=tmp_path / "visits.csv")
    assert [(t.name, t.added, t.rejected) for t in result.tables] == [
        ("user_events", 2, {"visit unknown": 1}),
        ("transactions", 2, {}),
    ]


REFUSED = [
    (SALES.replace("item AS product_id, ", ""), "required column 'product_id' is missing"),
    (SALES.replace("CAST(n AS INT) AS quantity", "n AS quantity"), "column 'quantity' is string, but must be int"),
    (SALES.replace("CAST(price AS DECIMAL(12, 3))", "CAST(price AS DOUBLE)"), "column 'unit_price' is double"),
    (SALES.replace("NULL AS status", "NULL AS total_amount, 1 AS total_amount"), "column 'total_amount' occurs twice"),
    (SALES.replace("NULL AS status", "'x' AS colour"), "'colour' is not a column of transactions"),
    (SALES.replace("item AS", "itm AS"), "itm"),
    (SALES.replace("to_timestamp(day, 'dd.MM.yyyy HH:mm')", "day"), "column 'created_at' is string"),
    ("SELEC 1", "is not one Spark SQL SELECT"),
    ("DROP TABLE iceberg.ecommerce.user_events", "must be one SELECT"),
    ("SELECT 1; SELECT 2", "is not one Spark SQL SELECT"),
]


def test_mappings_are_refused_before_anything_is_written(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(CSV, encoding="utf-8")
    for text, told in REFUSED:
        folder = mapping(tmp_path / "map", transactions__sql=text)
        with pytest.raises(MappingError) as refusal:
            imported(lake, folder, sales=path)
        assert told in str(refusal.value)
        assert str(folder / "transactions.sql") in str(refusal.value)
        assert "\n" not in str(refusal.value)
    assert lake.spark.table(lake.name(TRANSACTIONS)).count() == 0


def test_inputs_that_cannot_be_read_are_named(lake: Lake, tmp_path: Path) -> None:
    folder = mapping(tmp_path / "map", user_events__sql=EVENTS)
    truncated = tmp_path / "clicks.csv.gz"
    truncated.write_bytes(gzip.compress(b"id,visit,kind,at\n" + b"1,a,page_view,2024-01-15\n" * 9000)[:-60])
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 no parquet PAR1")
    twice = tmp_path / "twice.csv"
    twice.write_text("id,ID\n1,2\n")
    nameless = tmp_path / "data.xyz"
    nameless.write_text("x")
    cases = [
        (truncated, "clicks.csv.gz"),
        (broken, "broken.parquet"),
        (twice, "column 'id' occurs twice"),
        (nameless, "format"),
    ]
    for path, told in [*cases, (tmp_path / "nothing.csv", "no file matches")]:
        with pytest.raises(InputError) as refusal:
            imported(lake, folder, clicks=path)
        assert told in str(refusal.value)
    with pytest.raises(InputError, match="expected NAME=PATH"):
        import_files(lake.spark, lake.config, ["clicks"], folder)
    with pytest.raises(MappingError, match=r"neither user_events\.sql nor transactions\.sql"):
        imported(lake, mapping(tmp_path / "empty"), clicks=twice)


def test_quotes_after_backslashes_are_read_if_told_and_never_taken_wrongly(spark: SparkSession, tmp_path: Path) -> None:
    """What Spark's own writer makes; a document with quotes of its own is written with doubled ones by others."""
    lines = ["id,doc", r'1,"{\"amount\": 5.00, \"t\": \"a, b\"}"', r'2,"{\"amount\": 5.00}"']
    clicks = tmp_path / "clicks.csv"
    clicks.write_text("\n".join([*lines, r'3,"{""t"": ""say \""hi\""""}"', "4,plain"]), encoding="utf-8")

    def rows(**files: str) -> dict[str, tuple[str | None, bool]]:
        (source,) = parse_inputs([f"clicks={clicks}"], mapping(tmp_path / "mapping", **files))
        return {row.id: (row.doc, row[CORRUPT] is not None) for row in read_input(spark, source).collect()}

    doubled = rows()
    assert [doubled[key][1] for key in "1234"] == [True, True, False, False]
    assert (doubled["3"][0], doubled["4"][0]) == (r'{"t": "say \"hi\""}', "plain")
    clicks.write_text("\n".join([*lines, "4,plain"]), encoding="utf-8")
    assert rows(inputs__toml='[clicks]\nescape = "\\\\"') == {
        "1": ('{"amount": 5.00, "t": "a, b"}', False),
        "2": ('{"amount": 5.00}', False),
        "4": ("plain", False),
    }


def test_nanoseconds_are_cut_to_microseconds(spark: SparkSession, tmp_path: Path) -> None:
    """As pandas writes times; one before 1970 is cut downwards too."""
    times = [1_705_312_800_123_456_789, -1, None]
    columns = {"zoned": pa.array(times, pa.timestamp("ns", "UTC")), "bare": pa.array(times, pa.timestamp("ns"))}
    pq.write_table(pa.table(columns), tmp_path / "clicks.parquet")
    (source,) = parse_inputs([f"clicks={tmp_path / 'clicks.parquet'}"], mapping(tmp_path / "mapping"))
    found = read_input(spark, source).selectExpr("unix_micros(zoned) AS zoned", "unix_micros(bare) AS bare").collect()
    assert [(row.zoned, row.bare) for row in found] == [(1_705_312_800_123_456,) * 2, (-1, -1), (None, None)]
    count = InputCount("clicks", 1, 3, 1, tuple(shortened_columns(source)), escaped=1)
    console = Console(width=200)
    with console.capture() as captured:
        import_table(ImportResult((count,), (), None), console)
    assert "clicks: nanoseconds of bare, zoned are cut to microseconds" in captured.get()
    assert 'inputs.toml: [clicks] escape = "\\\\"' in captured.get()
