"""This machine, with less on it."""

from __future__ import annotations

import os
from pathlib import Path


def without(folder: Path, *programs: str) -> str:
    """A PATH (one folder of links, made here) with every program of this machine's except those named."""
    folder.mkdir()
    for place in map(Path, os.environ["PATH"].split(os.pathsep)):
        for program in place.glob("*") if place.is_absolute() else ():
            link = folder / program.name
            if program.name not in programs and not link.is_symlink():
                link.symlink_to(program)
    return str(folder)
