"""Why a cell differs: the causes, in order of precedence. docs/reconciliation.md has each one's predicate."""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """What is behind a session's part of a difference, in order of precedence. The statements of recon.explain spell them."""

    TIER_DIFFERS = "tier_differs"
    SESSION_SPLIT_OR_MERGED = "session_split_or_merged"
    VALUE_DIFFERS = "value_differs"
    IDENTIFIER_FORM = "identifier_form"
    DUPLICATED_IN_SPEED = "duplicated_in_speed"
    REJECTED_BY_RULE = "rejected_by_rule"
    SET_ASIDE_IN_SPEED = "set_aside_in_speed"
    DAY_DIFFERS = "day_differs"
    NOT_YET_FLAGGED = "not_yet_flagged"
    NOT_YET_LOADED = "not_yet_loaded"
    NOT_YET_BUILT = "not_yet_built"
    EXTRA_IN_SPEED = "extra_in_speed"
    LATE_IN_SPEED = "late_in_speed"
    LOST_IN_SPEED = "lost_in_speed"
    UNEXPLAINED = "unexplained"
