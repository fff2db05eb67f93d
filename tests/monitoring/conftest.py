"""The deployed warehouse of the procedures' tests, and the exporter over it."""

from __future__ import annotations

from tests.snowpark_procs.conftest import deployed as deployed
from tests.snowpark_procs.conftest import module_warehouse as module_warehouse
from tests.snowpark_procs.conftest import warehouse as warehouse
