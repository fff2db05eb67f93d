"""Which code a procedure runs."""

from __future__ import annotations

import pkgutil


def code_version() -> str | None:
    """Return the hash of the code that a procedure carries (bundle.jinja), by which two deployments can be told apart.

    None outside of a procedure.
    """
    try:
        text = pkgutil.get_data("snowpark_procs", "code_version.txt")
    except OSError:
        return None
    return None if text is None else text.decode("ascii")
