"""The functions on arrays and keys, with the examples of Snowflake's reference."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import RunningEndpoint


@pytest.fixture(scope="module")
def cursor(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as connection:
        yield connection.cursor()


def value(cursor: Any, sql: str) -> Any:
    found = cursor.execute(f"SELECT {sql}").fetchone()[0]
    if not (isinstance(found, str) and found[:1] in "[{" and found[-1:] in "]}"):
        return found
    return json.loads(found.replace("undefined", "null"))


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("ARRAY_APPEND([1, 2], 'x')", [1, 2, "x"]),
        ("ARRAY_APPEND(NULL::ARRAY, 1)", None),
        ("ARRAY_PREPEND([1, 2], 0)", [0, 1, 2]),
        ("ARRAY_CAT([1], ['a', 'b'])", [1, "a", "b"]),
        ("ARRAY_COMPACT(PARSE_JSON('[1, null, , 2]'))", [1, 2]),
        ("TO_JSON(ARRAY_COMPACT(ARRAY_CONSTRUCT(1, NULL, 'x'))::VARIANT)", [1, "x"]),
        ("ARRAY_COMPACT(ARRAY_CONSTRUCT(IFF(TRUE, 'a', NULL), NULL, IFF(NULL, 'b', NULL), 5))", ["a", 5]),
        ("ARRAY_CONSTRUCT_COMPACT(IFF(FALSE, 'a', NULL), CASE 1 WHEN 2 THEN 'b' END)", []),
        ("ARRAY_COMPACT(ARRAY_CONSTRUCT(IFF(TRUE, PARSE_JSON('null'), NULL), IFF(TRUE, 'b', NULL)))", ["b"]),
        ("TO_JSON(TO_VARIANT(ARRAY_APPEND(NULL::ARRAY, 1)))", None),
        ("TO_JSON(['2024-01-15'::DATE]) || TO_JSON('2024-01-15'::DATE::VARIANT)", '["2024-01-15"]"2024-01-15"'),
        ("ARRAY_CONTAINS('hello'::VARIANT, ['hello', 'hi'])", True),
        ("ARRAY_CONTAINS(3, [1, 2])", False),
        ("ARRAY_POSITION('hi'::VARIANT, ['hello', 'hi'])", 1),
        ("ARRAY_POSITION(9, [1, 2])", None),
        ("ARRAY_DISTINCT(['A', 'A', 'B', 'A'])", ["A", "B"]),
        ("ARRAY_EXCEPT(['A', 'B', 'B', 'B', 'C'], ['B'])", ["A", "B", "B", "C"]),
        ("ARRAY_INTERSECTION(['A', 'B', 'B', 'B', 'C'], ['B', 'B'])", ["B", "B"]),
        ("ARRAYS_OVERLAP(['a', 'b'], ['b'])", True),
        ("ARRAYS_OVERLAP(['a', 'b'], [1])", False),
        ("ARRAY_INSERT([0, 1, 2, 3], 2, 'hello')", [0, 1, "hello", 2, 3]),
        ("ARRAY_INSERT([0, 1, 2, 3], -1, 'hello')", [0, 1, 2, "hello", 3]),
        ("ARRAY_INSERT([0, 1, 2, 3], 5, 'hello')", [0, 1, 2, 3, None, "hello"]),
        ("ARRAY_SLICE([0, 1, 2, 3, 4, 5, 6], 0, 2)", [0, 1]),
        ("ARRAY_SLICE([0, 1, 2, 3, 4, 5, 6], 0, -2)", [0, 1, 2, 3, 4]),
        ("ARRAY_SLICE([0, 1, 2, 3, 4, 5, 6], -5, -3)", [2, 3]),
        ("ARRAY_REMOVE([1, 5, 5.00, 'x'], 'x'::VARIANT)", [1, 5, 5, "x"][:3]),
        ("ARRAY_REVERSE([1, 2, 3])", [3, 2, 1]),
        ("ARRAY_FLATTEN([[1, 2], [3]])", [1, 2, 3]),
        ("ARRAY_MAX([20, 0, 10, 3])", "20"),
        ("ARRAY_MIN([20, 0, 10, NULL])", "0"),
        ("ARRAY_MAX([])", None),
        ("ARRAY_MIN(ARRAY_COMPACT(PARSE_JSON('[null]')))", None),
        ("ARRAY_REMOVE([1, 2], NULL)", None),
        ("ARRAY_SORT([20, 0, 10])", [0, 10, 20]),
        ("ARRAY_SORT([20, 0, 10], FALSE)", [20, 10, 0]),
        ("ARRAY_SORT(PARSE_JSON('[20, null, 10]'))", [10, 20, None]),
        ("ARRAY_SORT([20, NULL, 10], TRUE, TRUE)", [None, 10, 20]),
        ("ARRAY_SORT(PARSE_JSON('[20, null, 9]'), FALSE, FALSE)", [None, 20, 9]),
        ("ARRAY_MAX(PARSE_JSON('[1, null]'))", "null"),
        ("(SELECT ARRAY_SIZE(ARRAY_UNION_AGG(a)) FROM (SELECT [1, 1, 2] AS a UNION ALL SELECT [1, 2, 3]))", 4),
        ("ARRAY_TO_STRING([1, 'a', 2], ',')", "1,a,2"),
        ("ARRAY_SIZE(TO_ARRAY(1))", 1),
        ("TO_ARRAY(PARSE_JSON('[1, 2]'))", [1, 2]),
        ("OBJECT_KEYS({'b': 1, 'a': 2})", ["a", "b"]),
        ("{'b': 1, 'A': {'c': [1]}}", {"b": 1, "A": {"c": [1]}}),
        ("ARRAY_CONSTRUCT(1, NULL, 'x', 2.5, TRUE, {'b': 1}, [1, 'c'])", [1, None, "x", 2.5, True, {"b": 1}, [1, "c"]]),
        ("ARRAY_CONSTRUCT(1, 'x')[1]::VARCHAR", "x"),
        ("ARRAY_CONSTRUCT()", []),
        ("['a', 'b']::VARCHAR", ["a", "b"]),
        ("ARRAYS_ZIP([1, 2], ['a'])", [{"$1": 1, "$2": "a"}, {"$1": 2, "$2": None}]),
        ("ARRAYS_ZIP(TO_ARRAY(1), ['2024-01-02'::DATE])", [{"$1": 1, "$2": "2024-01-02"}]),
        ("ARRAYS_ZIP([], [])", [{"$1": None, "$2": None}]),
        ("ARRAY_SIZE(ARRAY_CAT(ARRAY_CONSTRUCT(1), ARRAY_APPEND(ARRAY_CONSTRUCT(2), 3)))", 3),
    ],
)
def test_an_example(cursor: Any, sql: str, expected: Any) -> None:
    assert value(cursor, sql) == expected


_NUMBERS = st.lists(st.integers(-9, 9), max_size=6)


@given(_NUMBERS, _NUMBERS, st.integers(-7, 7), st.integers(-7, 7))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_arrays_do_as_lists_do(cursor: Any, left: list[int], right: list[int], start: int, end: int) -> None:
    kept = sum((Counter(left) - Counter(right)).values())
    sql = f"""ARRAY_SLICE({left}, {start}, {end}), ARRAY_CAT({left}, {right}), ARRAY_SORT({left}),
        ARRAY_DISTINCT({left}), ARRAY_SIZE(ARRAY_EXCEPT({left}, {right})), ARRAY_SIZE(ARRAY_INTERSECTION({left}, {right})),
        ARRAYS_OVERLAP({left}, {right}), ARRAY_REVERSE({left})"""
    row = [json.loads(v) if isinstance(v, str) else v for v in cursor.execute(f"SELECT {sql}").fetchone()]
    size = len(left)
    first, last = (max(size + n, 0) if n < 0 else n for n in (start, end))
    assert row == [
        left[first:last], left + right, sorted(left), list(dict.fromkeys(left)), kept, size - kept,
        bool(set(left) & set(right)), left[::-1],
    ]  # fmt: skip
