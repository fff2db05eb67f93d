"""Account objects: warehouses, roles, users, grants, integrations, secrets, policies, alerts. Recorded, not enforced."""

from __future__ import annotations

from local_stack.endpoint.features.objects.extension import Objects

__all__ = ["Objects"]
