"""Compares the speed layer (ClickHouse) with the warehouse: extraction, comparison rules, report.

Importing the package imports nothing else: its pure part (rules, identifiers, status_sql, errors) also runs inside
Snowflake, where none of the report's and the extraction's libraries are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconcile.report.terminal import render_verdict
    from reconcile.report.warehouse_source import read_reconciliation

__all__ = ["read_reconciliation", "render_verdict"]


def __getattr__(name: str) -> Any:
    if name == "render_verdict":
        from reconcile.report.terminal import render_verdict

        return render_verdict
    if name == "read_reconciliation":
        from reconcile.report.warehouse_source import read_reconciliation

        return read_reconciliation
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
