"""The linter of documented traps: each rule finds the mistake that is planted for it, and the repository has none."""

from __future__ import annotations

import pytest

from tests.sql_traps import TRAPS, findings, traps_of, traps_of_handler, traps_of_script

_PLANTED = [
    (
        "bare number",
        "CREATE TABLE IF NOT EXISTS ops.t (a NUMBER NOT NULL)",
        "CREATE TABLE IF NOT EXISTS ops.t (a NUMBER(38, 0))",
    ),
    ("bare number", "SELECT a::NUMBER FROM t", "GRANT USAGE ON PROCEDURE p(NUMBER) TO ROLE r"),
    (
        "replaced without grants",
        "CREATE OR REPLACE VIEW v AS SELECT 1",
        "CREATE OR REPLACE VIEW v COPY GRANTS AS SELECT 1",
    ),
    (
        "replaced without grants",
        "CREATE OR REPLACE PROCEDURE p() RETURNS INT",
        "CREATE OR REPLACE TEMPORARY TABLE t AS SELECT 1",
    ),
    (
        "schedule of a child",
        "CREATE TASK t SCHEDULE = '5 MINUTE' AFTER r AS SELECT 1",
        "CREATE TASK t AFTER r AS SELECT 1",
    ),
    (
        "schedule of a child",
        "CREATE TASK t FINALIZE = r SCHEDULE = '5 MINUTE' AS SELECT 1",
        "CREATE TASK t FINALIZE = r AS SELECT 1",
    ),
    ("overlap", "CREATE TASK t ALLOW_OVERLAPPING_EXECUTION = TRUE AS SELECT 1", "CREATE TASK t AS SELECT 1"),
    (
        "copy without force",
        "COPY INTO raw.t FROM @s FILES = ('a')",
        "COPY INTO raw.t FROM @s FILES = ('a') FORCE = TRUE",
    ),
    (
        "match by name of a query",
        "COPY INTO t FROM (SELECT $1 FROM @s) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE",
        "COPY INTO t FROM @s MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE",
    ),
    ("local time", "SELECT CURRENT_TIMESTAMP()", "SELECT CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ"),
    (
        "text read by the session's format",
        "SELECT TO_DATE('15.01.2024')",
        "SELECT TO_DATE('15.01.2024', 'DD.MM.YYYY'), TO_DATE(at)",
    ),
    (
        "text read by the session's format",
        "SELECT TO_TIMESTAMP_NTZ(v:a::STRING)",
        "SELECT TO_TIMESTAMP_NTZ(v:a::STRING, 'YYYY-MM-DD')",
    ),
    (
        "text read by the session's format",
        "SELECT a FROM t WHERE date = ?::DATE",
        "SELECT a FROM t WHERE date = TO_DATE(?, 'YYYY-MM-DD')",
    ),
    ("date of the session's zone", "DELETE FROM t WHERE date < CURRENT_DATE()", "DELETE FROM t WHERE date < at::DATE"),
    ("date of the session's zone", "SELECT CURRENT_DATE()", "CREATE TASK t TIMEZONE = 'UTC' AS SELECT CURRENT_DATE()"),
    (
        "exists under or",
        "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE (u.a) = t.a) OR t.b",
        "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a OR u.b) AND t.b",
    ),
    (
        "exists under or",
        "SELECT a FROM t WHERE t.b OR NOT EXISTS (SELECT 1 FROM u)",
        "SELECT a FROM t WHERE t.b AND NOT EXISTS (SELECT 1 FROM u)",
    ),
    ("row for a lock", "UPDATE ops.locks SET by = 1 WHERE name = 'load'", "UPDATE ops.lock_load SET by = 1"),
    ("proprietary hash", "SELECT HASH(a) FROM t", "SELECT MD5(a), t.hash FROM t"),
    ("quoted lower case", 'CREATE TABLE t ("date" DATE)', "CREATE TABLE t (date DATE)"),
    ("zero for no quotient", "SELECT DIV0(a, b)", "SELECT DIV0NULL(a, b), a / NULLIF(b, 0)"),
]


@pytest.mark.parametrize(("name", "mistake", "right"), _PLANTED)
def test_a_planted_mistake_is_found_and_what_is_right_is_not(name: str, mistake: str, right: str) -> None:
    assert name in traps_of(mistake)
    assert name not in traps_of(right)
    assert name not in traps_of(f"{mistake} -- trap: {name}")
    assert name not in traps_of(f"SELECT 1 -- {mistake}") | traps_of("SELECT '" + mistake.replace("'", "''") + "'")


def test_every_rule_has_its_mistake() -> None:
    assert {trap.name for trap in TRAPS} == {name for name, _, _ in _PLANTED}


def test_ddl_in_a_transaction() -> None:
    script = "BEGIN;\nDELETE FROM t;\n{}\nCOMMIT;\nCREATE TABLE v (a INT);\n"
    assert traps_of_script(script.format("ALTER TABLE t ADD COLUMN b INT;")) == {"ddl in a transaction"}
    assert traps_of_script(script.format("INSERT INTO t SELECT 1;")) == set()


@pytest.mark.parametrize(
    ("name", "mistake", "right"),
    [
        ("swallowed error", "except Exception as e:\n        return {'status': str(e)}", "except Exception:\n        raise"),
        ("swallowed error", "except:\n        pass", "except ValueError:\n        pass"),
        ("put in a procedure", "finally:\n        session.sql('PUT file:///a @s')", "finally:\n        session.sql('SELECT 1')"),
        ("session of the caller", "finally:\n        session.sql('ALTER SESSION SET TIMEZONE = x')", "finally:\n        pass"),
    ],
)  # fmt: skip
def test_handlers(name: str, mistake: str, right: str) -> None:
    body = "def run(session):\n    try:\n        work(session)\n    {}\n"
    assert traps_of_handler(body.format(mistake)) == {name}
    assert traps_of_handler(body.format(right)) == set()


def test_the_repository_has_none() -> None:
    assert list(findings()) == []
