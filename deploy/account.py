"""Reach the account as schemachange does: by SNOWFLAKE_ACCOUNT, _USER, _ROLE, _WAREHOUSE, _DATABASE and a key or password."""

from __future__ import annotations

import os
from typing import Any

import snowflake.connector

_GIVEN = (
    "account",
    "user",
    "role",
    "warehouse",
    "password",
    "host",
    "port",
    "protocol",
    "authenticator",
    "private_key_file",
)


def database() -> str:
    """Return the name of the database that is deployed."""
    return os.environ.get("SNOWFLAKE_DATABASE", "ECOMMERCE_DW")


def connect(**others: Any) -> Any:
    """Connect by the environment; None leaves something out of it."""
    given = {name: value for name in _GIVEN if (value := os.environ.get(f"SNOWFLAKE_{name.upper()}"))}
    chosen = {**given, "session_parameters": {"QUERY_TAG": "deploy"}, "client_session_keep_alive": True, **others}
    return snowflake.connector.connect(**{name: value for name, value in chosen.items() if value is not None})
