"""Authentication policies, programmatic access tokens, transient databases and schemas, odd names of account objects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import snowflake.connector
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration


@pytest.fixture
def connection(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect(role="ACCOUNTADMIN") as opened:
        run(
            opened,
            "CREATE OR REPLACE SCHEMA safe",
            "CREATE OR REPLACE USER robot TYPE = SERVICE",
            "CREATE OR REPLACE USER ann",
        )
        yield opened


def run(connection: Any, *statements: str) -> Any:
    for statement in statements:
        cursor = connection.cursor().execute(statement)
    return cursor.fetchall()


def listed(connection: Any, sql: str) -> list[dict[str, Any]]:
    return list(connection.cursor(snowflake.connector.DictCursor).execute(sql).fetchall())


def errno(connection: Any, sql: str) -> int:
    with pytest.raises(snowflake.connector.errors.ProgrammingError) as refusal:
        run(connection, sql)
    return int(refusal.value.errno or 0)


def test_the_life_of_a_token(connection: Any) -> None:
    (made,) = listed(
        connection,
        "ALTER USER ann ADD PROGRAMMATIC ACCESS TOKEN ci DAYS_TO_EXPIRY = 30 ROLE_RESTRICTION = 'PUBLIC' COMMENT = 'c'",
    )
    assert made["token_name"] == "CI"
    assert len(made["token_secret"]) > 40
    (shown,) = listed(connection, "SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER ann")
    assert (shown["name"], shown["user_name"], shown["role_restriction"], shown["status"], shown["comment"]) == (
        "CI", "ANN", "PUBLIC", "ACTIVE", "c",
    )  # fmt: skip
    assert dt.timedelta(days=29) < shown["expires_at"] - shown["created_on"] < dt.timedelta(days=31)
    assert made["token_secret"] not in str(shown)
    run(
        connection,
        "ALTER USER ann MODIFY PAT ci SET DISABLED = TRUE COMMENT = 'off'",
        "ALTER USER ann MODIFY PAT ci RENAME TO cd",
    )
    (shown,) = listed(connection, "SHOW USER PATS FOR USER ann")
    assert (shown["name"], shown["status"], shown["comment"]) == ("CD", "DISABLED", "off")
    run(connection, "ALTER USER ann MODIFY PAT cd UNSET DISABLED, COMMENT")
    (rotated,) = listed(connection, "ALTER USER ann ROTATE PAT cd EXPIRE_ROTATED_TOKEN_AFTER_HOURS = 0")
    assert rotated["token_secret"] != made["token_secret"]
    shown_by_name = {row["name"]: row for row in listed(connection, "SHOW USER PATS FOR USER ann")}
    assert shown_by_name["CD"]["status"] == "ACTIVE"
    assert shown_by_name[rotated["rotated_token_name"]]["status"] == "EXPIRED"
    assert shown_by_name[rotated["rotated_token_name"]]["rotated_to"] == "CD"
    run(
        connection,
        "ALTER USER ann REMOVE PAT cd",
        f"ALTER USER ann REMOVE PROGRAMMATIC ACCESS TOKEN {rotated['rotated_token_name']}",
    )
    assert listed(connection, "SHOW USER PATS FOR USER ann") == []


def test_tokens_are_ones_own_where_no_user_is_named_and_go_with_a_user(connection: Any) -> None:
    run(connection, "ALTER USER ADD PAT IF NOT EXISTS mine", "ALTER USER ADD PAT IF NOT EXISTS mine")
    assert [row["name"] for row in listed(connection, "SHOW USER PATS")] == ["MINE"]
    run(connection, "ALTER USER REMOVE PAT mine", "ALTER USER ann ADD PAT hers", "DROP USER ann", "CREATE USER ann")
    assert listed(connection, "SHOW USER PATS FOR USER ann") == []


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("ALTER USER robot ADD PAT t", 2029),  # a service user's token needs a role
        ("ALTER USER ann ADD PAT t DAYS_TO_EXPIRY = 366", 1008),
        ("ALTER USER ann ADD PAT t ROLE_RESTRICTION = 'NOPE'", 2003),
        ("ALTER USER ann ADD PAT t COLOUR = 'red'", 1422),
        ("ALTER USER nobody ADD PAT t", 2003),
        ("ALTER USER ann ROTATE PAT t", 2003),
        ("ALTER USER ann MODIFY PAT t SET DAYS_TO_EXPIRY = 1", 1422),
        ("ALTER USER ann REMOVE PAT t", 2003),
    ],
)
def test_tokens_that_snowflake_refuses(connection: Any, statement: str, number: int) -> None:
    assert errno(connection, statement) == number


def test_a_token_name_is_given_once(connection: Any) -> None:
    run(connection, "ALTER USER ann ADD PAT t")
    assert errno(connection, "ALTER USER ann ADD PAT t") == 2002


def test_authentication_policies_are_kept_set_and_shown(connection: Any) -> None:
    run(
        connection,
        "CREATE AUTHENTICATION POLICY only_keys AUTHENTICATION_METHODS = ('KEYPAIR') CLIENT_TYPES = ('DRIVERS', 'SNOWSQL')"
        " MFA_ENROLLMENT = 'REQUIRED' PAT_POLICY = (DEFAULT_EXPIRY_IN_DAYS = 7, NETWORK_POLICY_EVALUATION = NOT_ENFORCED)"
        " CLIENT_POLICY = (PYTHON_DRIVER = (MINIMUM_VERSION = '3.0.0')) COMMENT = 'for robots'",
    )
    (shown,) = listed(connection, "SHOW AUTHENTICATION POLICIES IN SCHEMA safe")
    assert (shown["name"], shown["database_name"], shown["schema_name"], shown["comment"]) == (
        "ONLY_KEYS", "TEST", "SAFE", "for robots",
    )  # fmt: skip
    described = {
        row["property"]: row["property_value"] for row in listed(connection, "DESC AUTHENTICATION POLICY only_keys")
    }
    assert (described["AUTHENTICATION_METHODS"], described["SECURITY_INTEGRATIONS"]) == ("KEYPAIR", "ALL")
    assert described["PAT_POLICY"] == "DEFAULT_EXPIRY_IN_DAYS=7,NETWORK_POLICY_EVALUATION=NOT_ENFORCED"
    run(
        connection,
        "ALTER USER robot SET AUTHENTICATION POLICY only_keys",
        "ALTER USER robot SET AUTHENTICATION POLICY only_keys FORCE",
    )
    assert errno(connection, "DROP AUTHENTICATION POLICY only_keys") == 3544
    run(connection, "ALTER USER robot UNSET AUTHENTICATION POLICY", "ALTER ACCOUNT SET AUTHENTICATION POLICY only_keys")
    assert errno(connection, "DROP AUTHENTICATION POLICY only_keys") == 3544
    run(
        connection,
        "ALTER ACCOUNT UNSET AUTHENTICATION POLICY",
        "ALTER USER robot SET AUTHENTICATION POLICY only_keys",
        "DROP USER robot",
    )
    run(
        connection,
        "ALTER AUTHENTICATION POLICY only_keys SET CLIENT_TYPES = ('ALL')",
        "DROP AUTHENTICATION POLICY only_keys",
    )
    assert errno(connection, "CREATE AUTHENTICATION POLICY p PAT_POLICY = (COLOUR = 1)") == 1422
    assert errno(connection, "ALTER USER ann SET AUTHENTICATION POLICY nope") == 2003


def test_what_is_made_in_a_transient_container_is_transient(connection: Any) -> None:
    run(
        connection,
        "CREATE OR REPLACE TRANSIENT DATABASE fleeting",
        "CREATE TABLE t (i INT)",
        "CREATE OR REPLACE DATABASE lasting",
    )
    run(
        connection,
        "CREATE TRANSIENT SCHEMA brief WITH MANAGED ACCESS",
        "CREATE TABLE t (i INT)",
        "CREATE TABLE public.t (i INT)",
    )
    databases = {row["name"]: row["options"] for row in listed(connection, "SHOW DATABASES")}
    assert (databases["FLEETING"], databases["LASTING"]) == ("TRANSIENT", "")
    schemas = {row["name"]: row["options"] for row in listed(connection, "SHOW SCHEMAS IN lasting")}
    assert (schemas["BRIEF"], schemas["PUBLIC"]) == ("TRANSIENT, MANAGED ACCESS", "")
    kinds = {
        (row["database_name"], row["schema_name"]): row["kind"]
        for row in listed(connection, "SHOW TABLES LIKE 't' IN ACCOUNT")
    }
    assert kinds["FLEETING", "PUBLIC"] == kinds["LASTING", "BRIEF"] == "TRANSIENT"
    assert kinds["LASTING", "PUBLIC"] == "TABLE"
    run(connection, "DROP DATABASE fleeting", "DROP DATABASE lasting", "USE DATABASE test")


@pytest.mark.parametrize("name", ['"two words"', '"hyphen-ated"', '"lower"', '"a.b"', '"q""q"', '"ünï"', "_under$1"])
@pytest.mark.parametrize("kind", ["ROLE", "USER", "WAREHOUSE", "DATABASE ROLE", "RESOURCE MONITOR"])
def test_account_objects_have_any_name(connection: Any, kind: str, name: str) -> None:
    options = " WITH CREDIT_QUOTA = 1" if kind == "RESOURCE MONITOR" else ""
    run(connection, f"CREATE OR REPLACE {kind} {name}{options}")
    stored = name.strip('"').replace('""', '"') if name.startswith('"') else name.upper()
    assert stored in [row["name"] for row in listed(connection, f"SHOW {kind}S")]
    if kind in ("ROLE", "USER"):
        run(connection, "CREATE OR REPLACE ROLE given", f"GRANT ROLE given TO {kind} {name}")
        assert [row["grantee_name"] for row in listed(connection, "SHOW GRANTS OF ROLE given")] == [stored]
    if kind == "DATABASE ROLE":
        run(connection, f"GRANT USAGE ON SCHEMA safe TO DATABASE ROLE {name}")
    if kind == "ROLE":
        run(
            connection,
            f"GRANT USAGE ON SCHEMA safe TO ROLE {name}",
            f"GRANT ROLE {name} TO USER local",
            f"USE ROLE {name}",
        )
        assert run(connection, "SELECT CURRENT_ROLE()") == [(stored,)]
        run(connection, "USE ROLE ACCOUNTADMIN")
    run(connection, f"DROP {kind} {name}")


def refusal(endpoint: RunningEndpoint, **connection: Any) -> int:
    """Return the number with which a log-in is refused, 0 for one that is not."""
    try:
        endpoint.connect(role=None, **connection).close()
    except snowflake.connector.errors.DatabaseError as error:
        return int(error.errno or 0)
    return 0


def public(key: rsa.RSAPrivateKey) -> str:
    """Return a public key as text, without its first and last line."""
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return "".join(line for line in pem.splitlines() if not line.startswith("-"))


def test_a_service_user_logs_in_by_key_or_token_only(connection: Any, endpoint: RunningEndpoint) -> None:
    old, new = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    with_key: dict[str, Any] = {"user": "robot", "authenticator": "SNOWFLAKE_JWT", "password": None}
    assert refusal(endpoint, user="robot") == 390100  # by password
    assert refusal(endpoint, **with_key, private_key=old) == 390144  # it has no key
    run(connection, f"ALTER USER robot SET RSA_PUBLIC_KEY = '{public(old)}'")
    assert refusal(endpoint, **with_key, private_key=old) == 0
    assert refusal(endpoint, **with_key, private_key=new) == 390144
    run(connection, f"ALTER USER robot SET RSA_PUBLIC_KEY_2 = '{public(new)}'", "ALTER USER robot UNSET RSA_PUBLIC_KEY")
    assert refusal(endpoint, **with_key, private_key=old) == 390144
    assert refusal(endpoint, **with_key, private_key=new) == 0
    assert refusal(endpoint, **{**with_key, "user": "ann"}, private_key=new) == 390144  # robot's, not hers
    described = {row["property"]: row["property_value"] for row in listed(connection, "DESCRIBE USER robot")}
    assert described["RSA_PUBLIC_KEY_FP"] is None
    assert str(described["RSA_PUBLIC_KEY_2_FP"]).startswith("SHA256:")
    (token,) = listed(connection, "ALTER USER robot ADD PAT ci ROLE_RESTRICTION = 'PUBLIC'")
    assert refusal(endpoint, user="robot", password=token["token_secret"]) == 0
    run(connection, "ALTER USER robot MODIFY PAT ci SET DISABLED = TRUE")
    assert refusal(endpoint, user="robot", password=token["token_secret"]) == 390100


def test_passwords_and_disabled_users(connection: Any, endpoint: RunningEndpoint) -> None:
    run(connection, "ALTER USER ann SET PASSWORD = 'Secret-1'")
    assert refusal(endpoint, user="ann") == 390100
    assert refusal(endpoint, user="ann", password="Secret-1") == 0
    run(connection, "ALTER USER ann SET DISABLED = TRUE")
    assert refusal(endpoint, user="ann", password="Secret-1") == 390101


def test_a_network_policy_says_from_where_a_user_logs_in(connection: Any, endpoint: RunningEndpoint) -> None:
    run(
        connection,
        "CREATE OR REPLACE NETWORK RULE safe.here TYPE = IPV4 VALUE_LIST = ('127.0.0.0/8')",
        "CREATE OR REPLACE NETWORK POLICY elsewhere ALLOWED_IP_LIST = ('10.0.0.0/8')",
        "CREATE OR REPLACE NETWORK POLICY at_home ALLOWED_NETWORK_RULE_LIST = (safe.here)",
        "ALTER USER ann SET NETWORK_POLICY = elsewhere",
    )
    assert refusal(endpoint, user="ann") == 390422
    run(connection, "ALTER USER ann SET NETWORK_POLICY = at_home")
    assert refusal(endpoint, user="ann") == 0
    run(connection, "ALTER NETWORK POLICY at_home SET BLOCKED_IP_LIST = ('127.0.0.1')")
    assert refusal(endpoint, user="ann") == 390422
