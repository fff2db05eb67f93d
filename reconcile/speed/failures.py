"""What ClickHouse's refusals mean to us, and which of them pass by themselves. Pure."""

from __future__ import annotations

from reconcile.errors import SpeedLayerError, SpeedLayerUnreachable, SpeedTableError

UNKNOWN_TABLE = 60
UNKNOWN_DATABASE = 81
_DENIED = (192, 193, 194, 497, 516)  # unknown user, wrong or missing password, access denied, authentication failed
# timeouts, too many queries at once, network, memory, a lost replica or keeper, shutting down
_PASSING = (159, 202, 209, 210, 236, 241, 242, 279, 319, 394, 425, 439, 999)
_PASSING_STATUS = (408, 425, 429, 500, 502, 503, 504)


def failure(where: str, code: int | None, status: int | None, reason: str) -> SpeedLayerError:
    """The error for a query that ClickHouse, or something before it, refused.

    where: the URL without its secrets. code: ClickHouse's error code. status: that of HTTP. None where there was none.
    """
    if code == UNKNOWN_TABLE:
        return SpeedTableError(f"the speed layer at {where} has no such table: {reason}", code=code)
    if code == UNKNOWN_DATABASE:
        return SpeedLayerUnreachable(f"the speed layer at {where} has no such database: {reason}")
    if code in _DENIED or status in (401, 403):  # a proxy's refusal carries no code of ClickHouse
        return SpeedLayerUnreachable(f"the speed layer at {where} denies access: {reason}")
    if code is None:
        passes = status is None or status in _PASSING_STATUS
        return SpeedLayerUnreachable(f"cannot reach the speed layer at {where}: {reason}", passes=passes)
    return SpeedTableError(f"the speed layer at {where} refused the query: {reason}", passes=code in _PASSING)
