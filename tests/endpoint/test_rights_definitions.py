"""Rights in CREATE, ALTER, DROP, GRANT and REVOKE: ownership, future grants, managed access, options, users' roles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import snowflake.connector
from snowflake.connector.errors import Error

from tests.conftest import RunningEndpoint
from tests.endpoint.rights import as_role, make_roles, names, refused, run

pytestmark = pytest.mark.integration

_BODY = "RETURNS INT LANGUAGE SQL AS 'BEGIN RETURN 1; END'"
# A statement that makes an object in a schema, and its kind and name in SHOW GRANTS.
CREATIONS = [
    ("CREATE TABLE o (a INT)", "TABLE", "o"),
    ("CREATE VIEW o AS SELECT 1 AS a", "VIEW", "o"),
    ("CREATE SEQUENCE o", "SEQUENCE", "o"),
    ("CREATE STAGE o", "STAGE", "o"),
    ("CREATE FILE FORMAT o TYPE = CSV", "FILE FORMAT", "o"),
    (f"CREATE PROCEDURE o(a INT) {_BODY}", "PROCEDURE", "o(INT)"),
    ("CREATE FUNCTION o(a INT) RETURNS INT AS 'a + 1'", "FUNCTION", "o(INT)"),
    ("CREATE TASK o SCHEDULE = '60 MINUTE' AS SELECT 1", "TASK", "o"),
    ("CREATE ALERT o SCHEDULE = '60 MINUTE' IF (EXISTS (SELECT 1)) THEN SELECT 1", "ALERT", "o"),
    ("CREATE MASKING POLICY o AS (v STRING) RETURNS STRING -> '*'", "MASKING POLICY", "o"),
    ("CREATE ROW ACCESS POLICY o AS (v INT) RETURNS BOOLEAN -> v > 0", "ROW ACCESS POLICY", "o"),
    ("CREATE TAG o", "TAG", "o"),
]


@pytest.fixture
def admin(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as connection:
        make_roles(connection, "maker", "other", "below")
        run(
            connection,
            "CREATE OR REPLACE SCHEMA test.s",
            "GRANT USAGE ON DATABASE test TO ROLE maker",
            "GRANT USAGE ON SCHEMA s TO ROLE maker",
            "GRANT USAGE ON DATABASE test TO ROLE other",
            "GRANT USAGE ON SCHEMA s TO ROLE other",
        )
        yield connection


def owners(connection: Any, kind: str, name: str) -> list[str]:
    return [row[5] for row in run(connection, f"SHOW GRANTS ON {kind} {name}") if row[1] == "OWNERSHIP"]


@pytest.mark.parametrize(("sql", "kind", "name"), CREATIONS)
def test_who_creates_an_object_owns_it(endpoint: RunningEndpoint, admin: Any, sql: str, kind: str, name: str) -> None:
    with as_role(endpoint, "maker", schema="S") as maker, as_role(endpoint, "other", schema="S") as other:
        assert refused(maker, sql) == (3001, "Insufficient privileges to operate on schema 'S'")
        run(admin, f"GRANT CREATE {kind} ON SCHEMA s TO ROLE maker")
        run(maker, sql)
        assert owners(maker, kind, name) == ["MAKER"]
        drop = f"DROP {kind} {name}"
        assert refused(other, drop)[0] == 2003
        assert refused(other, sql.replace("CREATE", "CREATE OR REPLACE"))[0] in (2003, 3001)
        assert refused(other, f"GRANT OWNERSHIP ON {kind} {name} TO ROLE other")[0] in (2003, 3001)
        run(maker, drop)
        run(other, drop.replace(name, f"IF EXISTS {name}"))


def test_the_accounts_objects_need_the_accounts_privileges(endpoint: RunningEndpoint, admin: Any) -> None:
    with as_role(endpoint, "maker") as maker:
        for sql in (
            "CREATE ROLE made", "CREATE DATABASE made", "CREATE WAREHOUSE made", "CREATE USER made",
            "CREATE NETWORK POLICY made ALLOWED_IP_LIST = ('1.1.1.1')", "ALTER ACCOUNT SET LOG_LEVEL = 'INFO'",
        ):  # fmt: skip
            assert refused(maker, sql) == (3001, "Insufficient privileges to operate on account 'LOCAL'"), sql
        assert refused(maker, "CREATE SCHEMA test.made") == (
            3001,
            "Insufficient privileges to operate on database 'TEST'",
        )
        run(admin, "GRANT CREATE ROLE ON ACCOUNT TO ROLE maker", "GRANT CREATE SCHEMA ON DATABASE test TO ROLE maker")
        run(maker, "CREATE OR REPLACE ROLE made", "GRANT ROLE made TO ROLE other", "DROP ROLE made")
        run(maker, "CREATE SCHEMA test.made", "CREATE TABLE test.made.t (a INT)", "DROP SCHEMA test.made")
        assert refused(maker, "DROP SCHEMA test.s")[0] == 3001
        assert refused(maker, "ALTER WAREHOUSE compute_wh SET COMMENT = 'x'")[0] == 2003
        assert refused(maker, "GRANT ROLE other TO ROLE maker")[0] == 3001


def test_future_grants_hold_for_what_is_created(endpoint: RunningEndpoint, admin: Any) -> None:
    run(
        admin,
        "GRANT CREATE TABLE ON SCHEMA s TO ROLE maker",
        "GRANT INSERT ON FUTURE TABLES IN DATABASE test TO ROLE other",
        "CREATE TABLE before (a INT)",
        "GRANT SELECT ON FUTURE TABLES IN SCHEMA s TO ROLE other",
        "CREATE TABLE after (a INT)",
    )
    with as_role(endpoint, "other", schema="S") as other:
        run(other, "INSERT INTO before VALUES (1)", "SELECT * FROM after")
        assert refused(other, "SELECT * FROM before")[0] == 3001
        assert (
            refused(other, "INSERT INTO after VALUES (1)")[0] == 3001
        )  # the schema's future grants hide the database's
        assert refused(other, "GRANT SELECT ON FUTURE TABLES IN SCHEMA s TO ROLE maker")[0] == 3001
    run(admin, "REVOKE INSERT ON FUTURE TABLES IN DATABASE test FROM ROLE other")
    run(admin, "GRANT OWNERSHIP ON FUTURE TABLES IN SCHEMA s TO ROLE other", "CREATE TABLE given (a INT)")
    assert owners(admin, "TABLE", "given") == ["OTHER"]


def test_grant_options_and_what_depends_on_them(endpoint: RunningEndpoint, admin: Any) -> None:
    run(admin, "CREATE TABLE t (a INT)", "GRANT SELECT ON TABLE t TO ROLE maker")
    with as_role(endpoint, "maker", schema="S") as maker:
        assert refused(maker, "GRANT SELECT ON TABLE t TO ROLE other")[0] == 3001
        run(admin, "GRANT SELECT ON TABLE t TO ROLE maker WITH GRANT OPTION")
        run(maker, "GRANT SELECT ON TABLE t TO ROLE other")
        assert refused(maker, "GRANT INSERT ON TABLE t TO ROLE other")[0] == 3001
    assert refused(admin, "REVOKE SELECT ON TABLE t FROM ROLE maker")[0] == 3036
    run(admin, "REVOKE SELECT ON TABLE t FROM ROLE maker CASCADE")
    assert [row[1] for row in run(admin, "SHOW GRANTS ON TABLE t")] == ["OWNERSHIP"]


def test_ownership_is_given_away_with_or_without_what_was_granted(endpoint: RunningEndpoint, admin: Any) -> None:
    run(admin, "CREATE TABLE t (a INT)", "GRANT SELECT ON TABLE t TO ROLE other")
    owner = owners(admin, "TABLE", "t")[0]
    run(admin, f"GRANT OWNERSHIP ON TABLE t TO ROLE {owner}")
    assert len(run(admin, "SHOW GRANTS ON TABLE t")) == 2
    number, message = refused(admin, "GRANT OWNERSHIP ON TABLE t TO ROLE maker")
    assert number == 3036
    assert message.startswith(
        "SQL execution error: Dependent grant of privilege 'SELECT' on securable 'TEST.S.T' to role 'OTHER'"
    )
    run(admin, "GRANT OWNERSHIP ON TABLE t TO ROLE maker COPY CURRENT GRANTS")
    assert sorted((row[1], row[5]) for row in run(admin, "SHOW GRANTS ON TABLE t")) == [
        ("OWNERSHIP", "MAKER"),
        ("SELECT", "OTHER"),
    ]
    with as_role(endpoint, "maker", schema="S") as maker:
        run(maker, "ALTER TABLE t ADD COLUMN b INT", "GRANT OWNERSHIP ON TABLE t TO ROLE other REVOKE CURRENT GRANTS")
        assert refused(maker, "DROP TABLE t")[0] == 2003
    assert [(row[1], row[5]) for row in run(admin, "SHOW GRANTS ON TABLE t")] == [("OWNERSHIP", "OTHER")]
    assert refused(admin, "REVOKE OWNERSHIP ON TABLE t FROM ROLE other")[0] == 3008


def test_in_managed_access_the_schemas_owner_grants(endpoint: RunningEndpoint, admin: Any) -> None:
    run(
        admin,
        "GRANT CREATE SCHEMA ON DATABASE test TO ROLE other",
        "GRANT ROLE below TO ROLE other",
        "DROP SCHEMA IF EXISTS test.managed",
    )
    with as_role(endpoint, "other") as other, as_role(endpoint, "maker") as maker:
        run(
            other,
            "CREATE SCHEMA test.managed WITH MANAGED ACCESS",
            "GRANT USAGE, CREATE TABLE ON SCHEMA test.managed TO ROLE maker",
            "GRANT SELECT ON FUTURE TABLES IN SCHEMA test.managed TO ROLE below",
        )
        run(maker, "CREATE TABLE test.managed.t (a INT)")
        assert refused(maker, "GRANT SELECT ON TABLE test.managed.t TO ROLE below")[0] == 3001
        run(other, "GRANT INSERT ON TABLE test.managed.t TO ROLE below")
        assert refused(other, "GRANT OWNERSHIP ON TABLE test.managed.t TO ROLE maker COPY CURRENT GRANTS")[0] == 3001
        run(other, "GRANT OWNERSHIP ON TABLE test.managed.t TO ROLE below COPY CURRENT GRANTS")
        run(other, "SELECT * FROM test.managed.t", "DROP SCHEMA test.managed")


def test_renames_and_swaps_take_grants_along(endpoint: RunningEndpoint, admin: Any) -> None:
    run(admin, "CREATE TABLE t (a INT)", "CREATE TABLE u (a INT)", "GRANT SELECT ON TABLE t TO ROLE other")
    with as_role(endpoint, "other", schema="S") as other:
        run(admin, "ALTER TABLE t RENAME TO w")
        run(other, "SELECT * FROM w")
        run(admin, "ALTER TABLE w SWAP WITH u")
        run(other, "SELECT * FROM u")
        assert refused(other, "SELECT * FROM w")[0] == 2003
        assert refused(other, "ALTER TABLE u RENAME TO x")[0] == 3001
        run(admin, "DROP TABLE u", "CREATE TABLE u (a INT)")
        assert refused(other, "SELECT * FROM u")[0] == 2003


def test_a_clone_of_a_schema_keeps_what_was_granted_inside(endpoint: RunningEndpoint, admin: Any) -> None:
    run(admin, "CREATE TABLE t (a INT)", "GRANT SELECT ON TABLE t TO ROLE other")
    run(admin, "CREATE OR REPLACE SCHEMA test.cloned CLONE test.s", "GRANT USAGE ON SCHEMA test.cloned TO ROLE other")
    with as_role(endpoint, "other") as other:
        run(other, "SELECT * FROM test.cloned.t")
        assert refused(other, "CREATE TABLE test.s.copied CLONE test.s.t")[0] == 3001
    run(admin, "CREATE TABLE test.s.copied CLONE test.s.t", "DROP SCHEMA test.cloned")
    with as_role(endpoint, "other") as other:
        assert refused(other, "SELECT * FROM test.s.copied")[0] == 2003  # without COPY GRANTS


def test_database_roles_hold_privileges(endpoint: RunningEndpoint, admin: Any) -> None:
    run(
        admin,
        "CREATE TABLE t (a INT)",
        "CREATE OR REPLACE DATABASE ROLE test.readers",
        "GRANT SELECT ON TABLE t TO DATABASE ROLE test.readers",
    )
    with as_role(endpoint, "other", schema="S") as other:
        assert refused(other, "SELECT * FROM t")[0] == 2003
        run(admin, "GRANT DATABASE ROLE test.readers TO ROLE other")
        run(other, "SELECT * FROM t")
        run(admin, "CREATE OR REPLACE DATABASE ROLE test.readers", "GRANT DATABASE ROLE test.readers TO ROLE other")
        assert refused(other, "SELECT * FROM t")[0] == 2003  # a new role has no privileges
        run(admin, "DROP DATABASE ROLE test.readers")
    make_roles(admin, "stranger")
    run(admin, "GRANT ROLE stranger TO USER local", "CREATE DATABASE ROLE test.users", "CREATE OR REPLACE ROLE other")
    run(admin, "GRANT DATABASE ROLE test.users TO ROLE stranger", "GRANT USAGE ON SCHEMA s TO DATABASE ROLE test.users")
    with as_role(endpoint, "stranger") as stranger:
        run(stranger, "USE SCHEMA test.s")  # a database role uses its database without a grant
    assert run(admin, "SHOW GRANTS TO ROLE other") == run(admin, "SHOW GRANTS OF ROLE other") == []
    run(admin, "DROP DATABASE ROLE test.users")


def test_all_on_a_schema_is_what_may_be_created_too_and_secure_views_keep_their_text(
    endpoint: RunningEndpoint, admin: Any
) -> None:
    run(admin, "GRANT ALL ON SCHEMA s TO ROLE maker")
    with as_role(endpoint, "maker", schema="S") as maker:
        run(maker, "CREATE SECURE VIEW closed AS SELECT 1 AS x", "CREATE VIEW open AS SELECT 2 AS x")
        run(
            maker,
            "CREATE TASK made AS SELECT 1",
            "GRANT SELECT ON ALL VIEWS IN SCHEMA s TO ROLE other",
            "DROP TASK made",
        )
        assert "SELECT 1" in run(maker, "SELECT GET_DDL('VIEW', 'closed')")[0][0]
    texts = "SELECT table_name, view_definition FROM test.information_schema.views WHERE table_schema = 'S' ORDER BY 1"
    with as_role(endpoint, "other", schema="S") as other:
        assert refused(other, "SELECT GET_DDL('VIEW', 'closed')")[0] == 3001
        assert "SELECT 2" in run(other, "SELECT GET_DDL('VIEW', 'open')")[0][0]
        shown = other.cursor(snowflake.connector.DictCursor).execute("SHOW VIEWS IN SCHEMA s").fetchall()
        assert {row["name"]: "SELECT" in row["text"] for row in shown} == {"CLOSED": False, "OPEN": True}
        assert run(other, texts) == [("CLOSED", None), ("OPEN", "CREATE VIEW open AS SELECT 2 AS x")]


def test_users_use_the_roles_they_have(endpoint: RunningEndpoint, admin: Any) -> None:
    run(
        admin,
        "DROP USER IF EXISTS ann",
        "CREATE USER ann DEFAULT_ROLE = maker DEFAULT_SECONDARY_ROLES = ()",
        "CREATE TABLE t (a INT)",
        "GRANT SELECT ON TABLE t TO ROLE other",
    )
    with pytest.raises(Error, match="default role 'MAKER' is not granted"):
        endpoint.connect(user="ann")
    with pytest.raises(Error, match="'SYSADMIN' specified in the connect string is not granted to this user"):
        endpoint.connect(user="ann", role="sysadmin")
    with pytest.raises(Error, match="'NOBODY' specified in the connect string does not exist or not authorized"):
        endpoint.connect(role="nobody")
    run(admin, "GRANT ROLE maker TO USER ann")
    with endpoint.connect(user="ann", schema="S") as ann:
        assert run(ann, "SELECT CURRENT_ROLE(), CURRENT_USER(), CURRENT_SECONDARY_ROLES()") == [
            ("MAKER", "ANN", '{"roles":"","value":""}')
        ]
        assert run(ann, "SELECT CURRENT_AVAILABLE_ROLES()") == [('["MAKER","PUBLIC"]',)]
        assert refused(ann, "USE ROLE other")[0] == 3013
        assert refused(ann, "USE SECONDARY ROLES other")[0] == 3013
        run(admin, "GRANT ROLE other TO USER ann")
        assert refused(ann, "SELECT * FROM t")[0] == 2003
        run(ann, "USE SECONDARY ROLES other", "SELECT * FROM t")
        assert run(ann, "SELECT CURRENT_SECONDARY_ROLES()") == [('{"roles":"OTHER","value":"OTHER"}',)]
        run(ann, "USE SECONDARY ROLES NONE")
        assert refused(ann, "SELECT * FROM t")[0] == 2003
        run(ann, "USE SECONDARY ROLES ALL", "SELECT * FROM t")
        run(admin, "GRANT CREATE TABLE ON SCHEMA s TO ROLE other")
        assert refused(ann, "CREATE TABLE made (a INT)")[0] == 3001  # creation is the primary role's
        run(ann, "USE ROLE other", "CREATE TABLE made (a INT)")
        assert names(ann, "SHOW TABLES IN SCHEMA s") == ["MADE", "T"]
    run(admin, "DROP USER ann")


def test_drop_role_gives_what_it_owned_to_who_drops_it(endpoint: RunningEndpoint, admin: Any) -> None:
    run(admin, "GRANT CREATE TABLE ON SCHEMA s TO ROLE maker")
    with as_role(endpoint, "maker", schema="S") as maker:
        run(maker, "CREATE TABLE t (a INT)")
    run(admin, "DROP ROLE maker")
    assert owners(admin, "TABLE", "t") == ["ACCOUNTADMIN"]
