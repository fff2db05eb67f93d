"""Procedures and functions: CREATE, CALL, SHOW, DESCRIBE, ALTER, DROP."""

from __future__ import annotations

from local_stack.endpoint.features.procedures.routine_statements import Procedures

__all__ = ["Procedures"]
