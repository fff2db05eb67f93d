"""The warehouse of a module's tests, with dbt's views in place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dbt.adapters.factory import cleanup_connections

from tests.conftest import RunningEndpoint
from tests.dbt.warehouse import Warehouse, succeeded


@pytest.fixture(scope="module")
def built_warehouse(endpoint: RunningEndpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    warehouse = Warehouse(endpoint, tmp_path_factory.mktemp("dbt"))
    succeeded(warehouse.dbt("run"))
    yield warehouse
    cleanup_connections()  # type: ignore[no-untyped-call]  # dbt keeps its connections until the process ends
    warehouse.connection.close()


@pytest.fixture
def warehouse(built_warehouse: Warehouse) -> Warehouse:
    """The warehouse, empty."""
    built_warehouse.clear()
    return built_warehouse
