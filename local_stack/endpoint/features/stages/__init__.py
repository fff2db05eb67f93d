"""Read and write staged files: LIST, PUT, GET and REMOVE, file formats, COPY INTO, and queries over files."""

from local_stack.endpoint.features.stages.location import resolve_stage_path

__all__ = ["resolve_stage_path"]
