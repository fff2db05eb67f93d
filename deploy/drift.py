"""`python -m deploy.drift`: say where an environment is not what its migrations make.

Head is deployed into a scratch database beside it, with roles of its own, and both are compared: what SHOW, DESCRIBE and
GET_DDL tell of tables, columns, views, procedures, stages, file formats, tasks, alerts and policies, and the grants of every
role. What dbt has created (it is the transformer's) is left out. Run as an account administrator; the scratch environment goes
at the end, and nothing runs in it. Exits with 1 and a line for each difference.
"""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from snowflake.connector import DictCursor

from deploy.account import connect, database
from deploy.rendering import ROOT

_SCHEMAS = ("RAW", "STAGING", "MARTS", "OPS", "RECON")
_OF_THE_OWNER = (
    "CREATE ROLE",
    "EXECUTE TASK",
    "EXECUTE ALERT",
    "EXECUTE MANAGED ALERT",
    "MODIFY LOG LEVEL",
    "MODIFY TRACE LEVEL",
)
# What a SHOW tells that says how an object is defined, by kind.
_SHOWN = {
    "STAGES": ("url", "storage_integration", "type"),
    "FILE FORMATS": ("type", "format_options"),
    "TASKS": ("warehouse", "schedule", "predecessors", "definition", "condition", "config"),
    "ALERTS": ("warehouse", "schedule", "condition", "action"),
}
_POLICIES = ("MASKING POLICY", "ROW ACCESS POLICY")
_UNUSED_LANDING = "_drift/"
Facts = dict[str, str]


def main() -> int:
    target = database()
    scratch = f"{target}_DRIFT"
    administrator = {"role": "ACCOUNTADMIN", "warehouse": None, "database": None}
    with connect(**administrator) as connection:
        (stage,) = _query(connection, f"SHOW STAGES LIKE 'LANDING' IN SCHEMA {target}.raw")
        _drop_scratch(connection, scratch)  # of a run that was killed
        try:
            _deploy_scratch(
                connection, scratch, f"{stage['url'].rstrip('/')}/{_UNUSED_LANDING}", stage["storage_integration"]
            )
            wanted = renamed(facts(connection, scratch), scratch, target)
            lines = list(differences(facts(connection, target), wanted))
        finally:
            _drop_scratch(connection, scratch)
    for line in lines:
        print(line)
    print(f"{target} is as its migrations make it" if not lines else f"{len(lines)} differences", file=sys.stderr)
    return 1 if lines else 0


def _deploy_scratch(connection: Any, scratch: str, landing: str, integration: str) -> None:
    """Make an environment beside the target, with an owner as the bootstrap script makes one.

    Its landing is a folder that nobody publishes to, within what the integration allows.
    """
    owner = f"{scratch}_OWNER"
    cursor = connection.cursor()
    for statement in (
        f"CREATE ROLE IF NOT EXISTS {owner}",
        f"GRANT ROLE {owner} TO ROLE sysadmin",
        f"GRANT DATABASE ROLE snowflake.pypi_repository_user TO ROLE {owner}",
        *(f"GRANT {privilege} ON ACCOUNT TO ROLE {owner}" for privilege in _OF_THE_OWNER),
        f"GRANT USAGE ON WAREHOUSE {_warehouse()} TO ROLE {owner} WITH GRANT OPTION",
        f"GRANT USAGE ON INTEGRATION {integration} TO ROLE {owner}",
        f"CREATE DATABASE {scratch}",
        f"GRANT OWNERSHIP ON DATABASE {scratch} TO ROLE {owner} COPY CURRENT GRANTS",
    ):
        cursor.execute(statement)
    environment = os.environ | {"SNOWFLAKE_DATABASE": scratch, "SNOWFLAKE_ROLE": owner}
    given = json.dumps({"landing_url": landing, "storage_integration": integration})
    command = [sys.executable, "-m", "schemachange.cli", "deploy", "--vars", given, "-L", "WARNING"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=sys.stderr)
    for kind in ("TASK", "ALERT"):
        for row in _query(connection, f"SHOW {kind}S IN SCHEMA {scratch}.ops"):
            if row["state"] == "started" and row["schedule"]:  # roots: the others run only after them
                cursor.execute(f"ALTER {kind} {scratch}.ops.{row['name']} SUSPEND")


def _drop_scratch(connection: Any, scratch: str) -> None:
    cursor = connection.cursor()
    cursor.execute(f"DROP DATABASE IF EXISTS {scratch}")
    for role in _query(connection, "SHOW ROLES"):
        if role["name"].startswith(f"{scratch}_"):
            cursor.execute(f"DROP ROLE IF EXISTS {role['name']}")


def _warehouse() -> str:
    return os.environ.get("SNOWFLAKE_WAREHOUSE", "COMPUTE_WH")


def facts(connection: Any, name: str) -> Facts:
    """Return what there is in a database and what its roles may do: a text for each thing."""
    found: Facts = {}
    of_dbt = f"{name}_TRANSFORMER"
    for schema in _SCHEMAS:
        place = f"{name}.{schema}"
        for kind in ("TABLE", "VIEW"):
            for row in _query(connection, f"SHOW {kind}S IN SCHEMA {place}"):
                if row["owner"] != of_dbt:
                    key = f"{kind} {schema}.{row['name']}"
                    found[key] = _relation(connection, kind, f"{place}.{row['name']}", row)
        for row in _query(connection, f"SHOW PROCEDURES IN SCHEMA {place}"):
            signature = row["arguments"].partition(" RETURN ")[0].replace("DEFAULT ", "")
            if row["schema_name"] == schema:
                found[f"PROCEDURE {schema}.{signature}"] = _ddl(connection, "PROCEDURE", f"{place}.{signature}")
        for kind, columns in _SHOWN.items():
            for row in _query(connection, f"SHOW {kind} IN SCHEMA {place}"):
                found[f"{kind[:-1]} {schema}.{row['name']}"] = "\n".join(
                    f"{column}: {row.get(column)}" for column in columns
                )
        for policy in _POLICIES:
            for row in _query(connection, f"SHOW {policy[:-1]}IES IN SCHEMA {place}"):
                described = _query(connection, f"DESCRIBE {policy} {place}.{row['name']}")
                found[f"{policy} {schema}.{row['name']}"] = "\n".join(
                    f"{one['signature']} {one['body']}" for one in described
                )
    for role in _query(connection, "SHOW ROLES"):
        if role["name"].startswith(f"{name}_") and not role["name"].startswith(f"{name}_DRIFT_"):
            found[f"ROLE {role['name']}"] = "\n".join(sorted(_grants(connection, role["name"], of_dbt)))
    return found


def _relation(connection: Any, kind: str, full_name: str, shown: dict[str, Any]) -> str:
    if kind == "VIEW":
        return _ddl(connection, kind, full_name)
    columns = ("name", "type", "null?", "default", "primary key", "policy name")
    lines = [
        " ".join(str(row.get(column)) for column in columns)
        for row in _query(connection, f"DESCRIBE TABLE {full_name}")
    ]
    return "\n".join(
        [
            f"cluster by {shown.get('cluster_by')}, keeps {shown.get('retention_time')} days, owner {shown['owner']}",
            *lines,
        ]
    )


def _ddl(connection: Any, kind: str, full_name: str) -> str:
    return str(connection.cursor().execute(f"SELECT GET_DDL('{kind}', '{full_name}')").fetchone()[0])


def _grants(connection: Any, role: str, of_dbt: str) -> Iterator[str]:
    for row in _query(connection, f"SHOW GRANTS TO ROLE {role}"):
        of_schemachange = ".SCHEMACHANGE" in row["name"]
        if not of_schemachange and (role != of_dbt or row["privilege"] != "OWNERSHIP"):
            option = " WITH GRANT OPTION" if row["grant_option"] == "true" else ""
            yield f"{row['privilege']} ON {row['granted_on']} {row['name']}{option}"
    for row in _query(connection, f"SHOW FUTURE GRANTS TO ROLE {role}"):
        yield f"{row['privilege']} ON FUTURE {row['grant_on']} {row['name']}"


def renamed(found: Facts, old: str, new: str) -> Facts:
    """Return facts with the names of one environment in the place of another's."""

    def name(text: str) -> str:
        return text.replace(old, new).replace(old.lower(), new.lower()).replace(_UNUSED_LANDING, "")

    return {name(key): name(text) for key, text in found.items()}


def differences(there: Facts, wanted: Facts) -> Iterator[str]:
    """Tell what an environment lacks, what it has besides, and what differs, with the lines that do."""
    for key in sorted(wanted.keys() - there.keys()):
        yield f"missing: {key}"
    for key in sorted(there.keys() - wanted.keys()):
        yield f"not from the migrations: {key}"
    for key in sorted(key for key in there.keys() & wanted.keys() if there[key] != wanted[key]):
        changed = difflib.unified_diff(wanted[key].splitlines(), there[key].splitlines(), lineterm="", n=0)
        lines = [line for line in changed if not line.startswith(("---", "+++", "@@"))]
        yield "\n".join([f"differs: {key} (- as migrated, + as it is)", *(f"  {line}" for line in lines[:20])])


def _query(connection: Any, sql: str) -> list[dict[str, Any]]:
    with connection.cursor(DictCursor) as cursor:
        return list(cursor.execute(sql).fetchall())


if __name__ == "__main__":
    sys.exit(main())
