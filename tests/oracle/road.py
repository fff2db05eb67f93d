"""The whole road of a delivery: Iceberg, Spark, landing, load, flag, dbt; each by the function that production calls."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner

from tests.conftest import REPOSITORY
from tests.dbt_environment import environment, profile_variables
from tests.oracle.histories import Row
from tests.snowpark_procs.conftest import Warehouse
from tests.spark_ingest.conftest import Lake

_PROJECT = REPOSITORY / "dbt_project"


@dataclass
class Road:
    """A lake, a deployed warehouse whose stages read it, and a folder for dbt's files."""

    lake: Lake
    warehouse: Warehouse
    scratch: Path
    manifest: Any = None  # dbt's parsed project

    def deliver(self, events: list[Row], transactions: list[Row]) -> None:
        """Append rows to the lake, and take them to STAGING."""
        self.lake.append(events, transactions)
        assert self.lake.run().manifest is not None
        self.warehouse.call("ops.load_pending()")
        self.warehouse.call("ops.flag_quality()")

    def build(self, *arguments: str) -> None:
        """Build every model with dbt; its tests are run by the demo."""
        folders = ["--project-dir", str(_PROJECT), "--profiles-dir", str(_PROJECT)]
        folders += ["--target-path", str(self.scratch / "target"), "--log-path", str(self.scratch / "logs")]
        variables = profile_variables(self.warehouse.endpoint, SNOWFLAKE_WAREHOUSE="COMPUTE_WH")
        with environment(variables), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those of dbt's own libraries
            if self.manifest is None:
                self.manifest = dbtRunner().invoke(["--quiet", "parse", *folders]).result
            built = dbtRunner(manifest=self.manifest).invoke(["--quiet", "run", *arguments, *folders])
        failed = [
            f"{node.node.name}: {node.message}"
            for node in getattr(built.result, "results", ())
            if node.failures or str(node.status) == "error"
        ]
        assert built.success, built.exception or failed
