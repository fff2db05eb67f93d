"""Imports any CSV, JSON or Parquet files into the lake through a mapping. Nothing is added twice, nothing is lost."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_ingest.config import IngestConfig
from spark_ingest.errors import InputError, MappingError
from spark_ingest.importing.inputs import CORRUPT, Input, parse_inputs, read_input, shortened_columns
from spark_ingest.importing.mapping import REASON, ROW_PREFIX, Select, evaluate, read_mapping
from spark_ingest.importing.quarantine import REPEATED, judged, judged_together, keys_repeat
from spark_ingest.lake.rows import append_rows, create_tables, identifier
from spark_ingest.lake.tables import Table
from spark_ingest.spark.failures import SPARK_ERRORS, sentence
from spark_ingest.transforms.identifiers import canonical_id

MALFORMED = "malformed line or document"


@dataclass(frozen=True)
class InputCount:
    """What was read of one input.

    shortened: columns of nanoseconds, of which microseconds are kept. escaped: how many of the malformed rows seem to have quotes
    after backslashes, which `escape` in inputs.toml would read.
    """

    name: str
    files: int
    rows: int
    malformed: int
    shortened: tuple[str, ...] = ()
    escaped: int = 0


@dataclass(frozen=True)
class TableCount:
    """What became of a mapping's rows: mapped = added + already_there + repeated + the rejected ones."""

    name: str
    mapped: int
    added: int
    already_there: int
    repeated: int
    rejected: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ImportResult:
    """The result of an import. rejects: the file of rows set aside, None when there were none."""

    inputs: tuple[InputCount, ...]
    tables: tuple[TableCount, ...]
    rejects: Path | None


def import_files(spark: SparkSession, config: IngestConfig, arguments: Sequence[str], mapping: Path) -> ImportResult:
    """Import NAME=PATH inputs through a mapping folder.

    Each table is added in one snapshot or not at all; after a failure the same import completes what is missing.
    Raises InputError and MappingError before anything is written.
    """
    selects = read_mapping(mapping)
    inputs = parse_inputs(arguments, mapping)
    import_id = _import_id(inputs, selects)
    with _scratch(config) as scratch:
        counts = [_register(spark, source, scratch) for source in inputs]
        rows = {select.table: _mapped(spark, select, [source.name for source in inputs], scratch) for select in selects}
        create_tables(spark, config)
        rejects = _Rejects(Path(config.rejects) / f"import-{import_id}.jsonl")
        with rejects:
            for source in inputs:
                rejects.add_malformed(spark, source)
            tables = [_add(spark, config, table, found, rejects, import_id) for table, found in rows.items()]
    return ImportResult(tuple(counts), tuple(tables), rejects.path if rejects.count else None)


def checked_inputs(arguments: Sequence[str], mapping: Path) -> list[Input]:
    """Return the inputs; raise InputError or MappingError for what can be told without Spark: a mistake need not wait."""
    read_mapping(mapping)
    return parse_inputs(arguments, mapping)


def _register(spark: SparkSession, source: Input, scratch: Path) -> InputCount:
    """Parse an input once into scratch Parquet and register its well-formed rows as the view that mappings name."""
    path = scratch / "inputs" / source.name
    try:
        numbered = read_input(spark, source).withColumn(_row(source.name), F.monotonically_increasing_id())
        numbered.write.parquet(str(path))
    except SPARK_ERRORS as error:
        raise InputError(f"{_names(source)} cannot be read: {sentence(error)}") from error
    rows = spark.read.parquet(str(path))
    rows.filter(F.col(CORRUPT).isNull()).drop(CORRUPT).createOrReplaceTempView(source.name)
    rows.createOrReplaceTempView(_all_rows(source.name))
    escaped = F.lit(False) if source.options.escape else F.col(CORRUPT).contains(f"\\{source.options.quote}")
    total = rows.agg(
        F.count(F.lit(1)).alias("rows"), F.count(CORRUPT).alias("malformed"), F.count_if(escaped).alias("escaped")
    ).collect()[0]
    shortened = tuple(shortened_columns(source))
    return InputCount(source.name, len(source.files), total.rows, total.malformed, shortened, total.escaped)


def _mapped(spark: SparkSession, select: Select, names: list[str], scratch: Path) -> DataFrame:
    """A mapping's rows, judged, computed once into scratch Parquet."""
    path, table = scratch / "mapped" / select.table.name, select.table
    # Within a mapping, a value that a CAST cannot read is NULL, and the row is set aside where it needs the value;
    # under ANSI rules one bad value would stop the whole import.
    spark.conf.set("spark.sql.ansi.enabled", "false")
    try:
        judged(evaluate(spark, select, names), table).write.parquet(str(path))
    except SPARK_ERRORS as error:
        raise MappingError(f"{select.path}: {sentence(error)}") from error
    finally:
        spark.conf.set("spark.sql.ansi.enabled", "true")
    alone = spark.read.parquet(str(path))
    if not keys_repeat(alone, table):  # to compare whole rows moves and sorts them; counting keys does not
        return alone.withColumn(REPEATED, F.lit(False))
    together = scratch / "together" / table.name
    judged_together(alone, table).write.parquet(str(together))
    return spark.read.parquet(str(together))


def _add(
    spark: SparkSession, config: IngestConfig, table: Table, rows: DataFrame, rejects: _Rejects, import_id: str
) -> TableCount:
    outcomes = {(row[REASON], row[REPEATED]): row["count"] for row in rows.groupBy(REASON, REPEATED).count().collect()}
    reasons = {reason: count for (reason, _), count in outcomes.items() if reason is not None}
    repeated, loadable = outcomes.get((None, True), 0), outcomes.get((None, False), 0)
    added = _append_new(
        spark, config, table, rows.filter(F.col(REASON).isNull() & ~F.col(REPEATED)), loadable, import_id
    )
    if reasons:
        rejects.add_rows(spark, table, rows.filter(F.col(REASON).isNotNull()))
    mapped = sum(outcomes.values())
    return TableCount(table.name, mapped, added, loadable - added, repeated, dict(sorted(reasons.items())))


def _append_new(
    spark: SparkSession, config: IngestConfig, table: Table, rows: DataFrame, count: int, import_id: str
) -> int:
    """Append those of `count` rows whose keys the table does not have yet; how many that were."""
    present = spark.table(identifier(config, table))
    if not count:
        return 0
    if present.isEmpty():  # nothing to compare with: the rows are written as they are read
        append_rows(rows, config, table, import_id)
        return count
    keys = _keys(table)
    new = rows.select("*", *keys).join(
        present.select(*keys).distinct(), [f"__{name}" for name in table.key], "left_anti"
    )
    new = new.select(*table.column_names).persist()
    try:
        if added := new.count():
            append_rows(new, config, table, import_id)
    finally:
        new.unpersist()
    return added


def _keys(table: Table) -> list[Column]:
    return [canonical_id(F.col(name)).alias(f"__{name}") for name in table.key]


class _Rejects:
    """The file of rows set aside: one JSON document a line, written whole under its name at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._partial = path.with_suffix(".partial")

    def __enter__(self) -> _Rejects:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = self._partial.open("w", encoding="utf-8")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._stream.close()
        if self.count and kind is None:
            self._partial.replace(self.path)
        else:
            self._partial.unlink(missing_ok=True)

    def add_malformed(self, spark: SparkSession, source: Input) -> None:
        """Malformed lines of an input: `input`, `reason`, `text`."""
        lines = spark.table(_all_rows(source.name)).filter(F.col(CORRUPT).isNotNull()).select(CORRUPT)
        for row in lines.toLocalIterator():
            self._write({"input": source.name, "reason": MALFORMED, "text": row[0]})

    def add_rows(self, spark: SparkSession, table: Table, rows: DataFrame) -> None:
        """Rejected rows of a mapping: `table`, `reason`, `row` as mapped, `source` as it was read."""
        names = [name.removeprefix(ROW_PREFIX) for name in rows.columns if name.startswith(ROW_PREFIX)]
        shown = rows.select(
            F.col(REASON), F.to_json(F.struct(*table.column_names)).alias("row"), *(_row(n) for n in names)
        )
        for name in names:
            source = spark.table(_all_rows(name)).drop(CORRUPT)
            columns = [column for column in source.columns if not column.startswith(ROW_PREFIX)]
            text = source.select(_row(name), F.to_json(F.struct(*columns)).alias(f"source_{name}"))
            shown = shown.join(text, _row(name), "left")
        for row in shown.toLocalIterator():
            document = {"table": table.name, "reason": row[REASON], "row": json.loads(row["row"])}
            sources = {name: json.loads(row[f"source_{name}"]) for name in names if row[f"source_{name}"]}
            self._write(document | ({"source": sources} if sources else {}))

    def _write(self, document: dict[str, object]) -> None:
        self._stream.write(json.dumps(document, ensure_ascii=False) + "\n")
        self.count += 1


def _import_id(inputs: Sequence[Input], selects: Sequence[Select]) -> str:
    """The same files through the same mapping have the same id, so a repeat writes the same reject file."""
    seen = hashlib.sha256()
    for source in inputs:
        for path in source.files:
            seen.update(f"{source.name}\0{path}\0{path.stat().st_size}\0".encode())
    for select in selects:
        seen.update(f"{select.table.name}\0{select.text}\0".encode())
    return seen.hexdigest()[:16]


@contextmanager
def _scratch(config: IngestConfig) -> Iterator[Path]:
    path = Path(config.scratch) / f"import-{uuid.uuid4().hex}"
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _all_rows(name: str) -> str:
    return f"__all_{name}"


def _row(name: str) -> str:
    return f"{ROW_PREFIX}{name}"


def _names(source: Input) -> str:
    more = f" (and {len(source.files) - 1} more)" if len(source.files) > 1 else ""
    return f"{source.files[0]}{more}"
