"""TIMESTAMP_TZ through the real clients: an instant that keeps its offset, compared by the instant.

See: https://docs.snowflake.com/en/sql-reference/data-types-datetime and …/functions/convert_timezone
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from snowflake.connector.constants import FIELD_ID_TO_NAME
from snowflake.snowpark import Session
from snowflake.snowpark.types import TimestampTimeZone

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration

_EARLY, _SAME, _SUMMER = "2024-01-01T10:00:00+02:00", "2024-01-01T08:00:00+00:00", "2024-07-01T10:00:00-07:00"


@pytest.fixture(scope="module")
def connection(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect(paramstyle="qmark", session_parameters={"TIMEZONE": "America/Los_Angeles"}) as opened:
        cursor = opened.cursor()
        cursor.execute(
            "CREATE TABLE zoned (id INT, z TIMESTAMP_TZ, n TIMESTAMP_NTZ, l TIMESTAMP_LTZ, v VARCHAR, d DATE)"
        )
        cursor.execute(
            "INSERT INTO zoned (id, z) VALUES (1, '2024-01-01 10:00:00 +0200'), (2, '2024-01-01 08:00:00Z'),"
            " (3, '2024-07-01 10:00'), (4, NULL)"
        )
        cursor.execute("CREATE VIEW moved AS SELECT id, DATEADD(month, 1, z) AS z FROM zoned")
        yield opened


def rows(connection: Any, sql: str, *binds: Any) -> list[Any]:
    """Return the rows, times as text, and a list for a single column."""
    found = [
        tuple(value.isoformat() if isinstance(value, dt.date | dt.time) else value for value in row)
        for row in connection.cursor().execute(sql, *binds).fetchall()
    ]
    return [row[0] for row in found] if found and len(found[0]) == 1 else found


def kinds(connection: Any, sql: str) -> list[str]:
    described = connection.cursor().execute(sql).description
    return [FIELD_ID_TO_NAME[column.type_code].removeprefix("TIMESTAMP_") for column in described]


def test_the_offset_is_kept_and_told(connection: Any) -> None:
    assert rows(connection, "SELECT z FROM zoned ORDER BY id") == [_EARLY, _SAME, _SUMMER, None]
    rowset = connection.cursor().execute("SHOW COLUMNS IN zoned").fetchall()
    assert '"type":"TIMESTAMP_TZ"' in rowset[1][3]
    for relation in ("zoned", "moved"):
        assert kinds(connection, f"SELECT z, id FROM {relation}") == ["TZ", "FIXED"]
        assert ("Z", "TIMESTAMP_TZ(9)") in [row[:2] for row in rows(connection, f"DESC TABLE {relation}")]
        query = f"SELECT data_type FROM information_schema.columns WHERE table_name = UPPER('{relation}') AND column_name = 'Z'"
        assert rows(connection, query) == ["TIMESTAMP_TZ"]
    assert rows(connection, "SELECT z FROM moved WHERE YEAR(z) = 2024 AND id = 1") == ["2024-02-01T10:00:00+02:00"]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT COUNT(*), COUNT(DISTINCT z) FROM zoned", [(4, 2)]),
        ("SELECT COUNT(*) FROM zoned GROUP BY z ORDER BY z", [2, 1, 1]),
        ("SELECT MAX(z) FROM zoned", [_SUMMER]),
        ("SELECT b.id FROM zoned a JOIN zoned b ON a.z = b.z AND a.id < b.id", [2]),
        ("SELECT id FROM zoned WHERE z = '2024-01-01 09:00:00 +0100' ORDER BY id", [1, 2]),
        ("SELECT id FROM zoned WHERE z < '2024-01-01 00:00:00' ORDER BY id", []),
        ("SELECT id FROM zoned WHERE z < '2024-01-01 00:00:01'::TIMESTAMP_NTZ ORDER BY id", [1, 2]),
        ("SELECT id FROM zoned WHERE z BETWEEN '2024-02-01' AND CURRENT_TIMESTAMP()", [3]),
        ("SELECT id FROM zoned WHERE z NOT IN ('2024-01-01 10:00:00 +0200', '2020-01-01')", [3]),
        ("SELECT id FROM zoned WHERE z IS DISTINCT FROM '2024-07-01 17:00:00 +0000' ORDER BY id", [1, 2, 4]),
    ],
)  # fmt: skip
def test_instants_are_compared(connection: Any, sql: str, expected: list[Any]) -> None:
    assert rows(connection, sql) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("z::TIMESTAMP_NTZ, TO_TIMESTAMP_NTZ(z), z::DATE, z::TIME",
         ("2024-01-01T10:00:00", "2024-01-01T10:00:00", "2024-01-01", "10:00:00")),
        ("z::TIMESTAMP_LTZ, z::TIMESTAMP_LTZ::TIMESTAMP_TZ, z::TIMESTAMP_NTZ::TIMESTAMP_TZ",
         ("2024-01-01T00:00:00-08:00", "2024-01-01T00:00:00-08:00", "2024-01-01T10:00:00-08:00")),
        ("z::VARCHAR, z || '', TO_CHAR(z, 'HH24:MI TZH:TZM')",
         ("2024-01-01 10:00:00.000 +0200", "2024-01-01 10:00:00.000 +0200", "10:00 +02:00")),
        ("HOUR(z), DAYNAME(z), LAST_DAY(z), DATE_PART(epoch_second, z), EXTRACT(timezone_hour FROM z)",
         (10, "Mon", "2024-01-31", 1704096000, 2)),
        ("DATE_TRUNC('day', z), DATEADD(hour, 15, z), z + INTERVAL '1 day', ADD_MONTHS(z, 1)",
         ("2024-01-01T00:00:00+02:00", "2024-01-02T01:00:00+02:00", "2024-01-02T10:00:00+02:00", "2024-02-01T10:00:00+02:00")),
        ("DATEDIFF(hour, z, '2024-01-01 10:00:00 +0000'::TIMESTAMP_TZ), DATEDIFF(day, z, '2024-01-03')", (2, 2)),
        ("CONVERT_TIMEZONE('Asia/Kolkata', z), CONVERT_TIMEZONE('UTC', z)::TIMESTAMP_NTZ",
         ("2024-01-01T13:30:00+05:30", "2024-01-01T08:00:00")),
        ("CONVERT_TIMEZONE('UTC', '2024-01-01 10:00'::TIMESTAMP_NTZ), CONVERT_TIMEZONE('UTC', 'Asia/Tokyo', z)",
         ("2024-01-01T18:00:00+00:00", "2024-01-01T19:00:00")),
        ("z::VARIANT, TYPEOF(z::VARIANT), z::VARIANT::TIMESTAMP_TZ, AS_TIMESTAMP_TZ(TO_VARIANT(z))",
         ('"2024-01-01 10:00:00.000 +0200"', "TIMESTAMP_TZ", _EARLY, _EARLY)),
        ("[z][0]::VARCHAR, {'k': z}:k::VARCHAR, SYSTEM$TYPEOF(z)",
         ("2024-01-01 10:00:00.000 +0200", "2024-01-01 10:00:00.000 +0200", "TIMESTAMP_TZ(9)[SB16]")),
        ("COALESCE(NULL, z), NVL(z, CURRENT_TIMESTAMP()), IFF(id = 2, CURRENT_TIMESTAMP(), z), GREATEST(z, '2020-01-01')",
         (_EARLY, _EARLY, _EARLY, _EARLY)),
        ("TO_TIMESTAMP_TZ('2024-01-01 10:00 +0200', 'YYYY-MM-DD HH24:MI TZHTZM'), TRY_TO_TIMESTAMP_TZ('x')", (_EARLY, None)),
        ("TIMESTAMP_TZ_FROM_PARTS(2024, 1, 1, 10, 0, 0, 5000, 'Africa/Cairo'), TO_TIMESTAMP_TZ('2024-07-01'::DATE)",
         ("2024-01-01T10:00:00.000005+02:00", "2024-07-01T00:00:00-07:00")),
        ("LAG(z) OVER (ORDER BY id), '0001-01-01 00:00 +0000'::TIMESTAMP_TZ::VARCHAR, NULL::TIMESTAMP_TZ",
         (None, "0001-01-01 00:00:00.000 +0000", None)),
    ],
)  # fmt: skip
def test_functions_take_its_own_clock(connection: Any, expression: str, expected: tuple[Any, ...]) -> None:
    assert rows(connection, f"SELECT {expression} FROM zoned WHERE id = 1") == [expected]


def test_what_is_written_is_converted(connection: Any) -> None:
    """By INSERT, UPDATE, MERGE, defaults, CREATE TABLE AS, binds and COPY; to a TIMESTAMP_TZ and from one."""
    run = connection.cursor().execute
    run("CREATE TEMPORARY TABLE w LIKE zoned")
    run("INSERT INTO w SELECT id, z, z, z, z, z FROM zoned WHERE id = 1")
    local = ("2024-01-01T10:00:00", "2024-01-01T00:00:00-08:00", "2024-01-01 10:00:00.000 +0200", "2024-01-01")
    assert rows(connection, "SELECT z, n, l, v, d FROM w") == [(_EARLY, *local)]
    run("UPDATE w SET z = n, l = z, v = 'x', d = NULL")
    assert rows(connection, "SELECT z, n, l, v, d FROM w") == [("2024-01-01T10:00:00-08:00", *local[:2], "x", None)]
    run(
        "MERGE INTO w USING (SELECT id, z FROM zoned WHERE id < 3) s ON w.id = s.id WHEN MATCHED THEN UPDATE"
        " SET w.n = s.z, z = s.z WHEN NOT MATCHED THEN INSERT (id, n, z) VALUES (s.id, s.z, s.z)"
    )
    assert rows(connection, "SELECT z, n FROM w ORDER BY id") == [(_EARLY, _EARLY[:19]), (_SAME, _SAME[:19])]
    run(
        "CREATE TEMPORARY TABLE x (n TIMESTAMP_NTZ, z TIMESTAMP_TZ(3) DEFAULT '2024-01-01 10:00 +0200') AS SELECT z, n FROM w"
    )
    run("INSERT INTO x (n) VALUES ('2000-01-01')")
    assert rows(connection, "SELECT z FROM x ORDER BY n") == [
        _EARLY,
        "2024-01-01T08:00:00-08:00",
        "2024-01-01T10:00:00-08:00",
    ]
    moment = dt.datetime(2024, 1, 1, 10, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert rows(connection, "SELECT ?, HOUR(?), ?::VARCHAR", [("TIMESTAMP_TZ", moment)] * 3) == [(_EARLY, 10, local[2])]
    connection.cursor().executemany(
        "INSERT INTO x VALUES (?, ?)", [(("TIMESTAMP_NTZ", moment), ("TIMESTAMP_TZ", moment))] * 2
    )
    assert rows(connection, "SELECT COUNT(*) FROM x WHERE z = ? AND HOUR(z) = 10", [("TIMESTAMP_TZ", moment)]) == [3]


def test_scripts_and_variables_keep_it(connection: Any) -> None:
    run = connection.cursor().execute
    run("SET moment = (SELECT z FROM zoned WHERE id = 1)")
    assert rows(connection, "SELECT $moment") == [_EARLY]
    block = "BEGIN LET c CURSOR FOR SELECT z FROM zoned WHERE id = 1; FOR r IN c DO RETURN DATEADD(day, 1, r.z); END FOR; END"
    assert rows(connection, f"EXECUTE IMMEDIATE $${block}$$") == ["2024-01-02T10:00:00+02:00"]
    run("CREATE FUNCTION later(t TIMESTAMP_TZ) RETURNS TIMESTAMP_TZ AS 'DATEADD(hour, 1, t)'")
    run(
        "CREATE FUNCTION python_later(t TIMESTAMP_TZ) RETURNS TIMESTAMP_TZ LANGUAGE PYTHON RUNTIME_VERSION = '3.11'"
        " HANDLER = 'f' AS $$\nimport datetime as dt\ndef f(t): return t and t + dt.timedelta(hours=1)\n$$"
    )
    query = "SELECT later(z), python_later(z) FROM zoned WHERE id IN (1, 4) ORDER BY id"
    assert rows(connection, query) == [("2024-01-01T11:00:00+02:00",) * 2, (None, None)]


def test_snowpark_and_pandas(endpoint: RunningEndpoint, connection: Any) -> None:
    del connection  # it has made the table
    session = Session.builder.configs(
        {**endpoint.connection_parameters, "database": "TEST", "schema": "PUBLIC"}
    ).create()
    try:
        frame = session.table("zoned").select("z")
        assert frame.schema[0].datatype.tz == TimestampTimeZone.TZ
        instants = frame.to_pandas()["Z"]
        assert [moment if moment is None else moment.timestamp() for moment in instants.sort_values()[:3]] == [
            dt.datetime.fromisoformat(text).timestamp() for text in (_EARLY, _SAME, _SUMMER)
        ]
    finally:
        session.close()
