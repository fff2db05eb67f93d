"""Stages: where files are, LIST/PUT/GET/REMOVE, file formats, COPY INTO in both directions, queries over files."""

from local_stack.endpoint.features.stages.location import resolve_stage_path

__all__ = ["resolve_stage_path"]
