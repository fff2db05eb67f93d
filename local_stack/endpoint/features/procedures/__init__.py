"""Define, list and run procedures and functions."""

from __future__ import annotations

from local_stack.endpoint.features.procedures.routine_statements import Procedures

__all__ = ["Procedures"]
