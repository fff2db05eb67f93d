"""Copy one CSV file into a table's columns.

The good records are loaded, and the errors of the others are reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from local_stack.endpoint.features.stages.columns import TargetColumn
from local_stack.endpoint.features.stages.csv_source import (
    ROW,
    CsvFile,
    CsvSource,
    plain_relation,
    register,
)
from local_stack.endpoint.features.stages.row_errors import ColumnNames, RowError
from local_stack.endpoint.features.stages.text_values import InputFormats, not_recognized, value_of_text
from local_stack.endpoint.language.quoting import identifier
from local_stack.endpoint.statements import SqlError


@dataclass(frozen=True)
class Assignment:
    """Hold what a table's column takes.

    It is a field of the file, counted from 1, or an expression. With `cut`, long texts are cut.
    """

    target: TargetColumn
    field: int | None = None
    expression: str | None = None
    cut: bool = False

    @property
    def text(self) -> str:
        return f"c{self.field}"

    def value(self, formats: InputFormats) -> str:
        """Return the expression of the value. It is NULL where the field does not convert."""
        if self.field is None:
            return f"CAST({self.expression or 'NULL'} AS {self.target.type})"
        if self.cut and self.target.length:
            return f"left({self.text}, {self.target.length})"
        return value_of_text(self.text, self.target.type, formats)

    def wrong(self, formats: InputFormats) -> list[str]:
        """Return the conditions under which the column does not take a value."""
        found = []
        if self.field is not None and self.target.type == "VARCHAR":
            if self.target.length and not self.cut:
                found.append(f"length({self.text}) > {self.target.length}")
        elif self.field is not None and self.target.type != "JSON":
            found.append(f"({self.text} IS NOT NULL AND {self.value(formats)} IS NULL)")
        return found


@dataclass(frozen=True)
class Examined:
    """Hold what is wrong with a file.

    `parsed` is the number of its records. `wrong` is the number of those not loaded.
    """

    parsed: int
    wrong: int
    first: RowError | None


class CsvLoad:
    """Load one file into a table.

    `table` is the table's name in SQL. `duck` is the session's connection, and `beside` is another one.
    """

    def __init__(
        self,
        file: CsvFile,
        assignments: Sequence[Assignment],
        formats: InputFormats,
        names: ColumnNames,
        table: str,
        duck: duckdb.DuckDBPyConnection,
        beside: duckdb.DuckDBPyConnection,
    ) -> None:
        self._file, self._assignments, self._formats, self._names = file, assignments, formats, names
        self._table, self._duck, self._beside = table, duck, beside
        self._plain = plain_relation(file)

    def load_all(self) -> int:
        """Load every record. Raises the error of the first wrong record."""
        wrong = self._wrong()
        values = [f"CASE WHEN {' OR '.join(conditions)} THEN error('') ELSE {value} END" if conditions else value
                  for value, conditions in zip(self._values(), wrong, strict=True)]  # fmt: skip
        try:
            return self._insert(f"SELECT {', '.join(values)} FROM {self._relation(strict=True)}")
        except (duckdb.InterruptException, duckdb.TransactionException):
            raise
        except (duckdb.Error, SqlError) as error:
            if first := self.examine().first:
                raise first.in_file(self._file.display) from error
            raise

    def load_good(self) -> int:
        """Load the records that are not wrong."""
        conditions = [c for conditions in self._wrong(with_nulls=True) for c in conditions]
        where = f" WHERE ({' OR '.join(conditions)}) IS NOT TRUE" if conditions else ""
        return self._insert(f"SELECT {', '.join(self._values())} FROM {self._relation(strict=False)}{where}")

    def clean_count(self) -> int | None:
        """Return the number of records where DuckDB's reader is exact for the file and every value converts."""
        if self._plain is None:
            return None
        conditions = [c for conditions in self._wrong(with_nulls=True) for c in conditions]
        wrong = f"COUNT_IF({' OR '.join(conditions)})" if conditions else "0"
        count, bad = self._beside.execute(f"SELECT COUNT(*), {wrong} FROM {self._plain}").fetchall()[0]
        return None if bad else int(count)

    def examine(self) -> Examined:
        """Look at every record, and return what is wrong with the file."""
        source = CsvSource(self._file)
        relation = register(self._beside, source, "_examined")
        flags = [f"({' OR '.join(c)}) IS TRUE" if c else "FALSE" for c in self._wrong(with_nulls=True)]
        texts = [f"CAST({a.text if a.field else 'NULL'} AS VARCHAR)" for a in self._assignments]
        found = self._beside.execute(
            f"SELECT COUNT(*), MIN({ROW}), arg_min(flags, {ROW}), arg_min(texts, {ROW}) FROM"
            f" (SELECT {ROW}, [{', '.join(flags)}] AS flags, [{', '.join(texts)}] AS texts FROM {relation})"
            " WHERE list_contains(flags, TRUE)"
        ).fetchall()
        count, row, flagged, values = found[0]
        first = source.errors[0] if source.errors else None
        if count and (first is None or row < first.row):
            place = flagged.index(True)
            first = self._value_error(int(row), place, values[place])
        return Examined(source.parsed, source.wrong + int(count), first)

    def _value_error(self, row: int, place: int, text: str | None) -> RowError:
        assignment = self._assignments[place]
        target = assignment.target
        if text is None:
            message, errno, state = "NULL result in a non-nullable column", 100072, "22000"
        elif target.type == "VARCHAR":
            message, errno, state = (
                f"User character length limit ({target.length}) exceeded by string '{text}'", 100074, "54000",
            )  # fmt: skip
        else:
            message, errno, state = not_recognized(text, target.type, self._formats)
        line, in_line, character = self._file.reader_after_header().place_of(row, assignment.field or 1)
        return RowError(message, errno, state, row, line, in_line, character, self._names(place + 1))

    def _values(self) -> list[str]:
        return [assignment.value(self._formats) for assignment in self._assignments]

    def _wrong(self, with_nulls: bool = False) -> list[list[str]]:
        """Return, for each column, the conditions of a wrong value.

        With `with_nulls`, a NULL counts as wrong where the column does not take it.
        """
        found = []
        for assignment in self._assignments:
            conditions = assignment.wrong(self._formats)
            if with_nulls and not assignment.target.nullable:
                conditions.append(f"{assignment.value(self._formats)} IS NULL")
            found.append(conditions)
        return found

    def _relation(self, strict: bool) -> str:
        return self._plain or register(self._duck, CsvSource(self._file, strict), "_copied")

    def _insert(self, select: str) -> int:
        names = ", ".join(identifier(a.target.name) for a in self._assignments)
        rows = self._duck.execute(f"INSERT INTO {self._table} ({names}) {select}").fetchall()
        return int(rows[0][0]) if rows else 0
