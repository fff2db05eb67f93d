"""GRANT, REVOKE and SHOW GRANTS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import snowflake.connector

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration
OWNED = ("OWNERSHIP", "TABLE", "TEST.OPS.T")


@pytest.fixture
def connection(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as opened:
        for role in ("loader", "analyst", "boss"):
            opened.cursor().execute(f"DROP ROLE IF EXISTS {role}")
            opened.cursor().execute(f"CREATE ROLE {role}")
        opened.cursor().execute("CREATE OR REPLACE SCHEMA ops")
        opened.cursor().execute("CREATE TABLE t (a INT)")
        opened.cursor().execute("CREATE TABLE u (a INT)")
        yield opened


def run(connection: Any, sql: str) -> Any:
    return connection.cursor().execute(sql).fetchall()


def grants(connection: Any, sql: str) -> list[tuple[str, str, str]]:
    rows = connection.cursor(snowflake.connector.DictCursor).execute(sql).fetchall()
    return [(row["privilege"], row["granted_on"], row["name"]) for row in rows]


def errno(connection: Any, sql: str) -> int:
    with pytest.raises(snowflake.connector.errors.ProgrammingError) as refusal:
        run(connection, sql)
    return int(refusal.value.errno)


def test_privileges_are_granted_listed_and_revoked(connection: Any) -> None:
    run(connection, "GRANT SELECT, INSERT ON TABLE ops.t TO ROLE loader")
    run(connection, "GRANT USAGE ON SCHEMA ops TO ROLE loader WITH GRANT OPTION")
    run(connection, "GRANT CREATE TABLE, CREATE VIEW ON SCHEMA ops TO loader")
    run(connection, "GRANT EXECUTE TASK ON ACCOUNT TO ROLE loader")
    assert grants(connection, "SHOW GRANTS TO ROLE loader") == [
        ("EXECUTE TASK", "ACCOUNT", "LOCAL"),
        ("CREATE TABLE", "SCHEMA", "TEST.OPS"),
        ("CREATE VIEW", "SCHEMA", "TEST.OPS"),
        ("USAGE", "SCHEMA", "TEST.OPS"),
        ("INSERT", "TABLE", "TEST.OPS.T"),
        ("SELECT", "TABLE", "TEST.OPS.T"),
    ]
    run(connection, "GRANT SELECT ON TABLE ops.t TO ROLE loader")  # again: no second row
    run(connection, "REVOKE INSERT ON TABLE ops.t FROM ROLE loader")
    assert grants(connection, "SHOW GRANTS ON TABLE ops.t") == [OWNED, ("SELECT", "TABLE", "TEST.OPS.T")]
    run(connection, "REVOKE GRANT OPTION FOR USAGE ON SCHEMA ops FROM ROLE loader")
    rows = connection.cursor(snowflake.connector.DictCursor).execute("SHOW GRANTS ON SCHEMA ops").fetchall()
    assert {row["privilege"]: row["grant_option"] for row in rows}["USAGE"] == "false"


def test_all_and_future(connection: Any) -> None:
    run(connection, "GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA ops TO ROLE loader")
    assert ("TRUNCATE", "TABLE", "TEST.OPS.U") in grants(connection, "SHOW GRANTS TO ROLE loader")
    run(connection, "GRANT SELECT ON FUTURE TABLES IN SCHEMA ops TO ROLE analyst")
    future = connection.cursor(snowflake.connector.DictCursor).execute("SHOW FUTURE GRANTS IN SCHEMA ops").fetchall()
    assert [(row["privilege"], row["name"], row["grantee_name"]) for row in future] == [
        ("SELECT", "TEST.OPS.<TABLE>", "ANALYST")
    ]
    run(connection, "REVOKE SELECT ON FUTURE TABLES IN SCHEMA ops FROM ROLE analyst")
    assert run(connection, "SHOW FUTURE GRANTS IN SCHEMA ops") == []


def test_roles_make_a_hierarchy_without_cycles(connection: Any) -> None:
    run(connection, "GRANT ROLE loader TO ROLE boss")
    run(connection, "GRANT ROLE boss TO ROLE sysadmin")
    assert errno(connection, "GRANT ROLE boss TO ROLE loader") == 3005
    assert errno(connection, "GRANT ROLE boss TO ROLE boss") == 3005
    run(connection, "REVOKE ROLE loader FROM ROLE boss")
    run(connection, "GRANT ROLE boss TO ROLE loader")
    run(connection, "CREATE OR REPLACE DATABASE ROLE readers")
    run(connection, "GRANT SELECT ON TABLE ops.t TO DATABASE ROLE test.readers")
    run(connection, "GRANT DATABASE ROLE test.readers TO ROLE analyst")
    assert grants(connection, "SHOW GRANTS TO ROLE analyst") == [("USAGE", "DATABASE_ROLE", "TEST.READERS")]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("GRANT SELECT ON TABLE ops.nothing TO ROLE loader", 2003),
        ("GRANT SELECT ON TABLE ops.t TO ROLE nobody", 2003),
        ("GRANT USAGE ON SCHEMA nothing TO ROLE loader", 2003),
        ("GRANT USAGE ON WAREHOUSE nothing TO ROLE loader", 2003),
        ("GRANT USAGE ON PROCEDURE ops.p(INT) TO ROLE loader", 2003),
        ("GRANT ROLE nobody TO ROLE loader", 2003),
        ("GRANT USAGE ON TABLE ops.t TO ROLE loader", 3008),
        ("GRANT SELECT ON WAREHOUSE compute_wh TO ROLE loader", 3008),
        ("GRANT SELECT ON TABLE ops.t ROLE loader", 1003),
        ("GRANT ROLE loader TO boss", 1003),
        ("GRANT SELECT ON TABLE ops.t TO ROLE loader WITH OPTION", 1003),
    ],
)
def test_a_wrong_grant_is_refused(connection: Any, sql: str, expected: int) -> None:
    assert errno(connection, sql) == expected


def test_replacing_drops_grants_unless_copied(connection: Any) -> None:
    clauses = "RETURNS INT LANGUAGE SQL AS 'BEGIN RETURN 1; END'"
    run(connection, f"CREATE PROCEDURE ops.p(a INT) {clauses}")
    for sql in ("SELECT ON TABLE ops.t", "USAGE ON PROCEDURE ops.p(INT)"):
        run(connection, f"GRANT {sql} TO ROLE loader")
    run(connection, f"CREATE OR REPLACE PROCEDURE ops.p(a INT) COPY GRANTS {clauses}")
    assert grants(connection, "SHOW GRANTS ON PROCEDURE ops.p(INT)") == [
        ("OWNERSHIP", "PROCEDURE", "TEST.OPS.P(NUMBER)"),
        ("USAGE", "PROCEDURE", "TEST.OPS.P(NUMBER)"),
    ]
    run(connection, f"CREATE OR REPLACE PROCEDURE ops.p(a INT) {clauses}")
    assert grants(connection, "SHOW GRANTS ON PROCEDURE ops.p(INT)") == [
        ("OWNERSHIP", "PROCEDURE", "TEST.OPS.P(NUMBER)")
    ]
    with pytest.raises(snowflake.connector.errors.ProgrammingError):
        run(connection, "CREATE OR REPLACE TABLE ops.t AS SELECT * FROM ops.nothing")
    assert grants(connection, "SHOW GRANTS ON TABLE ops.t") == [OWNED, ("SELECT", "TABLE", "TEST.OPS.T")]
    run(connection, "CREATE OR REPLACE TABLE ops.t (a INT, b INT) COPY GRANTS")
    assert grants(connection, "SHOW GRANTS ON TABLE ops.t") == [OWNED, ("SELECT", "TABLE", "TEST.OPS.T")]
    run(connection, "CREATE OR REPLACE TABLE ops.t (a INT, b INT)")
    assert grants(connection, "SHOW GRANTS ON TABLE ops.t") == [OWNED]


def test_ownership_moves_and_dropped_roles_leave_nothing(connection: Any) -> None:
    run(connection, "GRANT OWNERSHIP ON TABLE ops.t TO ROLE loader COPY CURRENT GRANTS")
    run(connection, "GRANT OWNERSHIP ON TABLE ops.t TO ROLE boss REVOKE CURRENT GRANTS")
    assert grants(connection, "SHOW GRANTS TO ROLE loader") == []
    assert grants(connection, "SHOW GRANTS TO ROLE boss") == [("OWNERSHIP", "TABLE", "TEST.OPS.T")]
    run(connection, "DROP ROLE boss")
    rows = run(connection, "SHOW GRANTS ON TABLE ops.t")
    assert [(row[1], row[5]) for row in rows] == [
        ("OWNERSHIP", "ACCOUNTADMIN")
    ]  # whoever drops a role inherits from it


def test_a_table_or_view_needs_no_word_for_its_kind(connection: Any) -> None:
    """dbt writes `grant select on db.schema.model to role` and `show grants on db.schema.model`."""
    run(connection, "CREATE VIEW v AS SELECT * FROM t")
    run(connection, 'CREATE TABLE "ROLE" (a INT)')
    for name in ("t", "test.ops.v", "role"):
        run(connection, f"GRANT SELECT, INSERT ON {name} TO analyst")
        run(connection, f"REVOKE INSERT ON {name} FROM ROLE analyst")
    assert grants(connection, "SHOW GRANTS TO ROLE analyst") == [
        ("SELECT", "TABLE", "TEST.OPS.ROLE"),
        ("SELECT", "TABLE", "TEST.OPS.T"),
        ("SELECT", "VIEW", "TEST.OPS.V"),
    ]
    assert grants(connection, "SHOW GRANTS ON ops.t") == [OWNED, ("SELECT", "TABLE", "TEST.OPS.T")]
    run(connection, "GRANT OWNERSHIP ON test.ops.v TO ROLE boss COPY CURRENT GRANTS")
    assert grants(connection, "SHOW GRANTS ON v")[0] == ("OWNERSHIP", "VIEW", "TEST.OPS.V")
    assert errno(connection, "GRANT SELECT ON nowhere TO ROLE analyst") == 2003
    assert errno(connection, "GRANT SELECT ON t TO nobody") == 2003
    assert errno(connection, "GRANT fake_privilege ON t TO analyst") == 1003
    assert errno(connection, "GRANT USAGE ON t TO analyst") == 3008
