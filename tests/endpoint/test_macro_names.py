"""A caller's column is not mistaken for a variable of a macro: DuckDB puts arguments into the body as they are written."""

from __future__ import annotations

import re

import pytest

from local_stack.endpoint.engine.macros.functions import create_functions
from tests.conftest import RunningEndpoint
from tests.endpoint.rights import run

_LAMBDA = re.compile(r"lambda ([\w, ]+):")
_OURS = ("_sf_", "_sp_")


def _body(sql: str, start: int) -> str:
    """Return what follows from a position, up to the parenthesis that closes what is around it."""
    depth = 0
    for position in range(start, len(sql)):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(sql[position], 0)
        if depth < 0:
            return sql[start:position]
    return sql[start:]


def test_no_variable_has_a_name_of_callers_where_arguments_stand() -> None:
    class Recorder:
        statements: list[str] = []  # noqa: RUF012

        def execute(self, sql: str) -> None:
            self.statements.append(sql)

    recorder = Recorder()
    create_functions(recorder)  # type: ignore[arg-type]
    assert len(recorder.statements) > 100
    captured = []
    for sql in recorder.statements:
        parameters = set(re.findall(r"\w+", sql[sql.index("(") : sql.index(")")]))
        for found in _LAMBDA.finditer(sql):
            variables = set(re.split(r", ", found[1]))
            body = re.sub(r"'[^']*'", "", _body(sql, found.end()))
            arguments = parameters.intersection(re.findall(r"(?<![\w.])[A-Za-z_]\w*", body)) - variables
            captured += [(sql[:60], name) for name in variables if arguments and not name.startswith(_OURS)]
    assert captured == []


@pytest.mark.integration
def test_columns_may_have_any_name(endpoint: RunningEndpoint) -> None:
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    with endpoint.connect() as client:
        for letter in letters:
            query = f"""SELECT f1.value::INT, ARRAY_REMOVE({letter}, one)::VARCHAR, ARRAY_DISTINCT({letter})::VARCHAR,
                    f2.value::VARCHAR, ARRAY_EXCEPT({letter}, [1])::VARCHAR, ARRAYS_ZIP({letter}, {letter})[0]:"$2"::INT
                FROM (SELECT [1, 7, 7] AS {letter}, 1 AS one) AS docs, LATERAL FLATTEN({letter}) AS f1,
                    TABLE(SPLIT_TO_TABLE({letter}::VARCHAR, ',')) AS f2 WHERE f1.index = 2 AND f2.index = 2"""
            assert run(client, query) == [(7, "[7,7]", "[1,7]", "7", "[7,7]", 1)], letter
            joined = f"SELECT f1.value::INT FROM (SELECT [5] AS {letter}) AS docs JOIN TABLE(FLATTEN({letter})) AS f1"
            assert run(client, joined) == [(5,)], letter
