"""The SELECTs that read the speed layer. Pure: what the table is in, SQL of ClickHouse out.

Each reads the rows as their engine means them, brings every column to one form, and takes the MD5 of each row, so that ClickHouse
itself can say what a day's content is: the sum of its rows' hashes is the same in any order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from reconcile.speed.buckets import Bucketing
from reconcile.speed.columns import SPEED_COLUMNS, Kind, SpeedColumn, Value, read_value
from reconcile.speed.engine import SpeedEngine
from reconcile.speed.identifiers import ByteOrder, is_raw, votes

_PREFIX = "mapped_"
_SAMPLE_ROWS = 10_000
_CONTENT = "bitShiftLeft(toUInt128(c_hash_high), 64) + c_hash_low"


@dataclass(frozen=True)
class Source:
    """What is read.

    name: for messages. table: a quoted name, or a SELECT in parentheses. columns: quoted names of all its columns. states: those
    that hold states of aggregates. expressions: our columns as SQL over these; one that is not there is NULL. types: their types.
    byte_orders: how the 16 bytes of an identifier are a UUID, where they are.
    """

    name: str
    table: str
    engine: SpeedEngine
    columns: tuple[str, ...]
    states: tuple[str, ...]
    expressions: Mapping[str, str]
    types: Mapping[str, str] = field(default_factory=dict)
    byte_orders: Mapping[str, ByteOrder] = field(default_factory=dict)

    @property
    def lacking(self) -> list[str]:
        """Our columns that the table does not have."""
        return [column.name for column in SPEED_COLUMNS if column.name not in self.expressions]

    def describe(self) -> str:
        """Name and type of each of our columns that there is."""
        return f"DESCRIBE ({self._mapped('1')})"

    def sample(self, name: str) -> str:
        """How many values an identifier column has, how many are 16 bytes, and how many of these are a UUID in each order."""
        value = f"{_PREFIX}{name}"
        counted = ", ".join(f"countIf({is_raw(value)} AND {votes(value, order)})" for order in ByteOrder)
        rows = SpeedEngine("as stored").rows(self.table, self.columns, self.states, "1")  # any will do
        present = f"isNotNull({value}) AND NOT match(hex({value}), '^0*$')"
        return (
            f"SELECT countIf({present}), countIf({is_raw(value)}), {counted} "  # noqa: S608
            f"FROM (SELECT {self.expressions[name]} AS {value} {rows} LIMIT {_SAMPLE_ROWS})"
        )

    def days(self, condition: str | None = None) -> str:
        """For each UTC day, of those that the condition takes in: rows and the sum of their hashes, as texts."""
        start = self.expressions["session_start"]
        few, condition = condition is not None, condition or f"{start} IS NOT NULL"
        condition = f"{condition} AND NOT {self._no_time}"
        day = "toString(toDate32(fromUnixTimestamp64Micro(c_session_start, 'UTC')))"
        total = f"sum({_CONTENT})"
        return (
            f"SELECT {day} AS day, toString(count()) AS row_count, toString({total}) AS content "  # noqa: S608
            f"FROM ({self._hashed(condition, few)}) GROUP BY day ORDER BY day"
        )

    def day_names(self, condition: str | None = None) -> str:
        """The same days by session_start alone, whatever the other columns hold."""
        start = self.expressions["session_start"]
        rows = self._rows(f"{condition or f'{start} IS NOT NULL'} AND NOT {self._no_time}", condition is not None)
        return f"SELECT DISTINCT toString(toDate32(toDateTime64({start}, 6, 'UTC'))) AS day {rows} ORDER BY day"

    def day(self) -> str:
        """The rows of one UTC day. Binds from_time, to_time."""
        names = ", ".join(f"c_{name}" for name in self._output)
        return f"SELECT {names} FROM ({self._hashed(f'{self.within} AND NOT {self._no_time}')})"  # noqa: S608

    def bucket_sums(self, bucketing: Bucketing, count: int, within: Collection[int] | None = None) -> str:
        """For each of `count` buckets of one UTC day its sums, and what its part of the day comes to, as texts.

        Rows that are set aside are counted apart. within: only of these coarse buckets. Binds from_time, to_time.
        """
        kept = "c_set_aside = ''"
        sums = [f"sumIf(toUInt128(c_compared_{half}), {kept})" for half in ("high", "low")]
        parts = [
            *(f"countIf({kept})", *sums, f"countIf(NOT {kept})", f"ifNull(sumIf(c_other_ids, {kept}), 0)"),
            *(f"countIf({kept} AND isNull(c_total_spent))", f"sumIf(ifNull(c_total_spent, 0), {kept})"),
            *(f"{end}If(c_session_start, {kept})" for end in ("min", "max")),
            f"sum({_CONTENT})",
        ]
        rows = self._hashed(f"{self.within} AND NOT {self._no_time}", bucketing=bucketing)
        some = "" if within is None else f" WHERE c_bucket % {bucketing.coarse} IN ({_listed(within)})"
        texts = ", ".join(f"toString({part})" for part in parts)
        return f"SELECT toString(c_bucket % {count}) AS bucket, {texts} FROM ({rows}){some} GROUP BY bucket"  # noqa: S608

    def bucket_rows(self, bucketing: Bucketing, buckets: Collection[int]) -> str:
        """The rows of one UTC day that are in these buckets or set aside. Binds from_time, to_time."""
        names = ", ".join(f"c_{name}" for name in [*self._output, "compared_high", "compared_low"])
        rows = self._hashed(f"{self.within} AND NOT {self._no_time}", bucketing=bucketing)
        some = f"c_bucket IN ({_listed(buckets)}) OR c_set_aside != ''" if buckets else "c_set_aside != ''"
        return f"SELECT {names} FROM ({rows}) WHERE {some}"  # noqa: S608

    def without_start(self) -> str:
        """How many rows belong to no day: session_start is NULL, or what ClickHouse has for no value."""
        rows = self._rows(f"{self.expressions['session_start']} IS NULL OR {self._no_time}")
        return f"SELECT count() {rows}"

    @property
    def within(self) -> str:
        """The condition that a session starts in a range of instants. Binds from_time, to_time."""
        # DateTime has whole seconds and no years before 1970: compared as DateTime64 no bound is cut off.
        start = self.expressions["session_start"]
        return (
            start
            + " >= toDateTime64({from_time:String}, 6, 'UTC') AND "
            + start
            + " < toDateTime64({to_time:String}, 6, 'UTC')"
        )

    @property
    def _no_time(self) -> str:
        return f"({self.expressions['session_start']} = toDateTime64('1970-01-01 00:00:00', 6, 'UTC'))"

    @property
    def _output(self) -> list[str]:
        stored = [f"{column.name}_as_stored" for column in SPEED_COLUMNS if column.kind is Kind.IDENTIFIER]
        return [column.name for column in SPEED_COLUMNS] + [*stored, "set_aside", "other_ids", "hash_high", "hash_low"]

    def _rows(self, condition: str, few: bool = True) -> str:
        return self.engine.rows(self.table, self.columns, self.states, condition, few)

    def _mapped(self, condition: str, few: bool = True) -> str:
        chosen = ", ".join(f"{expression} AS {_PREFIX}{name}" for name, expression in self.expressions.items())
        return f"SELECT {chosen} {self._rows(condition, few)}"

    def _hashed(self, condition: str, few: bool = True, bucketing: Bucketing | None = None) -> str:
        """Every value in one form, why a row is set aside (empty where it is not), and two halves of the row's MD5.

        bucketing: also the row's bucket, and two halves of the MD5 of what is compared.
        """
        values = {column: self._value(column) for column in SPEED_COLUMNS}
        problems = [value.problem for value in values.values() if value.problem]
        others = [value.is_other for value in values.values() if value.is_other]
        columns = [f"{value.value} AS v_{column.name}" for column, value in values.items()]
        columns += [f"{v.as_stored} AS v_{column.name}_as_stored" for column, v in values.items() if v.as_stored]
        listed = f"arrayStringConcat(arrayFilter(p -> p != '', [{', '.join(problems)}]), '; ')" if problems else "''"
        columns += [
            f"{listed} AS c_set_aside",
            f"{' + '.join(f'toInt64({o})' for o in others) or 'toInt64(0)'} AS c_other_ids",
        ]
        stored = [f"{column.name}_as_stored" for column, value in values.items() if value.as_stored]
        texts = {column.name: _hash_text(column.kind, f"v_{column.name}") for column in values}
        whole = [
            *texts.values(),
            *(_hash_text(Kind.TEXT, name) for name in [*(f"v_{n}" for n in stored), "c_set_aside"]),
        ]
        digests = {"md5": whole}
        if bucketing:
            digests |= {"compared_md5": [texts[name] for name in bucketing.columns], "id_md5": [texts["session_id"]]}
        valued = f"SELECT {', '.join(columns)} FROM ({self._mapped(condition, few)})"  # noqa: S608
        hashes = ", ".join(f"MD5(concat({', '.join(parts)}, '')) AS {name}" for name, parts in digests.items())
        inner = f"SELECT *, {hashes} FROM ({valued})"  # noqa: S608
        shown = [_shown(column.kind, column.name) for column in values] + [_shown(Kind.TEXT, name) for name in stored]
        shown += ["c_set_aside", "c_other_ids", *_halves("md5", "hash")]
        if bucketing:
            shown += [*_halves("compared_md5", "compared"), f"{_half('id_md5', 9)} % {bucketing.count} AS c_bucket"]
        return f"SELECT {', '.join(shown)} FROM ({inner})"  # noqa: S608

    def _value(self, column: SpeedColumn) -> Value:
        known = column.name in self.expressions
        type_name = self.types[column.name] if known else None
        return read_value(column, f"{_PREFIX}{column.name}", type_name, self.byte_orders.get(column.name))


def _shown(kind: Kind, name: str) -> str:
    if kind in (Kind.IDENTIFIER, Kind.TEXT):  # Arrow and Parquet have no text that is not UTF-8
        return f"if(isValidUTF8(ifNull(v_{name}, '')), v_{name}, NULL) AS c_{name}"
    return f"v_{name} AS c_{name}"


def _half(md5: str, place: int) -> str:
    """Eight bytes of an MD5 as Snowflake's MD5_NUMBER_UPPER64 and MD5_NUMBER_LOWER64 have them: a big-endian number."""
    return f"reinterpretAsUInt64(reverse(substring({md5}, {place}, 8)))"


def _halves(md5: str, name: str) -> list[str]:
    return [f"{_half(md5, place)} AS c_{name}_{half}" for place, half in ((1, "high"), (9, "low"))]


def _listed(numbers: Collection[int]) -> str:
    return ", ".join(map(str, numbers))


def _hash_text(kind: Kind, value: str) -> str:
    """A value as an unambiguous text: <length>:<value>, an amount in cents, NULL as ~."""
    text = f"toString(toInt128({value} * 100))" if kind is Kind.MONEY else f"toString({value})"
    return f"ifNull(concat(toString(length({text})), ':', {text}), '~')"
