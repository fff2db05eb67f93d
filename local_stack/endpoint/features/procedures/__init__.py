"""Procedures and functions: CREATE, CALL, SHOW, DESCRIBE, ALTER, DROP."""

from __future__ import annotations

from local_stack.endpoint.features.procedures.extension import Procedures

__all__ = ["Procedures"]
