"""Hold tasks: graphs, schedules, runs and their history."""

from __future__ import annotations

from local_stack.endpoint.features.tasks.task_statements import Tasks

__all__ = ["Tasks"]
