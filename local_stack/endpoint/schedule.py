"""Schedules of tasks and alerts: 'n MINUTE' and 'USING CRON minute hour day month weekday zone'."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from dataclasses import dataclass

from croniter import croniter

from local_stack.endpoint.statements import SqlError

_INTERVAL = re.compile(r"(\d+)\s+(SECONDS?|S|MINUTES?|MINS?|M|HOURS?|H)", re.IGNORECASE)
_CRON = re.compile(r"USING\s+CRON\s+((?:\S+\s+){5})(\S+)", re.IGNORECASE)
_UNIT_SECONDS = {"S": 1, "M": 60, "H": 3600}
_LONGEST_MINUTES = 11520


@dataclass(frozen=True)
class Schedule:
    """interval_seconds, or a cron expression in its zone."""

    interval_seconds: int | None = None
    cron: str = ""
    zone: str = "UTC"

    def next_after(self, moment: dt.datetime) -> dt.datetime:
        """The first time strictly after a UTC moment at which it fires, in UTC."""
        if self.interval_seconds is not None:
            return moment + dt.timedelta(seconds=self.interval_seconds)
        local = moment.astimezone(zoneinfo.ZoneInfo(self.zone))
        found: dt.datetime = croniter(self.cron, local).get_next(dt.datetime)
        return found.astimezone(dt.UTC)


def check_schedule(text: str, seconds: bool = True) -> Schedule:
    """Parse a schedule. seconds: whether the unit may be below a minute. Raises SqlError 001008."""
    if match := _INTERVAL.fullmatch(text.strip()):
        count, unit = int(match[1]), match[2][0].upper()
        total = count * _UNIT_SECONDS[unit]
        if not (10 if seconds and unit == "S" else 60) <= total <= _LONGEST_MINUTES * 60:
            raise _invalid(text, "the interval is out of range (10 seconds to 8 days)")
        if unit == "S" and not seconds:
            raise _invalid(text, "the shortest unit is MINUTE")
        return Schedule(total)
    if match := _CRON.fullmatch(text.strip()):
        cron, zone = " ".join(match[1].split()), match[2]
        try:
            zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            raise _invalid(text, f"unknown time zone {zone}") from None
        if not croniter.is_valid(cron):
            raise _invalid(text, "no valid cron expression")
        return Schedule(cron=cron, zone=zone)
    raise _invalid(text, "expected '<n> MINUTE' or 'USING CRON <expression> <time zone>'")


def _invalid(text: str, why: str) -> SqlError:
    return SqlError(
        f"SQL compilation error:\ninvalid value [{text}] for parameter 'SCHEDULE': {why}.", errno=1008, sqlstate="22023"
    )
