"""`python -m deploy.verify`: make sure, as the role that deploys, that an environment is deployed and at work.

Exits with 1 and a line for each thing that is not as it should be.
"""

from __future__ import annotations

import sys
from typing import Any

from snowflake.connector import DictCursor

from deploy.account import connect, database
from deploy.rendering import ROOT

_ADDRESS = "192.0.2.1"  # ops.address_probe


def main() -> int:
    with connect(database=database()) as connection:
        wrong = problems(connection)
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{database()}: deployed and at work" if not wrong else f"{database()}: {len(wrong)} problems")
    return 1 if wrong else 0


def problems(connection: Any) -> list[str]:
    """Return what is wrong with the environment."""
    cursor = connection.cursor(DictCursor)
    applied = {
        row["SCRIPT"]: row["STATUS"]
        for row in cursor.execute(
            "SELECT script, status FROM schemachange.change_history ORDER BY installed_on"
        ).fetchall()
    }
    scripts = sorted(path.name for path in (ROOT / "migrations").glob("*.sql"))
    wrong = [f"{name}: {applied.get(name, 'never applied')}" for name in scripts if applied.get(name) != "Success"]
    for kind in ("TASK", "ALERT"):
        rows = cursor.execute(f"SHOW {kind}S IN SCHEMA ops").fetchall()
        wrong += [f"{kind} {row['name']} is suspended" for row in rows if row["schedule"] and row["state"] != "started"]
    for row in cursor.execute(
        "SELECT database_name FROM ops.environment WHERE database_name <> CURRENT_DATABASE()"
    ).fetchall():
        wrong.append(f"The landing is that of {row['DATABASE_NAME']}: this database is a clone")
    for row in cursor.execute("SELECT ip_address FROM ops.address_probe").fetchall():
        if row["IP_ADDRESS"] != _ADDRESS:
            wrong.append("The role that deploys sees masked addresses: ops.flag_quality refuses to work")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
