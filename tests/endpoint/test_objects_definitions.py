"""Account objects through the plain connector: accepted only when well formed, listed, altered, dropped, kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration


@pytest.fixture
def connection(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as opened:
        opened.cursor().execute("CREATE OR REPLACE SCHEMA ops")
        opened.cursor().execute("CREATE TABLE t (a INT, ip_address STRING)")
        yield opened


def run(connection: Any, sql: str) -> Any:
    return connection.cursor().execute(sql).fetchall()


def dicts(connection: Any, sql: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = connection.cursor(snowflake.connector.DictCursor).execute(sql).fetchall()
    return found


def errno(connection: Any, sql: str) -> int:
    with pytest.raises(snowflake.connector.errors.ProgrammingError) as refusal:
        run(connection, sql)
    return int(refusal.value.errno)


_STORAGE = "TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' STORAGE_AWS_ROLE_ARN = 'arn' ENABLED = TRUE"
WELL_FORMED = [
    (
        "WAREHOUSE",
        "o",
        "WITH WAREHOUSE_SIZE = 'X-SMALL' AUTO_SUSPEND = 60 AUTO_RESUME = TRUE GENERATION = '2' COMMENT = 'c'",
    ),
    ("ROLE", "o", "COMMENT = 'c'"),
    ("DATABASE ROLE", "o", "COMMENT = 'c'"),
    ("USER", "o", "TYPE = SERVICE DEFAULT_ROLE = sysadmin TIMEZONE = 'UTC' COMMENT = 'c'"),
    ("STORAGE INTEGRATION", "o", f"{_STORAGE} STORAGE_ALLOWED_LOCATIONS = ('s3://a/', 's3://b/') COMMENT = 'c'"),
    (
        "API INTEGRATION",
        "o2",
        "API_PROVIDER = aws_api_gateway API_ALLOWED_PREFIXES = ('https://x') ENABLED = TRUE COMMENT = 'c'",
    ),
    ("NOTIFICATION INTEGRATION", "o3", "TYPE = EMAIL ENABLED = TRUE ALLOWED_RECIPIENTS = ('a@b.c') COMMENT = 'c'"),
    ("SECURITY INTEGRATION", "o4", "TYPE = API_AUTHENTICATION AUTH_TYPE = OAUTH2 ENABLED = TRUE COMMENT = 'c'"),
    ("SECRET", "ops.o", "TYPE = GENERIC_STRING SECRET_STRING = 's3cret' COMMENT = 'c'"),
    ("NETWORK RULE", "ops.o", "MODE = EGRESS TYPE = HOST_PORT VALUE_LIST = ('h:1') COMMENT = 'c'"),
    ("NETWORK POLICY", "o", "ALLOWED_IP_LIST = ('10.0.0.0/8') COMMENT = 'c'"),
    ("TAG", "ops.o", "ALLOWED_VALUES 'a', 'b' COMMENT = 'c'"),
    ("MASKING POLICY", "ops.o", "AS (v STRING) RETURNS STRING -> CASE WHEN v = ')' THEN v ELSE '*' END COMMENT = 'c'"),
    ("ROW ACCESS POLICY", "ops.o", "AS (v STRING) RETURNS BOOLEAN -> CURRENT_ROLE() = 'X' COMMENT = 'c'"),
    (
        "ALERT",
        "ops.o",
        "SCHEDULE = '5 MINUTE' COMMENT = 'c' IF (EXISTS (SELECT 1 FROM ops.t WHERE a > 5)) THEN CALL ops.p()",
    ),
]


@pytest.mark.parametrize(
    ("kind", "name", "clauses"), WELL_FORMED, ids=lambda value: value if str(value).isupper() else ""
)
def test_the_life_of_an_object(connection: Any, kind: str, name: str, clauses: str) -> None:
    plural = f"{kind[:-1]}ies" if kind.endswith("POLICY") else f"{kind}s"
    pattern = name.rpartition(".")[2]
    run(connection, f"DROP {kind} IF EXISTS {name}")
    create = f"CREATE {kind} {name} {clauses}"
    run(connection, create)
    assert errno(connection, create) == 2002
    run(connection, create.replace(kind, f"{kind} IF NOT EXISTS", 1))
    run(connection, create.replace("CREATE", "CREATE OR REPLACE", 1))
    (shown,) = dicts(connection, f"SHOW {plural} LIKE '{pattern}'")
    assert (shown["name"], shown["comment"]) == (pattern.upper(), "c")
    assert "s3cret" not in str(shown)
    described = run(connection, f"DESCRIBE {kind} {name}")
    assert described
    assert "s3cret" not in str(described)
    run(connection, f"COMMENT ON {kind} {name} IS 'other'")
    assert dicts(connection, f"SHOW {plural} LIKE '{pattern}'")[0]["comment"] == "other"
    run(connection, f"DROP {kind} {name}")
    assert errno(connection, f"DROP {kind} {name}") == 2003
    run(connection, f"DROP {kind} IF EXISTS {name}")
    assert errno(connection, f"DESCRIBE {kind} {name}") == 2003
    assert errno(connection, f"ALTER {kind} {name} SET COMMENT = 'x'") == 2003


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE WAREHOUSE x WAREHOUSE_SIZE = HUGE", 1008),
        ("CREATE WAREHOUSE x WAREHOUSE_SIZ = SMALL", 1422),
        ("CREATE WAREHOUSE x AUTO_SUSPEND = 1 AUTO_SUSPEND = 2", 1424),
        ("CREATE WAREHOUSE x MIN_CLUSTER_COUNT = 3 MAX_CLUSTER_COUNT = 2", 1008),
        ("CREATE WAREHOUSE x RESOURCE_MONITOR = nothing", 2003),
        ("CREATE ROLE sysadmin", 2002),
        ("CREATE OR REPLACE ROLE IF NOT EXISTS x", 2123),
        ("CREATE USER x TYPE = SERVICE PASSWORD = 'p'", 3540),
        ("CREATE USER x TYPE = SERVICE NETWORK_POLICY = nothing", 2003),
        ("CREATE USER x TYPE = SERVICE RSA_PUBLIC_KEY = 'abc'", 390209),
        ("CREATE STORAGE INTEGRATION x TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = S3 ENABLED = TRUE", 2029),
        ("CREATE STORAGE INTEGRATION x TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = FTP ENABLED = TRUE", 1008),
        ("CREATE EXTERNAL ACCESS INTEGRATION x ALLOWED_NETWORK_RULES = (ops.nothing) ENABLED = TRUE", 2003),
        ("CREATE EXTERNAL ACCESS INTEGRATION x ALLOWED_NETWORK_RULES = ()", 2029),
        ("CREATE NOTIFICATION INTEGRATION x TYPE = WEBHOOK ENABLED = TRUE", 2029),
        ("CREATE SECRET ops.x TYPE = PASSWORD USERNAME = 'u'", 2029),
        ("CREATE SECRET ops.x TYPE = GENERIC_STRING SECRET_STRING = 's' USERNAME = 'u'", 1422),
        ("CREATE SECRET nowhere.x TYPE = GENERIC_STRING SECRET_STRING = 's'", 2003),
        ("CREATE NETWORK RULE ops.x TYPE = HOST_PORT VALUE_LIST = ('h:1')", 1008),  # MODE defaults to INGRESS
        ("CREATE MASKING POLICY ops.x AS (v STRING) RETURNS INT -> 1", 2040),
        ("CREATE MASKING POLICY ops.x", 1003),
        ("CREATE ROW ACCESS POLICY ops.x AS (v STRING) RETURNS STRING -> v", 2040),
        ("CREATE RESOURCE MONITOR x WITH CREDIT_QUOTA = 1 TRIGGERS ON 80 PERCENT DO EXPLODE", 1003),
        ("CREATE ALERT ops.x SCHEDULE = '5 MINUTE' IF (SELECT 1) THEN SELECT 1", 1003),
        ("CREATE ALERT ops.x SCHEDULE = '5 SECONDS' IF (EXISTS (SELECT 1)) THEN SELECT 1", 1008),
        ("CREATE ALERT ops.x WAREHOUSE = nowhere IF (EXISTS (SELECT 1)) THEN SELECT 1", 2003),
        ("ALTER SCHEMA ops SET LOG_LEVEL = LOUD", 1008),
        ("USE ROLE nobody", 2003),
        ("USE WAREHOUSE nowhere", 2043),
    ],
)
def test_what_is_not_well_formed_is_refused(connection: Any, sql: str, expected: int) -> None:
    assert errno(connection, sql) == expected


def test_alter_sets_unsets_renames_and_checks(connection: Any) -> None:
    run(connection, "CREATE OR REPLACE WAREHOUSE w AUTO_SUSPEND = 60 COMMENT = 'c'")
    run(connection, "ALTER WAREHOUSE w SET WAREHOUSE_SIZE = LARGE AUTO_SUSPEND = 5")
    run(connection, "ALTER WAREHOUSE w UNSET COMMENT, AUTO_SUSPEND")
    (shown,) = dicts(connection, "SHOW WAREHOUSES LIKE 'w'")
    assert (shown["warehouse_size"], shown["auto_suspend"], shown["comment"]) == ("LARGE", "600", "")
    run(connection, "ALTER WAREHOUSE w SUSPEND")
    run(connection, "ALTER WAREHOUSE w RENAME TO w2")
    assert [row["name"] for row in dicts(connection, "SHOW WAREHOUSES LIKE 'w%'")] == ["W2"]
    assert errno(connection, "ALTER WAREHOUSE w2 SET MIN_CLUSTER_COUNT = 20") == 1008
    run(connection, "CREATE OR ALTER WAREHOUSE w2 WAREHOUSE_SIZE = SMALL")  # unsets what it does not say
    assert dicts(connection, "SHOW WAREHOUSES LIKE 'w2'")[0]["warehouse_size"] == "SMALL"
    run(connection, "ALTER WAREHOUSE IF EXISTS nothing SUSPEND")
    run(connection, "DROP WAREHOUSE w2")


def test_show_chooses_by_pattern_prefix_and_limit(connection: Any) -> None:
    for name in ("SHOWN_A", "SHOWN_B", "SHOWNXC"):
        run(connection, f"CREATE OR REPLACE ROLE {name}")
        run(connection, f"CREATE OR REPLACE TABLE {name} (a INT)")

    def names(sql: str) -> list[str]:
        return [row["name"] for row in dicts(connection, sql)]

    for plural in ("ROLES", "TABLES"):
        assert names(f"SHOW {plural} LIKE 'shown_%'") == ["SHOWNXC", "SHOWN_A", "SHOWN_B"]
        assert names(rf"SHOW {plural} LIKE 'shown\\_%'") == ["SHOWN_A", "SHOWN_B"]
        assert names(f"SHOW {plural} STARTS WITH 'SHOWN_' LIMIT 1") == ["SHOWN_A"]
        assert names(f"SHOW {plural} STARTS WITH 'SHOWN_' LIMIT 5 FROM 'SHOWN_A'") == ["SHOWN_B"]
    assert len(names("SHOW ROLES LIMIT 2")) == 2
    run(connection, "CREATE OR REPLACE WAREHOUSE shown_a")
    run(connection, "CREATE OR REPLACE WAREHOUSE shown1a")
    assert names("DESCRIBE WAREHOUSE shown_a") == ["SHOWN_A"]
    for statement in ("ROLE shown_a", "ROLE shown_b", "ROLE shownxc", "WAREHOUSE shown_a", "WAREHOUSE shown1a"):
        run(connection, f"DROP {statement}")


def test_session_objects_in_use(connection: Any) -> None:
    run(connection, "CREATE OR REPLACE ROLE analyst")
    assert errno(connection, "USE ROLE analyst") == 3013
    run(connection, "GRANT ROLE analyst TO USER local")
    run(connection, "USE ROLE analyst")
    assert errno(connection, "USE WAREHOUSE compute_wh") == 2043
    run(connection, "USE ROLE sysadmin")
    run(connection, "GRANT USAGE ON WAREHOUSE compute_wh TO ROLE analyst")
    run(connection, "USE ROLE analyst")
    run(connection, "USE WAREHOUSE compute_wh")
    run(connection, "USE SECONDARY ROLES NONE")
    assert run(connection, "SELECT CURRENT_ROLE(), CURRENT_WAREHOUSE()") == [("ANALYST", "COMPUTE_WH")]


def test_policies_hold_on_to_their_columns(connection: Any) -> None:
    run(connection, "CREATE MASKING POLICY ops.m AS (v STRING) RETURNS STRING -> '*'")
    run(connection, "CREATE MASKING POLICY ops.m2 AS (v STRING) RETURNS STRING -> '#'")
    run(connection, "ALTER TABLE ops.t MODIFY COLUMN ip_address SET MASKING POLICY ops.m")
    run(connection, "ALTER TABLE ops.t MODIFY COLUMN ip_address SET MASKING POLICY ops.m")
    assert errno(connection, "ALTER TABLE ops.t MODIFY COLUMN ip_address SET MASKING POLICY ops.m2") == 3545
    run(connection, "ALTER TABLE ops.t MODIFY COLUMN ip_address SET MASKING POLICY ops.m2 FORCE")
    assert errno(connection, "DROP MASKING POLICY ops.m2") == 3544
    run(connection, "ALTER TABLE ops.t MODIFY COLUMN ip_address UNSET MASKING POLICY")
    run(connection, "DROP MASKING POLICY ops.m2")
    assert errno(connection, "ALTER TABLE ops.t MODIFY COLUMN nothing SET MASKING POLICY ops.m") == 904
    assert errno(connection, "ALTER TABLE ops.nothing MODIFY COLUMN a SET MASKING POLICY ops.m") == 2003
    run(connection, "CREATE ROW ACCESS POLICY ops.r AS (x INT) RETURNS BOOLEAN -> x > 0")
    run(connection, "ALTER TABLE ops.t ADD ROW ACCESS POLICY ops.r ON (a)")
    assert errno(connection, "ALTER TABLE ops.t ADD ROW ACCESS POLICY ops.r ON (a, ip_address)") == 3551
    run(connection, "ALTER TABLE ops.t DROP ROW ACCESS POLICY ops.r")


def test_an_alert_runs_when_told_and_resumes_only_by_alter(connection: Any) -> None:
    create = "CREATE OR ALTER ALERT ops.al SCHEDULE = '60 MINUTE' IF (EXISTS (SELECT 1 FROM ops.t WHERE a > 5)) THEN {}"
    run(connection, create.format("INSERT INTO ops.t VALUES (1, 'raised')"))
    run(connection, "EXECUTE ALERT ops.al")
    time.sleep(0.5)
    assert run(connection, "SELECT COUNT(*) FROM ops.t") == [(0,)]
    run(connection, "INSERT INTO ops.t VALUES (6, 'cause')")
    run(connection, "EXECUTE ALERT ops.al")
    for _ in range(50):
        if run(connection, "SELECT COUNT(*) FROM ops.t WHERE ip_address = 'raised'") == [(1,)]:
            break
        time.sleep(0.1)
    assert run(connection, "SELECT COUNT(*) FROM ops.t") == [(2,)]
    assert dicts(connection, "SHOW ALERTS LIKE 'al'")[0]["state"] == "suspended"
    run(connection, "ALTER ALERT ops.al RESUME")
    run(connection, create.format("SELECT 2"))
    run(connection, "ALTER ALERT ops.al MODIFY CONDITION EXISTS (SELECT 1 FROM ops.t)")
    (shown,) = dicts(connection, "SHOW ALERTS IN SCHEMA ops")
    assert (shown["state"], shown["action"], shown["condition"]) == ("started", "SELECT 2", "SELECT 1 FROM ops.t")


def test_objects_survive_the_endpoint(tmp_path: Path) -> None:
    running = RunningEndpoint(tmp_path / "warehouse", tmp_path / "s3")
    running.start()
    try:
        with running.connect() as opened:
            run(opened, "CREATE ROLE kept")
            run(opened, "GRANT ROLE kept TO ROLE sysadmin")
        running.stop()
        running.start()
        with running.connect() as opened:
            assert [row["name"] for row in dicts(opened, "SHOW ROLES LIKE 'kept'")] == ["KEPT"]
            assert [row["grantee_name"] for row in dicts(opened, "SHOW GRANTS OF ROLE kept")] == ["SYSADMIN"]
    finally:
        running.stop()


def test_tags_go_with_what_they_are_set_on(connection: Any) -> None:
    def tags(*objects: tuple[str, str, str]) -> tuple[str | None, ...]:
        calls = ", ".join(f"SYSTEM$GET_TAG('{tag}', '{name}', '{domain}')" for tag, name, domain in objects)
        found: tuple[str | None, ...] = run(connection, f"SELECT {calls}")[0]
        return found

    for sql in (
        "CREATE TAG team",
        "CREATE TAG cost ALLOWED_VALUES 'low', 'high'",
        "CREATE OR REPLACE WAREHOUSE tagged WITH WAREHOUSE_SIZE = 'X-SMALL'",
        "ALTER WAREHOUSE tagged SET TAG team = 'w'",
        "ALTER SCHEMA ops SET TAG ops.team = 's', ops.cost = 'low'",
        "ALTER TABLE t SET TAG team = 'it''s'",
        "ALTER TABLE t MODIFY COLUMN ip_address SET TAG cost = 'high'",
        "CREATE VIEW v AS SELECT * FROM t",
        "ALTER VIEW v SET TAG team = 'v'",
        "ALTER TABLE IF EXISTS nowhere SET TAG team = 'x'",
    ):
        run(connection, sql)
    assert tags(("team", "t", "TABLE"), ("cost", "t", "table"), ("team", "ops.t.a", "COLUMN")) == (
        "it's",
        "low",
        "it's",
    )
    assert tags(("cost", "t.ip_address", "COLUMN"), ("team", "tagged", "WAREHOUSE"), ("team", "ops", "SCHEMA")) == (
        "high", "w", "s",
    )  # fmt: skip
    for sql in (
        "ALTER TABLE t RENAME COLUMN ip_address TO ip",
        "ALTER TABLE t DROP COLUMN a",
        "ALTER TABLE t RENAME TO u",
        "ALTER WAREHOUSE tagged SET WAREHOUSE_SIZE = 'SMALL'",
        "CREATE OR REPLACE VIEW v COPY GRANTS COPY TAGS AS SELECT 1 AS copy, 2 AS tags",
        "CREATE TABLE c CLONE u",
        "ALTER TABLE u UNSET TAG team",
    ):
        run(connection, sql)
    assert tags(("cost", "u.ip", "COLUMN"), ("team", "u", "TABLE"), ("team", "c", "TABLE")) == ("high", "s", "it's")
    assert tags(("team", "v", "TABLE"), ("team", "tagged", "WAREHOUSE")) == ("v", "w")
    run(connection, "CREATE OR REPLACE VIEW v AS SELECT 1 AS i")
    run(connection, "ALTER SCHEMA ops UNSET TAG team")
    assert tags(("team", "v", "TABLE")) == (None,)
    run(connection, "CREATE OR REPLACE TAG team")
    assert tags(("team", "c", "TABLE")) == (None,)


def test_tags_in_definitions_and_their_references(connection: Any) -> None:
    for sql in (
        "CREATE TAG team",
        "CREATE TAG cost ALLOWED_VALUES 'low', 'high'",
        "CREATE TABLE marked (a INT WITH TAG (team = 'a', ops.cost = 'low'), b INT TAG (cost = 'high')) WITH TAG (team = 't')",
        "ALTER TABLE marked ADD COLUMN c INT WITH TAG (cost = 'low')",
        "CREATE VIEW seen (z WITH TAG (team = 'z')) TAG (cost = 'high') AS SELECT a FROM marked",
        "ALTER SCHEMA ops SET TAG cost = 'low'",
    ):
        run(connection, sql)

    def references(function: str, name: str, domain: str) -> list[Any]:
        shown = "tag_name, tag_value, apply_method, level, object_name, column_name"
        source = f"TABLE(INFORMATION_SCHEMA.{function}('{name}', '{domain}'))"
        return list(run(connection, f"SELECT {shown} FROM {source} ORDER BY column_name, tag_name"))

    inherited = ("COST", "low", "INHERITED", "SCHEMA")
    assert references("TAG_REFERENCES", "marked", "table") == [
        (*inherited, "MARKED", None), ("TEAM", "t", "MANUAL", "TABLE", "MARKED", None),
    ]  # fmt: skip
    assert references("TAG_REFERENCES", "seen.z", "COLUMN") == [
        ("COST", "high", "INHERITED", "TABLE", "SEEN", "Z"), ("TEAM", "z", "MANUAL", "COLUMN", "SEEN", "Z"),
    ]  # fmt: skip
    assert [row[:2] + row[3:4] + row[5:] for row in references("TAG_REFERENCES_ALL_COLUMNS", "marked", "TABLE")] == [
        ("COST", "low", "COLUMN", "A"), ("TEAM", "a", "COLUMN", "A"),
        ("COST", "high", "COLUMN", "B"), ("TEAM", "t", "TABLE", "B"),
        ("COST", "low", "COLUMN", "C"), ("TEAM", "t", "TABLE", "C"),
    ]  # fmt: skip
    assert references("TAG_REFERENCES", "ops", "SCHEMA") == [("COST", "low", "MANUAL", "SCHEMA", "OPS", None)]


@pytest.mark.parametrize(
    ("sql", "number"),
    [
        ("ALTER TABLE t SET TAG nowhere = 'x'", 2003), ("ALTER TABLE nowhere SET TAG team = 'x'", 2003),
        ("ALTER TABLE t MODIFY COLUMN b SET TAG team = 'x'", 904), ("ALTER TABLE t SET TAG team = 'low', cost = 'x'", 1008),
        ("ALTER TABLE t SET TAG team", 1003), ("SELECT SYSTEM$GET_TAG('team', 't', 'PLANET')", 1030),
        ("CREATE TABLE u (a INT WITH TAG (nowhere = 'x'))", 2003), ("CREATE TABLE u (a INT) WITH TAG (cost = 'x')", 1008),
        ("CREATE OR ALTER TABLE t (a INT WITH TAG (cost = 'low'))", 2),
        ("SELECT * FROM TABLE(INFORMATION_SCHEMA.TAG_REFERENCES('t', 'VIEW'))", 1030),
    ],
)  # fmt: skip
def test_tags_that_do_not_fit(connection: Any, sql: str, number: int) -> None:
    run(connection, "CREATE TAG team")
    run(connection, "CREATE TAG cost ALLOWED_VALUES 'low'")
    assert errno(connection, sql) == number
    assert run(connection, "SELECT SYSTEM$GET_TAG('team', 't', 'TABLE')") == [(None,)]


def test_the_warehouse_of_a_session_exists(endpoint: RunningEndpoint, connection: Any) -> None:
    current = "SELECT CURRENT_WAREHOUSE()"
    with endpoint.connect(warehouse="not_there") as other:
        assert run(other, current) == [(None,)]
        run(connection, "CREATE OR REPLACE WAREHOUSE made_here")
        assert run(connection, current) == [("MADE_HERE",)]
        run(other, "USE WAREHOUSE made_here")
        with endpoint.connect(warehouse="made_here") as third:
            assert run(third, current) == [("MADE_HERE",)]
        run(connection, "DROP WAREHOUSE made_here")
        assert run(connection, current) == run(other, current) == [(None,)]


_PROFILE = (
    "shop: {{target: prod, outputs: {{prod: {{type: snowflake, database: test, schema: public, role: {role}}}}}}}\n"
)


def put_project(connection: Any, folder: Path, **files: str) -> None:
    """A dbt project's files on the stage ops.files, below shop/."""
    named = {"dbt_project": "name: shop\nprofile: shop\nversion: '1'\n", "profiles": _PROFILE.format(role="sysadmin")}
    for name, text in (named | files).items():
        (folder / f"{name}.yml").write_text(text)
        run(connection, f"PUT 'file://{folder}/{name}.yml' @ops.files/shop AUTO_COMPRESS = FALSE OVERWRITE = TRUE")


def test_dbt_projects(connection: Any, tmp_path: Path) -> None:
    """See: https://docs.snowflake.com/en/sql-reference/sql/create-dbt-project, execute-dbt-project

    What runs to the end is tested with the task graph.
    """
    run(connection, "CREATE STAGE ops.files")
    put_project(connection, tmp_path)
    assert errno(connection, "CREATE DBT PROJECT ops.p") == 1003
    assert errno(connection, "CREATE DBT PROJECT ops.p FROM '@ops.files/elsewhere'") == 391902
    assert errno(connection, "CREATE DBT PROJECT ops.p FROM @ops.files/shop DBT_VERSION = '1.8.0'") == 1008
    assert errno(connection, "CREATE DBT PROJECT ops.p FROM @ops.files/shop AUTO_COMPILE = TRUE") == 1422
    run(
        connection,
        "CREATE DBT PROJECT ops.p FROM @ops.files/shop DBT_VERSION = '1.11.11' DEFAULT_TARGET = prod COMMENT = 'c'",
    )
    (shown,) = dicts(connection, "SHOW DBT PROJECTS IN SCHEMA ops")
    assert dicts(connection, "DESC DBT PROJECT ops.p") == [shown]
    assert [shown[name] for name in ("name", "owner", "dbt_version", "default_target", "comment")] == [
        "P", "ACCOUNTADMIN", "1.11.11", "prod", "c",
    ]  # fmt: skip
    assert errno(connection, "CREATE DBT PROJECT ops.p FROM @ops.files/shop") == 2002
    assert errno(connection, "EXECUTE DBT PROJECT ops.p ARGS = 'init'") == 391903
    assert errno(connection, "EXECUTE DBT PROJECT ops.p ARGS = 'run --target dev'") == 391902
    assert errno(connection, "EXECUTE DBT PROJECT ops.none ARGS = 'run'") == 2003
    run(connection, "EXECUTE DBT PROJECT IF EXISTS ops.none")
    too_new = "name: shop\nprofile: shop\nversion: '1'\nrequire-dbt-version: '>=99.0.0'\n"
    put_project(connection, tmp_path, dbt_project=too_new)
    run(connection, "ALTER DBT PROJECT ops.p DEPLOY FROM '@ops.files/shop'")
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match="Required version of dbt") as failed:
        run(connection, "EXECUTE DBT PROJECT ops.p ARGS = 'parse'")
    assert failed.value.errno == 391904
    put_project(connection, tmp_path, profiles=_PROFILE.format(role="\"{{ env_var('ROLE') }}\""))
    run(connection, "ALTER DBT PROJECT ops.p ADD VERSION FROM @ops.files/shop")
    assert errno(connection, "EXECUTE DBT PROJECT ops.p") == 391905
    run(connection, "ALTER DBT PROJECT ops.p UNSET DBT_VERSION")
    assert errno(connection, "EXECUTE DBT PROJECT ops.p") == 2  # Snowflake's default is 1.9.4
    with connection.cursor() as cursor:
        cursor.execute("GRANT USAGE ON DATABASE test TO ROLE public")
        cursor.execute("GRANT USAGE ON SCHEMA ops TO ROLE public")
        cursor.execute("GRANT MONITOR ON DBT PROJECT ops.p TO ROLE public")
        cursor.execute("USE ROLE public")
    assert errno(connection, "EXECUTE DBT PROJECT ops.p") == 3001
    run(connection, "USE ROLE accountadmin")
    run(connection, "DROP DBT PROJECT ops.p")
    assert errno(connection, "DESC DBT PROJECT ops.p") == 2003
