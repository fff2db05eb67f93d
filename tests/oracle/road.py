"""The whole road of a delivery: Iceberg, Spark, landing, load, flag, dbt; each by the function that production calls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.dbt_environment import profile_variables, run_dbt
from tests.oracle.histories import Row
from tests.snowpark_procs.conftest import Warehouse
from tests.spark_ingest.conftest import Lake


@dataclass
class Road:
    """A lake, a deployed warehouse whose stages read it, and a folder for dbt's files."""

    lake: Lake
    warehouse: Warehouse
    scratch: Path

    def deliver(self, events: list[Row], transactions: list[Row]) -> None:
        """Append rows to the lake, and take them to STAGING."""
        self.lake.append(events, transactions)
        assert self.lake.run().manifest is not None
        self.warehouse.call("ops.load_pending()")
        self.warehouse.call("ops.flag_quality()")

    def build(self, *arguments: str) -> None:
        """Build every model with dbt; its tests are run by the demo."""
        variables = profile_variables(self.warehouse.endpoint, SNOWFLAKE_WAREHOUSE="COMPUTE_WH")
        built = run_dbt(variables, self.scratch, "--quiet", "--no-write-json", "run", *arguments)
        failed = [
            f"{node.node.name}: {node.message}"
            for node in getattr(built.result, "results", ())
            if node.failures or str(node.status) == "error"
        ]
        assert built.success, built.exception or failed
