"""Rights in queries, DML and views, and on what SHOW and INFORMATION_SCHEMA list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import RunningEndpoint
from tests.endpoint.rights import as_role, make_roles, names, refused, run

pytestmark = pytest.mark.integration


@pytest.fixture
def admin(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as connection:
        make_roles(connection, "reader", "writer", "outsider")
        run(
            connection,
            "CREATE OR REPLACE SCHEMA test.s",
            "CREATE TABLE t (a INT, b VARCHAR) AS SELECT 1, 'x'",
            "CREATE TABLE secret (a INT) AS SELECT 7",
            "CREATE VIEW v AS SELECT a FROM secret",
            "GRANT USAGE ON DATABASE test TO ROLE reader",
            "GRANT USAGE ON SCHEMA s TO ROLE reader",
            "GRANT SELECT ON TABLE t TO ROLE reader",
        )
        yield connection


@pytest.fixture
def reader(admin: Any, endpoint: RunningEndpoint) -> Iterator[Any]:
    with as_role(endpoint, "reader", schema="S") as connection:
        yield connection


def test_select_needs_a_privilege_on_the_table(reader: Any) -> None:
    assert run(reader, "SELECT a FROM t") == [(1,)]
    assert run(reader, "WITH secret AS (SELECT * FROM t) SELECT a FROM secret") == [(1,)]
    for sql in (
        "SELECT a FROM test.s.secret",
        "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM test.s.secret)",
        "CREATE TEMPORARY TABLE copied AS SELECT * FROM test.s.secret",
        "SELECT x.a FROM t JOIN test.s.secret x ON x.a = t.a",
    ):
        assert refused(reader, sql) == (2003, "Object 'TEST.S.SECRET' does not exist or not authorized.")
    assert refused(reader, "SELECT * FROM secret") == (2003, "Object 'SECRET' does not exist or not authorized.")


def test_usage_of_database_and_schema_is_needed(admin: Any, endpoint: RunningEndpoint) -> None:
    run(admin, "GRANT SELECT ON TABLE t TO ROLE outsider")
    with as_role(endpoint, "outsider") as outsider:
        assert refused(outsider, "SELECT * FROM test.s.t") == (
            2003,
            "Database 'TEST' does not exist or not authorized.",
        )
        run(admin, "GRANT USAGE ON DATABASE test TO ROLE outsider")
        assert refused(outsider, "SELECT * FROM test.s.t") == (
            2003,
            "Schema 'TEST.S' does not exist or not authorized.",
        )
        run(admin, "GRANT USAGE ON SCHEMA s TO ROLE outsider")
        assert run(outsider, "SELECT a FROM test.s.t") == [(1,)]
        run(admin, "REVOKE USAGE ON SCHEMA s FROM ROLE outsider")
        assert refused(outsider, "USE SCHEMA test.s")[0] == 2043


@pytest.mark.parametrize(
    ("privileges", "sql"),
    [
        ("INSERT", "INSERT INTO t VALUES (2, 'y')"),
        ("UPDATE", "UPDATE t SET b = 'z' WHERE a = 1"),
        ("DELETE", "DELETE FROM t WHERE a = 1"),
        ("TRUNCATE", "TRUNCATE TABLE t"),
        ("TRUNCATE", "TRUNCATE TABLE IF EXISTS t"),
        ("INSERT, DELETE", "INSERT OVERWRITE INTO t SELECT 2, 'y'"),
        (
            "INSERT, UPDATE",
            "MERGE INTO t USING (SELECT 1 AS a) s ON s.a = t.a WHEN MATCHED THEN UPDATE SET b = 'm'"
            " WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a)",
        ),
    ],
)  # fmt: skip
def test_changes_need_their_privileges(admin: Any, reader: Any, privileges: str, sql: str) -> None:
    assert refused(reader, sql) == (3001, "Insufficient privileges to operate on table 'T'")
    run(admin, f"GRANT {privileges} ON TABLE t TO ROLE reader")
    run(reader, sql)


def test_a_view_is_read_with_its_owners_rights(admin: Any, reader: Any) -> None:
    assert refused(reader, "SELECT * FROM v")[0] == 2003
    run(admin, "GRANT SELECT ON VIEW v TO ROLE reader")
    assert run(reader, "SELECT * FROM v") == [(7,)]
    run(admin, "GRANT OWNERSHIP ON VIEW v TO ROLE writer COPY CURRENT GRANTS")
    number, message = refused(reader, "SELECT * FROM v")
    assert (number, message) == (2037, "Object 'TEST.S.SECRET' does not exist or not authorized.")
    run(
        admin,
        "GRANT USAGE ON DATABASE test TO ROLE writer",
        "GRANT USAGE ON SCHEMA s TO ROLE writer",
        "GRANT SELECT ON TABLE secret TO ROLE writer",
    )
    assert run(reader, "SELECT * FROM v") == [(7,)]


def test_show_and_information_schema_list_what_the_role_sees(admin: Any, reader: Any) -> None:
    assert names(reader, "SHOW TABLES IN SCHEMA test.s") == ["T"]
    assert names(reader, "SHOW TABLES IN SCHEMA test.s LIMIT 1") == ["T"]
    assert names(reader, "SHOW VIEWS IN SCHEMA test.s") == []
    assert names(reader, "SHOW SCHEMAS IN DATABASE test") == ["INFORMATION_SCHEMA", "S"]
    run(admin, "CREATE OR REPLACE DATABASE unseen", "CREATE OR REPLACE SCHEMA test.unseen", "USE SCHEMA test.s")
    for scope in ("SCHEMAS IN DATABASE unseen", "TABLES IN SCHEMA unseen.public", "TABLES IN SCHEMA test.unseen"):
        assert refused(reader, f"SHOW {scope}")[0] == 2043, scope
    run(admin, "DROP DATABASE unseen", "DROP SCHEMA test.unseen")
    assert run(reader, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'S'") == [("T",)]
    assert run(reader, "SELECT c.table_name FROM test.information_schema.columns c ORDER BY 1") == [("T",), ("T",)]
    assert sorted(names(admin, "SHOW TABLES IN SCHEMA test.s")) == ["SECRET", "T"]
    assert len(run(admin, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'S'")) == 3  # and V


def test_functions_and_sequences_need_usage(admin: Any, reader: Any) -> None:
    run(
        admin,
        "CREATE FUNCTION twice(x INT) RETURNS INT AS 'x * 2'",
        "CREATE SEQUENCE q",
    )
    for sql in ("SELECT twice(2)", "SELECT test.s.twice(2)"):
        assert refused(reader, sql)[0] == 2141
    assert refused(reader, "SELECT q.nextval")[0] == 2003
    run(admin, "GRANT USAGE ON FUNCTION twice(INT) TO ROLE reader", "GRANT USAGE ON SEQUENCE q TO ROLE reader")
    assert run(reader, "SELECT test.s.twice(2)") == [(4,)]
    assert run(reader, "SELECT q.nextval") == [(1,)]


def test_temporary_tables_are_their_sessions(admin: Any, reader: Any) -> None:
    run(reader, "CREATE TEMPORARY TABLE own AS SELECT * FROM t", "INSERT INTO own VALUES (5, 'e')")
    assert run(reader, "SELECT COUNT(*) FROM own") == [(2,)]
    run(reader, "DROP TABLE own")
    assert refused(reader, "CREATE TABLE own (a INT)") == (3001, "Insufficient privileges to operate on schema 'S'")


def test_stages_need_read_and_write(admin: Any, reader: Any, tmp_path: Any) -> None:
    run(admin, "CREATE STAGE st FILE_FORMAT = (TYPE = CSV)", "CREATE FILE FORMAT ff TYPE = CSV")
    (tmp_path / "x.csv").write_text("9,n\n")
    put = f"PUT file://{tmp_path}/x.csv @st AUTO_COMPRESS = FALSE"
    assert refused(reader, put)[0] == 2003
    run(admin, "GRANT READ ON STAGE st TO ROLE reader")
    assert refused(reader, put)[0] == 3001
    run(admin, put)
    assert run(reader, "SELECT $1 FROM @st") == [("9",)]
    assert refused(reader, "SELECT $1 FROM @st (FILE_FORMAT => 'ff')")[0] == 2003
    assert refused(reader, "COPY INTO t FROM @st")[0] == 3001
    assert refused(reader, "COPY INTO @st/out FROM t")[0] == 3001
    run(admin, "GRANT WRITE ON STAGE st TO ROLE reader", "GRANT INSERT ON TABLE t TO ROLE reader")
    run(reader, "COPY INTO t FROM @st", "COPY INTO @st/out FROM t")
    run(reader, put)


def test_public_is_the_current_schema_only_where_the_role_sees_it(endpoint: RunningEndpoint, admin: Any) -> None:
    """schemachange uses the schema that the log-in reports: it must be one that the role may use."""
    make_roles(admin, "NEWCOMER")
    run(admin, "CREATE OR REPLACE DATABASE inner_rooms", "GRANT USAGE ON DATABASE inner_rooms TO ROLE NEWCOMER")
    with as_role(endpoint, "NEWCOMER", database="inner_rooms", schema=None) as newcomer:
        assert newcomer.schema is None
        assert run(newcomer, "SELECT CURRENT_DATABASE(), CURRENT_SCHEMA()") == [("INNER_ROOMS", None)]
        run(admin, "GRANT USAGE ON SCHEMA inner_rooms.public TO ROLE NEWCOMER")
        assert run(newcomer, "USE DATABASE inner_rooms", "SELECT CURRENT_SCHEMA()") == [("PUBLIC",)]
    run(admin, "DROP DATABASE inner_rooms")
