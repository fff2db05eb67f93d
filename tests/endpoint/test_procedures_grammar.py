"""The grammar of CREATE PROCEDURE, CREATE FUNCTION and CALL: statement to data, and Snowflake's errors."""

from __future__ import annotations

import pytest

from local_stack.endpoint.features.procedures.call import Argument, parse_call
from local_stack.endpoint.features.procedures.create import parse_create
from local_stack.endpoint.features.procedures.definition import Parameter, Routine
from local_stack.endpoint.features.procedures.scripting.nodes import Assign, Declare, For, If, Return, Sql
from local_stack.endpoint.features.procedures.scripting.parse import is_block, parse_block
from local_stack.endpoint.language.quoting import string_value
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import SqlError

_PYTHON = "LANGUAGE PYTHON RUNTIME_VERSION='3.11' PACKAGES=('snowflake-snowpark-python') HANDLER='run'"


def test_every_clause_is_read() -> None:
    created = parse_create(
        "CREATE OR REPLACE PROCEDURE ops.load_batch(batch_id STRING, n INT DEFAULT f(1, 2), at TIMESTAMP_LTZ DEFAULT NULL)"
        " COPY GRANTS RETURNS TABLE(a NUMBER(10, 2), b TEXT) LANGUAGE PYTHON RUNTIME_VERSION = 3.11"
        " ARTIFACT_REPOSITORY = snowflake.snowpark.pypi_shared_repository PACKAGES = ('snowflake-snowpark-python', 'x==1')"
        " IMPORTS = ('@ops.code/h/procs.zip') HANDLER = 'procs.load.run' EXTERNAL_ACCESS_INTEGRATIONS = (eai)"
        " SECRETS = ('cred' = ops.sec) COMMENT = 'it''s' EXECUTE AS CALLER"
    )
    assert created is not None
    assert (created.name, created.or_replace, created.copy_grants) == (("OPS", "LOAD_BATCH"), True, True)
    assert created.routine == Routine(
        kind="PROCEDURE",
        name="LOAD_BATCH",
        parameters=(
            Parameter("BATCH_ID", "VARCHAR"),
            Parameter("N", "NUMBER(38,0)", "f(1, 2)"),
            Parameter("AT", "TIMESTAMP_LTZ", "NULL"),
        ),
        returns="",
        columns=(("A", "NUMBER(10,2)"), ("B", "VARCHAR")),
        language="PYTHON",
        runtime_version="3.11",
        packages=("snowflake-snowpark-python", "x==1"),
        imports=("@ops.code/h/procs.zip",),
        handler="procs.load.run",
        external_access_integrations=("EAI",),
        secrets=(("cred", "OPS.SEC"),),
        artifact_repository="SNOWFLAKE.SNOWPARK.PYPI_SHARED_REPOSITORY",
        comment="it's",
        rights="CALLER",
    )
    assert Routine.from_document(created.routine.to_document()) == created.routine
    assert created.routine.stored_name == "LOAD_BATCH(VARCHAR, NUMBER, TIMESTAMP_LTZ)"


@pytest.mark.parametrize(
    ("sql", "errno"),
    [
        (f"CREATE PROCEDURE p() RETURNS INT {_PYTHON} COPY GRANTS AS $$x$$", 1003),  # COPY GRANTS comes before RETURNS
        (f"CREATE PROCEDURE p(a INT DEFAULT 1, b INT) RETURNS INT {_PYTHON} AS $$x$$", 1003),  # defaults last
        (f"CREATE PROCEDURE p() RETURNS INT {_PYTHON} LOG_LEVEL = 'INFO' AS $$x$$", 1422),  # belongs to ALTER PROCEDURE
        (f"CREATE PROCEDURE p() RETURNS INT {_PYTHON} HANDLER = 'other' AS $$x$$", 1424),  # twice
        (f"CREATE PROCEDURE p() RETURNS INTT {_PYTHON} AS $$x$$", 2040),
        (f"CREATE PROCEDURE p() RETURNS INT {_PYTHON}", 391522),  # neither code nor imports
        ("CREATE PROCEDURE p() RETURNS INT LANGUAGE PYTHON HANDLER='run' AS $$x$$", 391523),  # no RUNTIME_VERSION
        ("CREATE PROCEDURE p() RETURNS INT LANGUAGE PYTHON RUNTIME_VERSION='3.11' HANDLER='run' AS $$x$$", 391531),
        ("CREATE PROCEDURE p() RETURNS INT LANGUAGE PYTHON RUNTIME_VERSION='2.7' HANDLER='run' AS $$x$$", 391546),
        (
            "CREATE PROCEDURE p() RETURNS INT LANGUAGE PYTHON RUNTIME_VERSION='3.11' HANDLER='run'"
            " PACKAGES=('snowflake-snowpark-python', 'pandas=2') AS $$x$$",
            391546,
        ),
        ("CREATE PROCEDURE p() RETURNS INT LANGUAGE SQL HANDLER='run' AS $$x$$", 1422),
        ("CREATE PROCEDURE p() RETURNS INT LANGUAGE JAVA AS $$x$$", 2),
        ("CREATE PROCEDURE p() AS $$x$$", 1003),
    ],
)
def test_a_wrong_definition_is_refused_as_snowflake_refuses_it(sql: str, errno: int) -> None:
    with pytest.raises(SqlError) as refusal:
        parse_create(sql)
    assert refusal.value.errno == errno


def test_a_syntax_error_names_line_and_position() -> None:
    with pytest.raises(SqlError, match="syntax error line 2 at position 1 unexpected 'COPY'"):
        parse_create(f"CREATE PROCEDURE p() RETURNS INT {_PYTHON}\n COPY GRANTS AS $$x$$")


def test_other_statements_are_left_alone() -> None:
    assert parse_create("CREATE TABLE procedure_log (a INT)") is None
    assert parse_call("WITH a AS (SELECT 1) SELECT * FROM a") is None
    assert parse_call("SELECT 1") is None


def test_arguments_keep_their_commas_strings_and_binds() -> None:
    call = parse_call("CALL ops.p('a,b', f(?, 2), ?::DATE)")
    assert call is not None
    assert call.arguments == (
        Argument("'a,b'"),
        Argument("f(:1, 2)"),
        Argument(":2::DATE"),
    )
    named = parse_call('CALL p(b => ARRAY_CONSTRUCT(1, 2), "a" => NULL)')
    assert named is not None
    assert [(a.name, a.expression) for a in named.arguments] == [("B", "ARRAY_CONSTRUCT(1, 2)"), ("a", "NULL")]


@pytest.mark.parametrize(
    "sql", ["CALL p(1, a => 2)", "CALL p(a => 1, 2)", "CALL p(a => 1, a => 2)", "CALL p(1", "CALL p"]
)
def test_mixed_duplicate_or_broken_arguments_are_refused(sql: str) -> None:
    with pytest.raises(SqlError):
        parse_call(sql)


def test_string_literals_are_unescaped_as_in_snowflake() -> None:
    assert string_value(r"'it''s \'\n\\ \u0041'") == "it's '\n\\ A"
    assert string_value(r"$$it's \n$$") == r"it's \n"


def test_comments_and_quoted_names_are_no_keywords() -> None:
    reader = Reader('/* CREATE */ -- x\n a."b c" // end\n.d')
    assert reader.name() == ("A", "b c", "D")
    assert reader.at_end()


def test_blocks_are_told_from_transactions() -> None:
    assert not is_block("BEGIN")
    assert not is_block("begin transaction")
    assert not is_block("BEGIN;")
    assert is_block("BEGIN SELECT 1; END")
    assert is_block("DECLARE x INT; BEGIN RETURN x; END")


def test_a_block_is_a_tree() -> None:
    block = parse_block(
        "DECLARE n INT DEFAULT 0; rs RESULTSET; BEGIN"
        " LET m := CASE WHEN n > 0 THEN 1 ELSE 2 END;"
        " SELECT COUNT(*) INTO :n FROM t WHERE a = :m;"
        " FOR r IN rs DO n := n + r.a; END FOR;"
        " IF (n > 1) THEN RETURN 'many'; ELSE RETURN 'few'; END IF;"
        " EXCEPTION WHEN OTHER THEN RETURN SQLERRM; END"
    )
    assert [getattr(step.node, "name", "") for step in block.declarations] == ["N", "RS"]
    let, query, loop, condition = (step.node for step in block.body)
    assert let == Declare("M", "", "CASE WHEN n > 0 THEN 1 ELSE 2 END")
    assert query == Sql("SELECT COUNT(*) FROM t WHERE a = :m", ("N",))
    assert isinstance(loop, For)
    assert (loop.name, loop.source, loop.last) == ("R", "rs", None)
    assert [step.node for step in loop.body] == [Assign("N", "n + r.a")]
    assert isinstance(condition, If)
    assert [(when, [step.node for step in body]) for when, body in condition.branches] == [
        ("(n > 1)", [Return("'many'")]),
        ("", [Return("'few'")]),
    ]
    (handler,) = block.handlers
    assert (handler.names, [step.node for step in handler.body]) == (("OTHER",), [Return("SQLERRM")])
