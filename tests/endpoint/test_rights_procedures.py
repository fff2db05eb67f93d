"""Owner's and caller's rights of procedures, and the rights under which tasks and alerts run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import RunningEndpoint
from tests.endpoint.rights import as_role, make_roles, refused, run

pytestmark = pytest.mark.integration

_COUNT = "DECLARE n INT; BEGIN SELECT COUNT(*) INTO :n FROM test.s.secret; RETURN n; END"
_ROLE = "DECLARE r VARCHAR; BEGIN SELECT CURRENT_ROLE() INTO :r; RETURN r; END"
_PYTHON = """
    LANGUAGE PYTHON RUNTIME_VERSION = '3.11' PACKAGES = ('snowflake-snowpark-python') HANDLER = 'run'
    EXECUTE AS {rights} AS $$
def run(session):
    return session.sql('SELECT CURRENT_ROLE()').collect()[0][0] + str(session.table('test.s.secret').count())
$$"""


@pytest.fixture
def admin(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as connection:
        make_roles(connection, "caller", "owner")
        run(connection, "CREATE OR REPLACE SCHEMA test.s", "CREATE TABLE secret AS SELECT 7 AS a")
        for role in ("caller", "owner"):
            run(connection, f"GRANT USAGE ON DATABASE test TO ROLE {role}", f"GRANT USAGE ON SCHEMA s TO ROLE {role}")
        run(
            connection,
            "GRANT SELECT ON TABLE secret TO ROLE owner",
            "GRANT CREATE PROCEDURE, CREATE TABLE, CREATE TASK, CREATE ALERT ON SCHEMA s TO ROLE owner",
        )
        yield connection


@pytest.fixture
def owner(admin: Any, endpoint: RunningEndpoint) -> Iterator[Any]:
    with as_role(endpoint, "owner", schema="S") as connection:
        yield connection


@pytest.fixture
def caller(admin: Any, endpoint: RunningEndpoint) -> Iterator[Any]:
    with as_role(endpoint, "caller", schema="S") as connection:
        yield connection


def test_a_procedure_that_may_not_be_called_does_not_exist(owner: Any, caller: Any) -> None:
    run(owner, f"CREATE PROCEDURE p() RETURNS INT LANGUAGE SQL AS '{_COUNT}'")
    assert refused(caller, "CALL p()") == (2140, "Unknown function P.")
    assert refused(caller, "CALL test.s.p()") == (2140, "Unknown function TEST.S.P.")
    run(owner, "GRANT USAGE ON PROCEDURE p() TO ROLE caller")
    assert run(caller, "CALL p()") == [(1,)]


def test_owners_rights_are_the_owners_and_only_those(admin: Any, owner: Any, caller: Any) -> None:
    run(
        owner,
        f"CREATE PROCEDURE who() RETURNS VARCHAR LANGUAGE SQL EXECUTE AS OWNER AS '{_ROLE}'",
        f"CREATE PROCEDURE count_all() RETURNS INT LANGUAGE SQL EXECUTE AS OWNER AS '{_COUNT}'",
        "GRANT USAGE ON PROCEDURE who() TO ROLE caller",
        "GRANT USAGE ON PROCEDURE count_all() TO ROLE caller",
    )
    assert run(caller, "CALL who()") == [("OWNER",)]
    assert run(caller, "CALL count_all()") == [(1,)]
    assert run(caller, "SELECT CURRENT_ROLE()") == [("CALLER",)]
    assert refused(caller, "SELECT * FROM secret")[0] == 2003
    run(admin, "REVOKE SELECT ON TABLE secret FROM ROLE owner", "GRANT SELECT ON TABLE secret TO ROLE caller")
    number, message = refused(caller, "CALL count_all()")
    assert "Object 'TEST.S.SECRET' does not exist or not authorized." in message or number == 2003
    assert run(caller, "SELECT CURRENT_ROLE()") == [("CALLER",)]
    run(admin, "GRANT OWNERSHIP ON PROCEDURE who() TO ROLE caller REVOKE CURRENT GRANTS")
    assert run(caller, "CALL who()") == [("CALLER",)]


def test_callers_rights_are_the_callers(admin: Any, owner: Any, caller: Any) -> None:
    run(
        owner,
        f"CREATE PROCEDURE who() RETURNS VARCHAR LANGUAGE SQL EXECUTE AS CALLER AS '{_ROLE}'",
        f"CREATE PROCEDURE count_all() RETURNS INT LANGUAGE SQL EXECUTE AS CALLER AS '{_COUNT}'",
        "CREATE PROCEDURE outer_one() RETURNS VARCHAR LANGUAGE SQL EXECUTE AS OWNER"
        " AS 'DECLARE r VARCHAR; BEGIN CALL test.s.who() INTO :r; RETURN r; END'",
        "GRANT USAGE ON PROCEDURE who() TO ROLE caller",
        "GRANT USAGE ON PROCEDURE count_all() TO ROLE caller",
        "GRANT USAGE ON PROCEDURE outer_one() TO ROLE caller",
    )
    assert run(caller, "CALL who()") == [("CALLER",)]
    assert run(caller, "CALL outer_one()") == [("OWNER",)]
    refused(caller, "CALL count_all()")
    run(admin, "GRANT SELECT ON TABLE secret TO ROLE caller")
    assert run(caller, "CALL count_all()") == [(1,)]


def test_python_handlers_run_with_the_same_rights(owner: Any, caller: Any) -> None:
    run(
        owner,
        "CREATE PROCEDURE as_owner() RETURNS VARCHAR" + _PYTHON.format(rights="OWNER"),
        "CREATE PROCEDURE as_caller() RETURNS VARCHAR" + _PYTHON.format(rights="CALLER"),
        "GRANT USAGE ON PROCEDURE as_owner() TO ROLE caller",
        "GRANT USAGE ON PROCEDURE as_caller() TO ROLE caller",
    )
    assert run(caller, "CALL as_owner()") == [("OWNER1",)]
    number, _ = refused(caller, "CALL as_caller()")
    assert number == 100357
    assert run(owner, "CALL as_caller()") == [("OWNER1",)]


def test_the_restricted_rights_of_a_caller_are_refused_by_name(owner: Any) -> None:
    number, message = refused(
        owner, f"CREATE PROCEDURE r() RETURNS INT LANGUAGE SQL EXECUTE AS RESTRICTED CALLER AS '{_COUNT}'"
    )
    assert (number, "RESTRICTED CALLER" in message) == (2, True)


def test_what_a_procedure_creates_is_its_owners(admin: Any, owner: Any, caller: Any) -> None:
    run(
        owner,
        "CREATE PROCEDURE make() RETURNS INT LANGUAGE SQL AS 'BEGIN CREATE TABLE test.s.made (a INT); RETURN 1; END'",
        "GRANT USAGE ON PROCEDURE make() TO ROLE caller",
    )
    run(caller, "CALL make()")
    rows = run(admin, "SHOW GRANTS ON TABLE test.s.made")
    assert [(row[1], row[5]) for row in rows] == [("OWNERSHIP", "OWNER")]


def test_a_task_runs_as_its_owner_who_may_run_tasks(admin: Any, owner: Any, caller: Any) -> None:
    run(owner, "CREATE TABLE log (r VARCHAR)")
    create = "CREATE OR REPLACE TASK t {} SCHEDULE = '60 MINUTE' AS INSERT INTO test.s.log SELECT CURRENT_ROLE()"
    assert refused(owner, create.format("WAREHOUSE = compute_wh"))[0] == 2003
    run(admin, "GRANT USAGE ON WAREHOUSE compute_wh TO ROLE owner")
    run(owner, create.format("WAREHOUSE = compute_wh"))
    for sql in ("ALTER TASK t RESUME", "EXECUTE TASK t"):
        assert refused(owner, sql) == (
            91089,
            "Cannot execute task , EXECUTE TASK privilege must be granted to owner role",
        )
    run(admin, "GRANT EXECUTE TASK ON ACCOUNT TO ROLE owner")
    run(owner, "ALTER TASK t RESUME", "ALTER TASK t SUSPEND")
    assert refused(caller, "EXECUTE TASK t")[0] == 2003
    run(admin, "GRANT OPERATE ON TASK t TO ROLE caller")
    assert refused(caller, "DROP TASK t")[0] == 3001
    run(caller, "EXECUTE TASK t")
    for _ in range(100):
        rows = run(owner, "SELECT r FROM log")
        if rows:
            break
        run(owner, "SELECT SYSTEM$WAIT(100, 'MILLISECONDS')")
    assert rows == [("OWNER",)]
    run(owner, create.format(""))
    assert "EXECUTE MANAGED TASK" in refused(owner, "EXECUTE TASK t")[1]


def test_an_alert_runs_as_its_owner(admin: Any, owner: Any) -> None:
    run(admin, "GRANT EXECUTE ALERT, EXECUTE MANAGED ALERT ON ACCOUNT TO ROLE owner")
    run(
        owner,
        "CREATE TABLE log (r VARCHAR)",
        "CREATE ALERT al SCHEDULE = '60 MINUTE' IF (EXISTS (SELECT 1 FROM test.s.secret))"
        " THEN INSERT INTO test.s.log SELECT CURRENT_ROLE()",
        "EXECUTE ALERT al",
    )
    for _ in range(100):
        rows = run(owner, "SELECT r FROM log")
        if rows:
            break
        run(owner, "SELECT SYSTEM$WAIT(100, 'MILLISECONDS')")
    assert rows == [("OWNER",)]
