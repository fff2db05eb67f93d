"""Read schedules ('n MINUTE', 'USING CRON minute hour day month weekday zone') and run the clock behind them."""

from __future__ import annotations

import datetime as dt
import logging
import re
import threading
import zoneinfo
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from croniter import croniter

from local_stack.endpoint.statements import SqlError

log = logging.getLogger("local_stack.endpoint.schedule")
_LONGEST_SLEEP = 30.0
_INTERVAL = re.compile(r"(\d+)\s+(SECONDS?|S|MINUTES?|MINS?|M|HOURS?|H)", re.IGNORECASE)
_CRON = re.compile(r"USING\s+CRON\s+((?:\S+\s+){5})(\S+)", re.IGNORECASE)
_UNIT_SECONDS = {"S": 1, "M": 60, "H": 3600}
_LONGEST_MINUTES = 11520


@dataclass(frozen=True)
class Schedule:
    """Hold interval_seconds, or a cron expression in its zone."""

    interval_seconds: int | None = None
    cron: str = ""
    zone: str = "UTC"

    def next_after(self, moment: dt.datetime) -> dt.datetime:
        """Return the first time strictly after a UTC moment at which it fires, in UTC."""
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


class DueTimes:
    """Know when each of several things is due next. The key of a thing changes when its schedule starts anew."""

    def __init__(self) -> None:
        self._due: dict[Hashable, dt.datetime] = {}

    def take(self, schedules: Mapping[Hashable, str], now: dt.datetime) -> dict[Hashable, dt.datetime]:
        """Return what is due at a moment, with the time it was due at; the others keep their times."""
        taken: dict[Hashable, dt.datetime] = {}
        due: dict[Hashable, dt.datetime] = {}
        for key, text in schedules.items():
            schedule = check_schedule(text)
            moment = self._due.get(key) or schedule.next_after(now)
            if moment <= now:
                taken[key] = moment
                moment = schedule.next_after(now)
            due[key] = moment
        self._due = due
        return taken

    def pause(self, now: dt.datetime) -> float:
        """Return the seconds until the next thing is due."""
        if not self._due:
            return _LONGEST_SLEEP
        return max(0.05, min(_LONGEST_SLEEP, (min(self._due.values()) - now).total_seconds()))


class Clock:
    """Run a thread that calls `fire`, sleeps as many seconds as that returns or until it is woken, and so on."""

    def __init__(self, name: str, fire: Callable[[dt.datetime], float]) -> None:
        self._fire = fire
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        self._thread.join(5)

    def wake(self) -> None:
        """Look again now: something was added, changed or resumed."""
        self._wake.set()

    def _loop(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                pause = self._fire(dt.datetime.now(dt.UTC))
            except Exception:
                log.exception("%s failed; it goes on", self._thread.name)
                pause = _LONGEST_SLEEP
            self._wake.wait(pause)
