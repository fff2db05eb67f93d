"""What the real clients need to reach the endpoint: connections.toml, environment variables, a file to source.

The password and account are those of a loopback stand-in that accepts anyone; they protect nothing.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from local_stack.endpoint_process import Address
from local_stack.layout import DATABASE, OWNER, REPO, Layout

CONNECTION = "local"
_STAND_IN_LOGIN = {"account": "local", "user": "local", "password": "local"}


def lake_variables(layout: Layout) -> dict[str, str]:
    """Return the environment variables that tell the Spark job where lake and landing are."""
    return {
        "SPARK_INGEST_CONFIG": str(REPO / "pipeline.toml"),  # a laptop's settings, wherever the command is started
        "SPARK_INGEST_WAREHOUSE": str(layout.lake),
        "SPARK_INGEST_LANDING": str(layout.landing),
        "SPARK_INGEST_REJECTS": str(layout.root / "rejects"),
    }


def variables(layout: Layout, address: Address) -> dict[str, str]:
    """Environment variables for schemachange, dbt, the Snowflake clients and our own commands."""
    return {
        "SNOWFLAKE_HOME": str(layout.root),
        "SNOWFLAKE_DEFAULT_CONNECTION_NAME": CONNECTION,
        "SNOWFLAKE_HOST": address.host,
        "SNOWFLAKE_PORT": str(address.port),
        "SNOWFLAKE_PROTOCOL": "http",
        "SNOWFLAKE_ACCOUNT": _STAND_IN_LOGIN["account"],
        "SNOWFLAKE_USER": _STAND_IN_LOGIN["user"],
        "SNOWFLAKE_PASSWORD": _STAND_IN_LOGIN["password"],
        "SNOWFLAKE_DATABASE": DATABASE,
        "SNOWFLAKE_WAREHOUSE": "COMPUTE_WH",
        "SNOWFLAKE_ROLE": OWNER,
        "DBT_PROJECT_DIR": str(REPO / "dbt_project"),
        "DBT_PROFILES_DIR": str(REPO / "dbt_project"),
        "DBT_TARGET": "password",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        **lake_variables(layout),
        "RECONCILE_LANDING": str(layout.landing),
        "RECONCILE_CLICKHOUSE_URL": f"chdb://{layout.clickhouse}",
    }


def process_environment(layout: Layout, address: Address) -> dict[str, str]:
    """The environment of a stage's process: ours, the repo on the path, and the locked tools first."""
    tools = Path(sys.executable).parent
    return {
        **os.environ,
        **variables(layout, address),
        "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
    }


def write_files(layout: Layout, address: Address) -> None:
    """Write connections.toml (private, as the connector demands) and the file to source."""
    entry = {
        **_STAND_IN_LOGIN,
        "host": address.host,
        "protocol": "http",
        "database": DATABASE,
        "warehouse": "COMPUTE_WH",
        "role": OWNER,
    }
    lines = [f"[{CONNECTION}]", *(f'{key} = "{value}"' for key, value in entry.items()), f"port = {address.port}"]
    _write_private(layout.connections_file, "\n".join(lines) + "\n")
    # The Snowflake CLI looks for its config file too, and asks for it to be private.
    _write_private(layout.root / "config.toml", "[cli.logs]\nsave_logs = false\n")
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables(layout, address).items()]
    tools = shlex.quote(str(REPO / ".venv" / "bin"))
    exports.append(f'case ":$PATH:" in *:{tools}:*) ;; *) export PATH={tools}:"$PATH" ;; esac')
    _write_private(layout.env_file, "\n".join(exports) + "\n")


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")
