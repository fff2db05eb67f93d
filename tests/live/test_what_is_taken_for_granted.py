"""What bootstrap, clones, masks and the lock of deployments rely on, as Snowflake documents it."""

from __future__ import annotations

from snowflake.connector.errors import ProgrammingError

from deploy.quality_page import shipped
from tests.live.conftest import Scratch


def test_a_variable_that_is_not_set_is_null(scratch: Scratch) -> None:
    """deploy/bootstrap.sql takes settings that the session has, and its own for the others."""
    scratch.rows("UNSET dw_of_nobody")
    assert scratch.one("SELECT GETVARIABLE('DW_OF_NOBODY')") is None
    scratch.rows("SET dw_mine = COALESCE(GETVARIABLE('DW_MINE'), 'default')")
    scratch.rows("SET dw_mine = COALESCE(GETVARIABLE('DW_MINE') || '!', 'default')")
    assert scratch.one("SELECT $dw_mine") == "default!"


def test_a_block_reads_the_variables_of_its_session(scratch: Scratch) -> None:
    scratch.rows(f"SET dw_scratch_role = '{scratch.name}_BLOCK'")
    scratch.rows(
        """EXECUTE IMMEDIATE $$
        DECLARE
            statement VARCHAR DEFAULT 'CREATE ROLE IF NOT EXISTS ' || GETVARIABLE('DW_SCRATCH_ROLE');
        BEGIN
            EXECUTE IMMEDIATE :statement;
        END;
        $$"""
    )
    assert len(scratch.rows(f"SHOW ROLES LIKE '{scratch.name}_BLOCK'")) == 1


def test_a_procedure_with_owners_rights_is_at_home_in_its_database(scratch: Scratch) -> None:
    """A clone's procedures tell by it that they are in a clone."""
    scratch.rows(
        "CREATE OR REPLACE PROCEDURE s.home() RETURNS STRING LANGUAGE SQL EXECUTE AS OWNER"
        " AS $$ BEGIN RETURN (SELECT CURRENT_DATABASE()); END; $$"
    )
    clone = f"{scratch.name}_CLONE"
    scratch.rows(f"CREATE DATABASE {clone} CLONE {scratch.name}")
    try:
        scratch.rows(f"USE DATABASE {scratch.name}")
        assert scratch.one(f"CALL {clone}.s.home()") == clone
    finally:
        scratch.rows(f"DROP DATABASE {clone}")
        scratch.rows(f"USE SCHEMA {scratch.name}.s")


def test_a_mask_asks_the_role_that_executes(scratch: Scratch) -> None:
    """Inside a procedure with owner's rights it is the owner's, whoever calls."""
    sees, calls = f"{scratch.name}_SEES", f"{scratch.name}_CALLS"
    for sql in (
        f"CREATE ROLE {sees}",
        f"CREATE ROLE {calls}",
        f"GRANT ROLE {sees} TO ROLE sysadmin",
        f"GRANT ROLE {calls} TO ROLE sysadmin",
        "CREATE TABLE s.addresses AS SELECT '192.0.2.1'::STRING AS ip_address",
        f"CREATE MASKING POLICY s.mask AS (val STRING) RETURNS STRING -> IFF(IS_ROLE_IN_SESSION('{sees}'), val, 'masked')",
        "ALTER TABLE s.addresses MODIFY COLUMN ip_address SET MASKING POLICY s.mask",
        "CREATE PROCEDURE s.look() RETURNS STRING LANGUAGE SQL EXECUTE AS OWNER"
        " AS $$ BEGIN RETURN (SELECT MAX(ip_address) FROM s.addresses); END; $$",
        *(
            f"GRANT USAGE ON {place} TO ROLE {calls}"
            for place in (f"DATABASE {scratch.name}", "SCHEMA s", "PROCEDURE s.look()")
        ),
        f"GRANT SELECT ON TABLE s.addresses TO ROLE {calls}",
    ):
        scratch.rows(sql)
    mine = scratch.one("SELECT CURRENT_ROLE()")
    scratch.rows(f"USE ROLE {calls}")
    try:
        assert scratch.one("SELECT ip_address FROM s.addresses") == "masked"
        assert scratch.one("CALL s.look()") == "192.0.2.1"
    finally:
        scratch.rows(f"USE ROLE {mine}")


def test_rows_of_a_transaction_are_locked_until_it_ends(scratch: Scratch) -> None:
    """deploy.apply holds one for as long as a deployment lasts; reading goes on."""
    scratch.rows("CREATE TABLE s.deployment (taken_by STRING)")
    scratch.rows("INSERT INTO s.deployment (taken_by) VALUES (NULL)")
    scratch.rows("BEGIN")
    scratch.rows("UPDATE s.deployment SET taken_by = 'me'")
    assert scratch.rows("SELECT taken_by FROM s.deployment") == [("me",)]
    scratch.rows("ROLLBACK")
    assert scratch.rows("SELECT taken_by FROM s.deployment") == [(None,)]


def test_a_task_name_outside_a_task_is_null_or_refused(scratch: Scratch) -> None:
    """It is not documented which; a name would be wrong."""
    try:
        assert scratch.one("SELECT SYSTEM$CURRENT_USER_TASK_NAME()") is None
    except ProgrammingError as error:
        assert "task" in str(error).lower()  # noqa: PT017, either will do


def test_quality_rules_match_by_snowflakes_regular_expressions(scratch: Scratch) -> None:
    """POSIX classes, no backslashes, a match of the whole text: https://docs.snowflake.com/en/sql-reference/functions-regexp"""
    uuid = "0f1c6d40-0000-4000-8000-00000000000a"
    cases: dict[tuple[str, str], dict[bool, tuple[str, ...]]] = {
        ("malformed_page_url", "page_url"): {
            False: ("/p?q=a%20b#c", "https://shop.example:8443/a", "HTTPS://shop.example", "", "?page=2"),
            True: ("/a b", "shop.example/a", "http://", "javascript:alert(1)"),
        },
        ("malformed_user_id", "user_id"): {
            False: (uuid,),
            True: (uuid.upper(), f"{uuid}0", uuid.replace("-", ""), "7"),
        },
        ("placeholder_user_id", "user_id"): {False: (uuid, "7", "nobody"), True: ("NULL", " undefined ", "0", "-1")},
        ("is_bot_traffic", "browser"): {False: ("Firefox", "Chrome"), True: ("Googlebot/2.1", "HeadlessChrome")},
    }
    predicates = {code: predicate for code, _, predicate, _ in shipped().rules["events"]}
    for (code, column), expected in cases.items():
        texts = [(text, found) for found, each in expected.items() for text in each]
        values = ", ".join(f"('{text}')" for text, _ in texts)
        judged = scratch.rows(f"SELECT {column}, {predicates[code]} FROM (VALUES {values}) AS given ({column})")
        assert sorted(judged) == sorted(texts)
