"""Read ON_ERROR, which says how many wrong records of a file COPY accepts.

Source: https://docs.snowflake.com/en/sql-reference/sql/copy-into-table (copyOptions).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from local_stack.endpoint.errors import compilation_error

_SKIP = re.compile(r"SKIP_FILE(?:_(\d+)(%)?)?")


@dataclass(frozen=True)
class OnError:
    """Hold the value of ON_ERROR.

    `action` is ABORT_STATEMENT, CONTINUE or SKIP_FILE. `number` is the number of errors, or their percentage, at which
    SKIP_FILE skips a file.
    """

    action: str
    number: int = 1
    percent: bool = False

    @property
    def lenient(self) -> bool:
        return self.action != "ABORT_STATEMENT"

    def limit(self, parsed: int) -> int:
        """Return the error_limit that COPY reports for a file with this number of records."""
        if self.action == "CONTINUE":
            return max(1, parsed)
        return max(1, self.number * parsed // 100) if self.percent else self.number

    def skips(self, errors: int, parsed: int) -> bool:
        """Return whether a file with this number of wrong records is left out."""
        return self.action == "SKIP_FILE" and errors >= self.limit(parsed)


def on_error(text: str) -> OnError:
    """Read the option's value. Raises SqlError for a value that is not valid."""
    value = text.upper()
    if value in ("ABORT_STATEMENT", "CONTINUE"):
        return OnError(value)
    match = _SKIP.fullmatch(value)
    if match is None or (match[2] and int(match[1]) > 100):
        raise compilation_error(f"invalid value [{text}] for parameter 'ON_ERROR'", 1008, "22023")
    return OnError("SKIP_FILE", int(match[1] or 1), bool(match[2]))
