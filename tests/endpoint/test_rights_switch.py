"""Rights switched off and on again over the same data."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.conftest import RunningEndpoint
from tests.endpoint.rights import refused, run

pytestmark = pytest.mark.integration


def test_without_rights_everything_is_recorded_and_nothing_refused(tmp_path: Path) -> None:
    endpoint = RunningEndpoint(tmp_path / "warehouse", tmp_path / "s3", rights=False)
    endpoint.start()
    with endpoint.connect(role="nobody") as connection:
        run(
            connection,
            "CREATE ROLE maker",
            "USE ROLE maker",
            "CREATE TABLE t (a VARCHAR) AS SELECT 'x'",
            "CREATE MASKING POLICY m AS (v STRING) RETURNS STRING -> '*'",
            "ALTER TABLE t MODIFY COLUMN a SET MASKING POLICY m",
            "USE ROLE public",
        )
        assert run(connection, "SELECT a FROM test.public.t") == [("x",)]
    endpoint.stop(signal.SIGKILL)
    endpoint.rights = True
    endpoint.start()
    try:
        with endpoint.connect() as connection:
            owners = [row[5] for row in run(connection, "SHOW GRANTS ON TABLE t") if row[1] == "OWNERSHIP"]
            assert owners == ["MAKER"]
            assert refused(connection, "SELECT a FROM t") == (2003, "Object 'T' does not exist or not authorized.")
            run(connection, "GRANT ROLE maker TO ROLE sysadmin")
            assert run(connection, "SELECT a FROM t") == [("*",)]
    finally:
        endpoint.stop(signal.SIGKILL)
