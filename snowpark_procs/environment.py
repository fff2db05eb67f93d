"""What a procedure makes sure of before it writes: whose landing this is, and that it reads addresses unmasked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snowpark_procs.errors import EnvironmentMismatchError, MaskedError
from snowpark_procs.statements import run

if TYPE_CHECKING:
    from snowflake.snowpark import Session

_PROBE = "192.0.2.1"  # as V1.18.0__environment.sql wrote it


def require_own_landing(session: Session) -> None:
    """Raise EnvironmentMismatchError in a clone of an environment, whose stage still is that environment's landing.

    A procedure with owner's rights has its own database as the current one.
    """
    for database, landing in run(session, "other_environment"):
        raise EnvironmentMismatchError(
            f"This database is a clone of {database}, and its stage still is the landing of that: {landing}. "
            "Deploy it with a landing_url of its own (docs/warehouse.md); nothing was loaded or written"
        )


def require_unmasked(session: Session) -> None:
    """Raise MaskedError where the owner of the procedure reads addresses masked: it would write the mask into STAGING."""
    found = run(session, "address_probe")[0][0]
    if found != _PROBE:
        raise MaskedError(
            f"The owner of this procedure reads IP addresses as '{found}': it lacks the role PII_READ of the environment "
            "(R__05_roles.sql grants it to the role that deploys); nothing was changed"
        )
