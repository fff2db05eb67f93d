"""The SQL text of the rules says what the Python rules say. DuckDB computes it; its decimals are exact like Snowflake's."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.comparison.outcomes import Status, Tolerance
from reconcile.comparison.status_sql import (
    difference_expression,
    relative_difference_expression,
    status_case,
    verdict_case,
)
from tests.reconcile.comparison.rules import relative_difference, status_of, verdict_of

VALUES = st.one_of(
    st.none(),
    st.decimals(min_value=-1000, max_value=1000, places=2),
    st.sampled_from([Decimal(0), Decimal(95), Decimal(100), Decimal(105), Decimal("105.01")]),
)
CELLS = st.tuples(
    VALUES,
    VALUES,
    st.sampled_from([Decimal(0), Decimal("0.01"), Decimal(5)]),
    st.sampled_from([Decimal(0), Decimal("0.05"), Decimal("0.333333333")]),
).filter(lambda cell: cell[0] is not None or cell[1] is not None)

VERDICT = verdict_case("s", "e", "w")
CAST = "(SELECT UNNEST(?) AS n, UNNEST(?::DECIMAL(18, 2)[]) AS speed, UNNEST(?::DECIMAL(18, 2)[]) AS batch, "
CAST += "UNNEST(?::DECIMAL(9, 6)[]) AS absolute, UNNEST(?::DECIMAL(18, 9)[]) AS relative)"


@settings(max_examples=15, deadline=None)
@given(
    st.lists(CELLS, min_size=1, max_size=40),
    st.sampled_from(["e", None]),
    st.sampled_from(["day_not_over", None, None]),
)
def test_same_as_python(
    cells: list[tuple[Decimal | None, Decimal | None, Decimal, Decimal]],
    extraction_id: str | None,
    waits_for: str | None,
) -> None:
    columns = [
        list(range(len(cells))),
        *([None if v is None else str(v) for v in column] for column in zip(*cells, strict=True)),
    ]
    status = status_case("speed", "batch", "absolute", "relative")
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT {status}, {difference_expression('speed', 'batch')} FROM {CAST} ORDER BY n", columns
        ).fetchall()
        verdicts = connection.execute(
            f"SELECT {VERDICT} FROM (SELECT {status} AS s, ? AS e, ? AS w FROM {CAST})",
            [extraction_id, waits_for, *columns],
        )
        ((verdict,),) = verdicts.fetchall()
    expected = [status_of(speed, batch, Tolerance(absolute, relative)) for speed, batch, absolute, relative in cells]
    assert [row[0] for row in found] == [one.value for one in expected]
    assert [row[1] for row in found] == [(cell[0] or Decimal(0)) - (cell[1] or Decimal(0)) for cell in cells]
    assert verdict == verdict_of(expected, extraction_id is not None, waits_for).value


def test_no_cells_is_nothing_to_compare() -> None:
    """A day without cells is one row without a status."""
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {VERDICT} FROM (SELECT NULL AS s, 'e' AS e, NULL AS w)").fetchall()
    assert found == [("nothing_to_compare",)]


@pytest.mark.parametrize(("speed", "batch"), [("105", "100"), ("1", "4"), ("3", "0"), (None, "2"), ("2", None)])
def test_relative_difference(speed: str | None, batch: str | None) -> None:
    expression = relative_difference_expression("speed", "batch").replace("NUMBER(", "DECIMAL(")
    sql = f"SELECT {expression} FROM (SELECT CAST(? AS DECIMAL(18, 2)) AS speed, CAST(? AS DECIMAL(18, 2)) AS batch)"
    with duckdb.connect() as connection:
        rows = connection.execute(sql, [speed, batch]).fetchall()
    found = rows[0][0]
    sides = [None if side is None else Decimal(side) for side in (speed, batch)]
    assert found == relative_difference(sides[0], sides[1])


def test_every_status_is_named() -> None:
    text = status_case("a", "b", "c", "d")
    assert all(f"'{status.value}'" in text for status in Status)
