"""Masking and row access policies apply in queries, by the executing role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import RunningEndpoint
from tests.endpoint.rights import as_role, make_roles, refused, run

pytestmark = pytest.mark.integration


@pytest.fixture
def admin(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as connection:
        make_roles(connection, "reader", "pii", "steward")
        run(
            connection,
            "DROP SCHEMA IF EXISTS test.p",
            "CREATE SCHEMA test.p",
            "CREATE TABLE people (id INT, ip VARCHAR, country VARCHAR)",
            "INSERT INTO people VALUES (1, '10.0.0.1', 'DE'), (2, '10.0.0.2', 'FR'), (3, NULL, 'DE')",
            "CREATE MASKING POLICY mask_ip AS (val STRING) RETURNS STRING ->"
            " CASE WHEN val IS NULL THEN NULL WHEN IS_ROLE_IN_SESSION('PII') THEN val ELSE '***' END",
            "ALTER TABLE people MODIFY COLUMN ip SET MASKING POLICY mask_ip",
            "CREATE VIEW addresses (address, who) AS SELECT p.ip, id FROM people p",
            "CREATE VIEW upper_ones AS WITH q AS (SELECT * FROM addresses) SELECT address AS a FROM q",
        )
        for role in ("reader", "pii", "steward"):
            run(
                connection,
                f"GRANT USAGE ON DATABASE test TO ROLE {role}",
                f"GRANT USAGE ON SCHEMA p TO ROLE {role}",
                f"GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA p TO ROLE {role}",
                f"GRANT SELECT ON ALL VIEWS IN SCHEMA p TO ROLE {role}",
                f"GRANT CREATE TABLE ON SCHEMA p TO ROLE {role}",
            )
        yield connection


@pytest.fixture
def reader(admin: Any, endpoint: RunningEndpoint) -> Iterator[Any]:
    with as_role(endpoint, "reader", schema="P") as connection:
        yield connection


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ip FROM people ORDER BY id",
        "SELECT p.ip FROM test.p.people p ORDER BY p.id",
        "SELECT x FROM (SELECT ip AS x, id FROM people) ORDER BY id",
        "SELECT address FROM addresses ORDER BY who",
        "WITH addresses AS (SELECT ip, id FROM people) SELECT ip FROM addresses ORDER BY id",
        "SELECT a.ip FROM people a JOIN people b ON a.id = b.id ORDER BY a.id",
    ],
)
def test_a_column_is_masked_by_role(endpoint: RunningEndpoint, admin: Any, reader: Any, sql: str) -> None:
    assert run(reader, sql) == [("***",), ("***",), (None,)]
    with as_role(endpoint, "pii", schema="P") as pii:
        assert run(pii, sql) == [("10.0.0.1",), ("10.0.0.2",), (None,)]


def test_everything_of_a_masked_row_but_the_column_is_told(reader: Any) -> None:
    assert run(reader, "SELECT * FROM people ORDER BY id") == [(1, "***", "DE"), (2, "***", "FR"), (3, None, "DE")]
    assert run(reader, "SELECT a FROM upper_ones WHERE a IS NOT NULL") == [("***",), ("***",)]
    assert run(reader, "SELECT COUNT(*) FROM people WHERE ip = '10.0.0.1'") == [(0,)]
    run(reader, "CREATE TABLE copied AS SELECT ip FROM people", "INSERT INTO copied SELECT ip FROM people")
    assert run(reader, "SELECT DISTINCT ip FROM copied WHERE ip IS NOT NULL") == [("***",)]


def test_a_view_made_by_one_role_masks_for_another(endpoint: RunningEndpoint, admin: Any, reader: Any) -> None:
    run(admin, "GRANT CREATE VIEW ON SCHEMA p TO ROLE pii")
    with as_role(endpoint, "pii", schema="P") as pii:
        run(pii, "CREATE VIEW seen AS SELECT ip FROM people", "GRANT SELECT ON VIEW seen TO ROLE reader")
        assert run(pii, "SELECT ip FROM seen WHERE ip = '10.0.0.1'") == [("10.0.0.1",)]
    assert run(reader, "SELECT DISTINCT ip FROM seen WHERE ip IS NOT NULL") == [("***",)]


def test_a_merge_reads_its_source_masked_and_changes_the_rows_it_means(admin: Any, reader: Any) -> None:
    run(reader, "CREATE TABLE target (id INT, ip VARCHAR)", "INSERT INTO target VALUES (1, 'old')")
    run(
        reader,
        "MERGE INTO target t USING people p ON t.id = p.id WHEN MATCHED THEN UPDATE SET ip = p.ip"
        " WHEN NOT MATCHED THEN INSERT (id, ip) VALUES (p.id, p.ip)",
    )
    assert run(reader, "SELECT ip FROM target ORDER BY id") == [("***",), ("***",), (None,)]
    run(reader, "UPDATE people SET country = 'XX' FROM target t WHERE people.id = t.id")
    run(reader, "MERGE INTO people p USING target t ON p.id = t.id WHEN MATCHED THEN UPDATE SET country = 'YY'")
    assert run(admin, "SELECT DISTINCT country FROM people") == [("YY",)]


def test_the_owner_of_a_procedure_sees_for_its_callers(endpoint: RunningEndpoint, admin: Any, reader: Any) -> None:
    run(admin, "GRANT CREATE PROCEDURE ON SCHEMA p TO ROLE pii")
    body = "DECLARE n INT; BEGIN SELECT COUNT(*) INTO :n FROM test.p.people WHERE ip = ''10.0.0.1''; RETURN n; END"
    with as_role(endpoint, "pii", schema="P") as pii:
        for rights in ("OWNER", "CALLER"):
            run(
                pii,
                f"CREATE PROCEDURE as_{rights}() RETURNS INT LANGUAGE SQL EXECUTE AS {rights} AS '{body}'",
                f"GRANT USAGE ON PROCEDURE as_{rights}() TO ROLE reader",
            )
    assert run(reader, "CALL as_owner()") == [(1,)]
    assert run(reader, "CALL as_caller()") == [(0,)]


def test_secondary_roles_count(admin: Any, reader: Any) -> None:
    assert run(reader, "SELECT IS_ROLE_IN_SESSION('PII'), IS_ROLE_IN_SESSION('READER')") == [(False, True)]
    run(reader, "USE SECONDARY ROLES pii")
    assert run(reader, "SELECT ip FROM people WHERE id = 1") == [("10.0.0.1",)]
    run(reader, "USE SECONDARY ROLES NONE")
    assert run(reader, "SELECT ip FROM people WHERE id = 1") == [("***",)]


def test_a_changed_body_and_an_unset_policy_hold_at_once(admin: Any, reader: Any) -> None:
    run(admin, "ALTER MASKING POLICY mask_ip SET BODY -> CURRENT_ROLE() || ' ' || LENGTH(val)::VARCHAR")
    assert run(reader, "SELECT ip FROM people WHERE id = 1") == [("READER 8",)]
    run(admin, "ALTER TABLE people MODIFY COLUMN ip UNSET MASKING POLICY")
    assert run(reader, "SELECT ip FROM people WHERE id = 1") == [("10.0.0.1",)]


def test_a_policy_may_ask_other_columns_and_tables(admin: Any, reader: Any) -> None:
    run(
        admin,
        "CREATE TABLE allowed (role VARCHAR, country VARCHAR)",
        "INSERT INTO allowed VALUES ('READER', 'FR')",
        "CREATE MASKING POLICY by_country AS (val STRING, c STRING) RETURNS STRING ->"
        " CASE WHEN EXISTS (SELECT 1 FROM test.p.allowed a WHERE a.role = CURRENT_ROLE() AND a.country = c) THEN val"
        " ELSE 'hidden' END",
        "ALTER TABLE people MODIFY COLUMN ip SET MASKING POLICY by_country USING (ip, country) FORCE",
    )
    assert run(reader, "SELECT ip FROM people ORDER BY id") == [("hidden",), ("10.0.0.2",), ("hidden",)]


def test_rows_are_filtered_by_their_policy(admin: Any, reader: Any) -> None:
    run(
        admin,
        "CREATE ROW ACCESS POLICY rows_of AS (c STRING) RETURNS BOOLEAN -> c = 'FR' OR CURRENT_ROLE() = 'ACCOUNTADMIN'",
        "ALTER TABLE people ADD ROW ACCESS POLICY rows_of ON (country)",
    )
    assert run(reader, "SELECT id, ip FROM people") == [(2, "***")]
    assert run(reader, "SELECT who FROM addresses") == [(2,)]
    assert run(admin, "SELECT COUNT(*) FROM people") == [(3,)]
    run(admin, "ALTER TABLE people DROP ROW ACCESS POLICY rows_of")
    assert run(reader, "SELECT COUNT(*) FROM people") == [(3,)]


def test_who_may_set_a_policy(endpoint: RunningEndpoint, admin: Any) -> None:
    sql = "ALTER TABLE people MODIFY COLUMN country SET MASKING POLICY mask_ip"
    with as_role(endpoint, "steward", schema="P") as steward:
        assert refused(steward, sql) == (3001, "Insufficient privileges to operate on table 'PEOPLE'")
        run(admin, "GRANT APPLY MASKING POLICY ON ACCOUNT TO ROLE steward")
        run(steward, sql)
        run(steward, "CREATE TABLE own (c VARCHAR)")
        run(admin, "REVOKE APPLY MASKING POLICY ON ACCOUNT FROM ROLE steward")
        own = "ALTER TABLE own MODIFY COLUMN c SET MASKING POLICY mask_ip"
        assert refused(steward, own)[0] == 2003
        run(admin, "GRANT APPLY ON MASKING POLICY mask_ip TO ROLE steward")
        run(steward, own)


def test_policies_follow_clones_and_new_names(endpoint: RunningEndpoint) -> None:
    """Source: https://docs.snowflake.com/en/user-guide/security-row-intro (policies and cloned objects)."""
    with endpoint.connect(role="ACCOUNTADMIN") as admin:
        make_roles(admin, "COPIER")
        run(
            admin,
            "CREATE OR REPLACE SCHEMA test.guarded",
            "CREATE TABLE t (i INT, who VARCHAR, word VARCHAR)",
            "INSERT INTO t VALUES (1, 'COPIER', 'secret'), (2, 'OTHER', 'secret')",
            "CREATE ROW ACCESS POLICY own AS (w VARCHAR) RETURNS BOOLEAN -> w = CURRENT_ROLE()",
            "CREATE MASKING POLICY hide AS (v VARCHAR) RETURNS VARCHAR -> IFF(CURRENT_ROLE() = 'ACCOUNTADMIN', v, '*')",
            "ALTER TABLE t ADD ROW ACCESS POLICY own ON (who)",
            "ALTER TABLE t MODIFY COLUMN word SET MASKING POLICY hide",
            "GRANT USAGE ON DATABASE test TO ROLE COPIER",
            "GRANT USAGE, CREATE TABLE ON SCHEMA test.guarded TO ROLE COPIER",
            "GRANT SELECT ON t TO ROLE COPIER",
            "CREATE OR REPLACE SCHEMA test.guarded_too CLONE test.guarded",
            "GRANT USAGE ON SCHEMA test.guarded_too TO ROLE COPIER",
            "GRANT SELECT ON test.guarded_too.t TO ROLE COPIER",
            "USE SCHEMA test.guarded",
        )
        seen = [(1, "COPIER", "*")]
        with as_role(endpoint, "COPIER", schema="GUARDED") as copier:
            assert run(copier, "SELECT * FROM t") == seen
            assert run(copier, "CREATE TABLE mine CLONE t", "SELECT * FROM mine") == seen
            assert run(copier, "SELECT * FROM test.guarded_too.t") == seen
            run(admin, "ALTER TABLE t RENAME COLUMN word TO text", "ALTER TABLE t RENAME COLUMN who TO name")
            run(admin, "ALTER TABLE t RENAME TO u", "CREATE TABLE plain (i INT)", "ALTER TABLE u SWAP WITH plain")
            run(admin, "GRANT SELECT ON plain TO ROLE COPIER")
            assert run(copier, "SELECT i, name, text FROM plain") == seen
        run(admin, "DROP TABLE mine", "DROP SCHEMA test.guarded_too")
        assert refused(admin, "ALTER TABLE plain DROP COLUMN name")[0] == 3553
        run(admin, "ALTER TABLE plain DROP COLUMN text", "DROP MASKING POLICY hide", "DROP SCHEMA test.guarded")
