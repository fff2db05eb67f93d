"""Macros in macros: DuckDB writes an argument wherever a macro names it, and each level would multiply the plan."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.session import Session
from tests.endpoint.in_process import opened_session

pytestmark = pytest.mark.filterwarnings("ignore:Arrow output on a DB-API result")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with opened_session(tmp_path_factory.mktemp("nested")) as opened:
        opened.execute(
            """CREATE TABLE t AS SELECT PARSE_JSON('{"n": "7", "s": "{\\\\"n\\\\": 2.5}"}') AS v, 1.5 AS d"""
        )
        yield opened


def test_only_the_innermost_repeats_its_argument(session: Session) -> None:
    """Planned as they stand, three of these pairs in each other take minutes."""
    query = f"SELECT v{'::VARIANT::STRING' * 6} AS x FROM t"
    called = re.findall(r"_SF_(\w+)\(", session.to_duckdb(parse(query)))
    assert called == ["TEXT_ONCE", "VARIANT_ONCE"] * 5 + ["TEXT_ONCE", "VARIANT"]
    assert session.execute(query).rows() == session.execute("SELECT v::STRING FROM t").rows()


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT v:n::STRING::INT + 1, PARSE_JSON(v:s::STRING):n::INT FROM t", [(8, 3)]),
        ("SELECT PARSE_JSON(v:s::STRING):n::INT AS n, COUNT(*) FROM t GROUP BY 1 ORDER BY 1", [(3, 1)]),
        ("SELECT PARSE_JSON(MAX(v:s::STRING)):n::INT FROM t", [(3,)]),
        ("SELECT SUM(v:n::VARIANT::STRING::INT) OVER (ORDER BY v:n::VARIANT::STRING::INT) FROM t", [(7,)]),
        ("SELECT (SELECT v FROM t):n::VARIANT::STRING::INT", [(7,)]),
        ("SELECT d::VARIANT::STRING, TYPEOF(d::VARIANT::STRING::VARIANT), NULL::VARIANT::STRING::INT FROM t",
         [("1.5", "VARCHAR", None)]),
        ("SELECT COUNT(*) FROM t AS a JOIN t AS b ON a.v:n::VARIANT::STRING::INT = b.v:n::VARIANT::STRING::INT", [(1,)]),
    ],
)  # fmt: skip
def test_what_is_bound_once_has_the_same_value(session: Session, query: str, rows: list[tuple[object, ...]]) -> None:
    assert session.execute(query).rows() == rows
