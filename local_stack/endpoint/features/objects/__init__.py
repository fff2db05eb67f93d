"""Record the account's objects: warehouses, roles, users, grants, integrations, secrets, policies and alerts."""

from __future__ import annotations

from local_stack.endpoint.features.objects.object_statements import Objects
from local_stack.endpoint.features.objects.tags import get_tag

__all__ = ["Objects", "get_tag"]
