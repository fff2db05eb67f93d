"""Tell which warehouses there are."""

from __future__ import annotations

from local_stack.endpoint.engine.catalog import Catalog

DEFAULT_WAREHOUSE = "COMPUTE_WH"  # every account has it from its beginning


def warehouse_exists(name: str, catalog: Catalog) -> bool:
    return name == DEFAULT_WAREHOUSE or catalog.get("WAREHOUSE", "", "", name) is not None
