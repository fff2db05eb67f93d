"""Procedures through the plain connector: what a handler gets, gives back, may do and may not do."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration
_CLAUSES = "LANGUAGE PYTHON RUNTIME_VERSION='3.11' PACKAGES=('snowflake-snowpark-python') HANDLER='run'"


@pytest.fixture
def connection(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect(paramstyle="qmark") as opened:
        opened.cursor().execute("CREATE OR REPLACE SCHEMA ops")
        yield opened


def define(connection: Any, signature: str, body: str, returns: str = "STRING", clauses: str = "") -> None:
    connection.cursor().execute(
        f"CREATE OR REPLACE PROCEDURE {signature} RETURNS {returns} {_CLAUSES} {clauses} AS $$\n{body}\n$$"
    )


def run(connection: Any, sql: str, *binds: Any) -> Any:
    return connection.cursor().execute(sql, binds or None).fetchall()


def refused(connection: Any, sql: str) -> snowflake.connector.errors.ProgrammingError:
    with pytest.raises(snowflake.connector.errors.ProgrammingError) as error:
        run(connection, sql)
    return error.value


def test_arguments_arrive_as_python_values(connection: Any) -> None:
    define(
        connection,
        "ops.types(i INT, n NUMBER(10,2), f FLOAT, b BOOLEAN, d DATE, t TIMESTAMP_NTZ, v VARIANT, x BINARY, s STRING)",
        "def run(session, *values):\n    return [repr(value) for value in values]",
        "VARIANT",
    )
    call = "CALL ops.types(7, 1.5, 2, TRUE, '2024-01-15', '2024-01-15 10:00:00.5', PARSE_JSON('{\"a\": [1, null]}'),"
    assert json.loads(run(connection, call + " TO_BINARY('AB', 'HEX'), NULL)")[0][0]) == [
        "7",
        "Decimal('1.50')",
        "2.0",
        "True",
        "datetime.date(2024, 1, 15)",
        "datetime.datetime(2024, 1, 15, 10, 0, 0, 500000)",
        "{'a': [1, None]}",
        "b'\\xab'",
        "None",
    ]


def test_positional_named_default_and_bound_arguments(connection: Any) -> None:
    define(
        connection,
        "ops.p(a INT, b DATE DEFAULT '2024-02-01', c STRING DEFAULT 'x' || 'y')",
        "def run(session, a, b, c):\n    return f'{a} {b} {c}'",
    )
    assert run(connection, "CALL ops.p(1)") == [("1 2024-02-01 xy",)]
    assert run(connection, "CALL ops.p(c => 'z', a => 2)") == [("2 2024-02-01 z",)]
    assert run(connection, "CALL ops.p(?, ?)", 3, dt.date(2024, 3, 1)) == [("3 2024-03-01 xy",)]
    assert run(connection, "CALL ops.p(1 + 1, NULL, UPPER('q'))") == [("2 None Q",)]
    assert run(connection, "CALL IDENTIFIER(?)(?)", "ops.p", 4) == [("4 2024-02-01 xy",)]
    assert run(connection, "CALL IDENTIFIER('ops.p')(5)") == [("5 2024-02-01 xy",)]
    assert refused(connection, "CALL ops.p(nope => 1)").errno == 1044
    assert refused(connection, "CALL ops.p()").errno == 1044
    wrong = refused(connection, "CALL ops.p(CURRENT_DATE())")
    assert "Invalid argument types for function 'OPS.P': (DATE)" in str(wrong)
    assert refused(connection, "CALL ops.p('x')").errno == 100038
    assert refused(connection, "CALL ops.unknown(1)").errno == 2140


@pytest.mark.parametrize(
    ("returns", "expression", "expected"),
    [
        ("NUMBER(10,2)", "__import__('decimal').Decimal('2.005')", "2.01"),
        ("INT", "True", "1"),
        ("FLOAT", "1", "1.0"),
        ("BOOLEAN", "1 == 1", "True"),
        ("DATE", "__import__('datetime').date(2024, 1, 15)", "2024-01-15"),
        ("TIMESTAMP_NTZ", "__import__('datetime').datetime(2024, 1, 15, 1)", "2024-01-15 01:00:00"),
        ("STRING", "12", "12"),
        ("STRING", "None", "None"),
        ("TIME", "__import__('datetime').time(1, 2)", "01:02:00"),
        ("BINARY", "b'ab'", "bytearray(b'ab')"),
    ],
)
def test_results_have_the_declared_type(connection: Any, returns: str, expression: str, expected: str) -> None:
    define(connection, "ops.r()", f"def run(session):\n    return {expression}", returns)
    assert str(run(connection, "CALL ops.r()")[0][0]) == expected


def test_a_variant_is_json_under_the_procedures_name(connection: Any) -> None:
    body = "from decimal import Decimal\ndef run(session):\n    return {'b': Decimal('1.5'), 'a': [None, True]}"
    define(connection, "ops.v()", body, "VARIANT")
    cursor = connection.cursor().execute("CALL ops.v()")
    assert [d.name for d in cursor.description] == ["V"]
    assert json.loads(cursor.fetchone()[0]) == {"b": 1.5, "a": [None, True]}


def test_overloads_are_chosen_by_number_and_type(connection: Any) -> None:
    define(connection, "ops.o(a INT)", "def run(session, a):\n    return 'int'")
    define(connection, "ops.o(a STRING)", "def run(session, a):\n    return 'string'")
    define(connection, "ops.o(a INT, b INT)", "def run(session, a, b):\n    return 'two'")
    calls = ("CALL ops.o(1)", "CALL ops.o('1')", "CALL ops.o(1, 2)")
    assert [run(connection, call)[0][0] for call in calls] == ["int", "string", "two"]
    run(connection, "DROP PROCEDURE ops.o(STRING)")
    assert run(connection, "CALL ops.o('1')") == [("int",)]


def test_a_table_comes_back_from_call_and_from_select(connection: Any) -> None:
    run(connection, "CREATE TABLE ops.t AS SELECT column1 AS a, column2 AS b FROM VALUES (1, 'x'), (2, 'y')")
    body = "def run(session, low):\n    return session.table('t').filter(f'a >= {low}').sort('a')"
    define(connection, "ops.tab(low INT)", body, "TABLE(k NUMBER(5,1), label STRING)")
    cursor = connection.cursor().execute("CALL ops.tab(1)")
    assert [d.name for d in cursor.description] == ["K", "LABEL"]
    assert [(str(k), label) for k, label in cursor.fetchall()] == [("1.0", "x"), ("2.0", "y")]
    assert run(connection, "SELECT label FROM TABLE(ops.tab(?)) WHERE k > ?", 1, 1) == [("y",)]
    assert run(connection, "SELECT COUNT(*) FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))") == [(1,)]


def test_only_a_reading_procedure_with_static_columns_is_called_in_a_query(connection: Any) -> None:
    run(connection, "CREATE TABLE ops.t (a INT)")
    define(connection, "ops.dynamic()", "def run(session):\n    return session.table('t')", "TABLE()")
    assert refused(connection, "SELECT * FROM TABLE(ops.dynamic())").errno == 2141
    body = "def run(session):\n    session.sql('insert into t values (1)').collect()\n    return session.table('t')"
    define(connection, "ops.writes()", body, "TABLE(a INT)")
    assert "may only read" in str(refused(connection, "SELECT * FROM TABLE(ops.writes())"))
    assert run(connection, "SELECT COUNT(*) FROM ops.t") == [(0,)]
    assert run(connection, "CALL ops.writes()") == [(1,)]


def test_a_failure_carries_the_handlers_traceback(connection: Any) -> None:
    define(connection, "ops.bad()", "def deeper():\n    raise ValueError('boom')\ndef run(session):\n    deeper()")
    error = refused(connection, "CALL ops.bad()")
    assert (error.errno, error.sqlstate) == (100357, "P0000")
    message = str(error)
    assert "Python Interpreter Error:\nTraceback (most recent call last):" in message
    assert 'File "_udf_code.py", line 5, in run' in message
    assert "ValueError: boom\n in function BAD with handler run" in message
    assert "worker.py" not in message


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("def run(session: return 1", "SyntaxError"),
        ("def other(session):\n    return 1", "AttributeError"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("import local_stack\ndef run(session):\n    return 1", "No module named 'local_stack'"),
        ("def run(session):\n    import duckdb", "No module named 'duckdb'"),  # installed, but not in PACKAGES
        ("def run(session):\n    import os; os._exit(3)", "ended without an answer"),
        ("def run(session):\n    import socket; socket.create_connection(('127.0.0.1', 9))", "Device or resource busy"),
    ],
)
def test_create_accepts_what_fails_at_call(connection: Any, body: str, expected: str) -> None:
    define(connection, "ops.broken()", body)
    assert expected in str(refused(connection, "CALL ops.broken()"))


def test_a_handlers_open_transaction_is_rolled_back_with_an_error(connection: Any) -> None:
    run(connection, "CREATE TABLE ops.t (a INT)")
    begin = "session.sql('begin').collect()\n    session.sql('insert into t values (1)').collect()"
    define(connection, "ops.left_open()", f"def run(session):\n    {begin}")
    assert refused(connection, "CALL ops.left_open()").errno == 90232
    define(connection, "ops.fails()", f"def run(session):\n    {begin}\n    raise RuntimeError('x')")
    assert refused(connection, "CALL ops.fails()").errno == 100357
    assert run(connection, "SELECT COUNT(*) FROM ops.t") == [(0,)]
    define(connection, "ops.commits()", f"def run(session):\n    {begin}\n    session.sql('commit').collect()")
    run(connection, "CALL ops.commits()")
    run(connection, "ROLLBACK")
    assert run(connection, "SELECT COUNT(*) FROM ops.t") == [(1,)]


def test_a_handler_works_in_its_callers_transaction_and_cannot_end_it(connection: Any) -> None:
    run(connection, "CREATE TABLE ops.t (a INT)")
    define(connection, "ops.adds()", "def run(session):\n    session.sql('insert into t values (1)').collect()")
    run(connection, "BEGIN")
    run(connection, "INSERT INTO ops.t VALUES (0)")
    run(connection, "CALL ops.adds()")
    assert run(connection, "SELECT COUNT(*) FROM ops.t") == [(2,)]
    for statement in ("commit", "rollback"):
        run(connection, "ROLLBACK")
        define(connection, "ops.ends()", f"def run(session):\n    session.sql('{statement}').collect()")
        run(connection, "BEGIN")
        run(connection, "INSERT INTO ops.t VALUES (0)")
        assert "different scope" in str(refused(connection, "CALL ops.ends()"))
        assert run(connection, "SELECT COUNT(*) FROM ops.t") == [(1,)]
    run(connection, "ROLLBACK")
    assert run(connection, "SELECT COUNT(*) FROM ops.t") == [(0,)]


@pytest.mark.parametrize(
    "statement",
    [
        "PUT file:///etc/hosts @~",
        "ALTER SESSION SET TIMEZONE = 'UTC'",
        "USE SCHEMA public",
        "CREATE TEMPORARY TABLE named (a INT)",
        "ALTER SESSION SET AUTOCOMMIT = FALSE",
    ],
)
def test_what_owners_rights_forbid(connection: Any, statement: str) -> None:
    define(connection, "ops.owner()", f'def run(session):\n    session.sql("{statement}").collect()')
    assert "Unsupported statement type" in str(refused(connection, "CALL ops.owner()"))


def test_rights_decide_the_current_schema_and_what_stays(connection: Any) -> None:
    run(connection, "USE SCHEMA public")
    body = "def run(session):\n    return session.get_current_schema()"
    define(connection, "ops.owner()", body)
    define(connection, "ops.caller()", body, clauses="EXECUTE AS CALLER")
    assert run(connection, "CALL ops.owner()") == [('"OPS"',)]
    assert run(connection, "CALL ops.caller()") == [('"PUBLIC"',)]
    moves = "def run(session):\n    session.sql('use schema ops').collect()"
    define(connection, "ops.moves()", moves, clauses="EXECUTE AS CALLER")
    run(connection, "CALL ops.moves()")
    assert run(connection, "SELECT CURRENT_SCHEMA()") == [("OPS",)]


def test_procedures_call_procedures(connection: Any) -> None:
    define(connection, "ops.inner_one(a INT)", "def run(session, a):\n    return a + 1", "INT")
    define(connection, "ops.outer_one()", "def run(session):\n    return session.call('ops.inner_one', 41)", "INT")
    assert run(connection, "CALL ops.outer_one()") == [(42,)]


def test_staged_code_with_a_dotted_handler(connection: Any, tmp_path: Path) -> None:
    archive = tmp_path / "procs.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("procs/__init__.py", "")
        packed.writestr("procs/steps.py", "from procs import rules\ndef run(session, a):\n    return rules.double(a)\n")
        packed.writestr(
            "procs/rules.py", "def double(a):\n    if a < 0: raise ValueError('negative')\n    return a * 2\n"
        )
    run(connection, "CREATE STAGE ops.code")
    run(connection, f"PUT file://{archive} @ops.code/v1 AUTO_COMPRESS = FALSE")
    clauses = "LANGUAGE PYTHON RUNTIME_VERSION = '3.11' PACKAGES = ('snowflake-snowpark-python')"
    create = "CREATE OR REPLACE PROCEDURE ops.staged(a INT) RETURNS INT {} IMPORTS = ('@ops.code/{}/procs.zip')"
    create += " HANDLER = 'procs.steps.run'"
    run(connection, create.format(clauses, "v1"))
    assert run(connection, "CALL ops.staged(21)") == [(42,)]
    assert "procs/rules.py" in str(refused(connection, "CALL ops.staged(-1)"))
    assert refused(connection, create.format(clauses, "v2")).errno == 91016


def test_snowpark_brings_pandas(connection: Any) -> None:
    """dbt's Python models import pandas, and name no package but Snowpark."""
    define(
        connection, "ops.frames()", "import pandas\ndef run(session):\n    return str(pandas.DataFrame([[1, 2]]).size)"
    )
    assert run(connection, "CALL ops.frames()") == [("2",)]


def test_show_describe_alter_comment_and_drop(connection: Any) -> None:
    define(connection, "ops.p(a INT, b STRING DEFAULT 'x')", "def run(session, a, b):\n    return b")
    cursor = connection.cursor(snowflake.connector.DictCursor)
    shown = cursor.execute("SHOW PROCEDURES LIKE 'p' IN SCHEMA ops").fetchall()
    assert [(r["name"], r["arguments"], r["min_num_arguments"]) for r in shown] == [
        ("P", "P(NUMBER, DEFAULT VARCHAR) RETURN VARCHAR", 1)
    ]
    described = dict(run(connection, "DESCRIBE PROCEDURE ops.p(INT, STRING)"))
    assert (described["execute as"], described["handler"]) == ("OWNER", "run")
    run(connection, "ALTER PROCEDURE ops.p(INT, STRING) EXECUTE AS CALLER")
    run(connection, "ALTER PROCEDURE ops.p(INT, STRING) SET LOG_LEVEL = 'INFO', COMMENT = 'one'")
    run(connection, "COMMENT ON PROCEDURE ops.p(INT, STRING) IS 'two'")
    run(connection, "ALTER PROCEDURE ops.p(INT, STRING) RENAME TO ops.q")
    assert dict(run(connection, "DESCRIBE PROCEDURE ops.q(INT, STRING)"))["execute as"] == "CALLER"
    assert cursor.execute("SHOW PROCEDURES LIKE 'q' IN SCHEMA ops").fetchall()[0]["description"] == "two"
    assert refused(connection, "DROP PROCEDURE ops.p(INT, STRING)").errno == 2003
    run(connection, "DROP PROCEDURE IF EXISTS ops.p(INT, STRING)")
    run(connection, "DROP PROCEDURE ops.q(INT, STRING)")
    assert refused(connection, "CALL ops.q(1)").errno == 2140


def test_creating_twice_needs_or_replace_and_packages_must_exist(connection: Any) -> None:
    create = f"CREATE PROCEDURE ops.once() RETURNS INT {_CLAUSES} AS $$def run(session): return 1$$"
    run(connection, create)
    assert refused(connection, create).errno == 2002
    run(connection, create.replace("CREATE", "CREATE OR REPLACE", 1))
    unknown = create.replace("'snowflake-snowpark-python'", "'snowflake-snowpark-python', 'no-such-package'")
    assert "no-such-package" in str(refused(connection, unknown.replace("CREATE", "CREATE OR REPLACE", 1)))


def test_secrets_and_hosts_come_from_the_integration(connection: Any) -> None:
    run(
        connection,
        "CREATE OR REPLACE NETWORK RULE ops.rule MODE = EGRESS TYPE = HOST_PORT VALUE_LIST = ('localhost:9')",
    )
    run(connection, "CREATE OR REPLACE SECRET ops.sec TYPE = PASSWORD USERNAME = 'u' PASSWORD = 'p'")
    run(connection, "CREATE OR REPLACE SECRET ops.other TYPE = GENERIC_STRING SECRET_STRING = 's'")
    run(
        connection,
        "CREATE OR REPLACE EXTERNAL ACCESS INTEGRATION eai ALLOWED_NETWORK_RULES = (ops.rule)"
        " ALLOWED_AUTHENTICATION_SECRETS = (ops.sec) ENABLED = TRUE",
    )
    body = (
        "from snowflake.snowpark import secrets\nimport socket\ndef run(session):\n"
        "    found = secrets.get_username_password('cred')\n    try:\n        socket.create_connection(('localhost', 9), 1)\n"
        "    except OSError as error:\n        return f'{found.username}/{found.password} {error.strerror}'"
    )
    access = "EXTERNAL_ACCESS_INTEGRATIONS = (eai) SECRETS = ('cred' = ops.sec)"
    define(connection, "ops.reaches()", body, clauses=access)
    assert run(connection, "CALL ops.reaches()") == [("u/p Connection refused",)]  # allowed, nobody listens there
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match="not allowed by any"):
        define(connection, "ops.reaches()", body, clauses=access.replace("ops.sec", "ops.other"))


def test_procedures_survive_the_endpoint(tmp_path: Path) -> None:
    running = RunningEndpoint(tmp_path / "warehouse", tmp_path / "s3")
    running.start()
    try:
        with running.connect() as opened:
            define(opened, "public.kept()", "def run(session):\n    return 'still here'")
        running.stop()
        running.start()
        with running.connect() as opened:
            assert run(opened, "CALL public.kept()") == [("still here",)]
    finally:
        running.stop()


_TELLING = """
import logging
from snowflake import telemetry

def run(session, fails):
    logging.getLogger("app").debug("too quiet")
    logging.getLogger("app").info("batch %s", 7, extra={"batch.id": "b-7", "rows": 2})
    telemetry.set_span_attribute("batch.id", "b-7")
    if fails:
        telemetry.add_event("load", {"status": "failed"})
        raise ValueError("no")
    return "done"
"""
_EVENTS = (
    "SELECT record_type, value::STRING, record_attributes['batch.id']::STRING, record['severity_text']::STRING,"
    " record['status']['code']::STRING, scope['name']::STRING FROM snowflake.telemetry.events"
    " WHERE resource_attributes['snow.schema.name'] = 'OPS' ORDER BY timestamp"
)


def test_what_a_handler_tells_is_in_the_event_table_by_the_levels(connection: Any, endpoint: RunningEndpoint) -> None:
    define(connection, "ops.telling(fails BOOLEAN)", _TELLING)

    def told(fails: bool) -> list[tuple[Any, ...]]:
        before = len(run(connection, _EVENTS))
        run(connection, "BEGIN")
        if fails:
            assert "ValueError: no" in str(refused(connection, "CALL ops.telling(TRUE)"))
        else:
            run(connection, "CALL ops.telling(FALSE)")
        run(connection, "ROLLBACK")  # what was told stays
        return list(run(connection, _EVENTS)[before:])

    named = _CLAUSES.replace("'snowflake-snowpark-python'", "'snowflake-snowpark-python', 'snowflake-telemetry-python'")
    run(connection, f"CREATE OR REPLACE PROCEDURE ops.telling(fails BOOLEAN) RETURNS STRING {named} AS $${_TELLING}$$")
    log = ("LOG", "batch 7", "b-7", "INFO", None, "app")
    assert told(False) == []
    run(connection, "ALTER SCHEMA ops SET LOG_LEVEL = 'INFO'")
    run(connection, "ALTER SCHEMA ops SET TRACE_LEVEL = 'ON_EVENT'")
    assert told(False) == [log]  # a span without an event
    event, failed = ("SPAN_EVENT", None, None, None, None, None), ("SPAN", None, "b-7", None, "STATUS_CODE_ERROR", None)
    assert told(True) == [log, event, failed]
    run(
        connection, "ALTER PROCEDURE ops.telling(BOOLEAN) SET LOG_LEVEL = 'ERROR', TRACE_LEVEL = 'OFF'"
    )  # the nearest counts
    assert told(True) == []
    run(connection, "ALTER SESSION SET TRACE_LEVEL = 'ALWAYS'")  # the more verbose counts
    assert told(False) == [("SPAN", None, "b-7", None, "STATUS_CODE_UNSET", None)]
    kept = run(connection, "SELECT COUNT(*) FROM snowflake.telemetry.events WHERE start_timestamp < timestamp")
    assert kept == [(2,)]
    with endpoint.connect(role="PUBLIC") as other:
        assert "does not exist or not authorized" in str(refused(other, "SELECT * FROM snowflake.telemetry.events"))
