"""The environment of dbt over a test's endpoint: what the profile reads, and how it is set for dbt in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from local_stack.layout import DATABASE
from tests.conftest import RunningEndpoint


def profile_variables(endpoint: RunningEndpoint, **others: str) -> dict[str, str]:
    """What dbt's profile reads: the endpoint's own variables, the pipeline's database and role, and others."""
    own = {name: value for name, value in endpoint.environment.items() if name.startswith(("SNOWFLAKE_", "DBT_"))}
    return own | {"SNOWFLAKE_DATABASE": DATABASE, "SNOWFLAKE_ROLE": "SYSADMIN"} | others


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process; what was there before comes back at the end."""
    saved = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)
