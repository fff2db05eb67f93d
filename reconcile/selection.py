"""Which days a command is about: one set of options for all commands. Days are UTC."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from reconcile.errors import ConfigError

_MOST_DAYS = 3660  # as many as a comparison takes
_DATE = re.compile(r"\A\d{4}-\d{2}-\d{2}\Z", re.ASCII)


@dataclass(frozen=True)
class Selection:
    """Days named one by one, and a range whose bounds, both included, may be open. Neither: every day there is."""

    days: frozenset[date] = frozenset()
    first: date | None = None
    last: date | None = None

    @property
    def everything(self) -> bool:
        return not self.days and not self.has_range

    @property
    def has_range(self) -> bool:
        return self.first is not None or self.last is not None

    @property
    def bounds(self) -> tuple[date | None, date | None]:
        """The first and the last day that can be meant; None: no bound."""
        if self.everything:
            return None, None
        firsts = [*self.days, *([] if self.first is None else [self.first])]
        lasts = [*self.days, *([] if self.last is None else [self.last])]
        open_first, open_last = self.has_range and self.first is None, self.has_range and self.last is None
        return None if open_first else min(firsts), None if open_last else max(lasts)

    def __contains__(self, day: date) -> bool:
        if self.everything or day in self.days:
            return True
        after, before = self.first is None or day >= self.first, self.last is None or day <= self.last
        return self.has_range and after and before

    def asked(self, known: Iterable[date]) -> list[date]:
        """The days meant, in order: those named, each of a closed range, and the known ones that an open one takes in."""
        chosen = set(self.days) | {day for day in known if day in self}
        if self.first is not None and self.last is not None:
            chosen |= {self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)}
        return sorted(chosen)


def add_selection(parser: argparse.ArgumentParser, everything: str) -> None:
    """Add the options. everything: which days are meant when none is named."""
    group = parser.add_argument_group("days", f"UTC; without any: {everything}")
    group.add_argument("--date", dest="dates", metavar="YYYY-MM-DD", type=_date, action="append", default=[])
    group.add_argument("--from", dest="from_date", metavar="YYYY-MM-DD", type=_date, help="first day of a range")
    group.add_argument("--to", dest="to_date", metavar="YYYY-MM-DD", type=_date, help="last day of a range, included")
    group.add_argument("--last", metavar="N", type=_count, help="the last N days, today included")


def selection(options: argparse.Namespace) -> Selection:
    """What was chosen. Raises ConfigError for a range that cannot be, and for a day that is still to come."""
    first, last, today = options.from_date, options.to_date, datetime.now(UTC).date()
    if options.last is not None:
        if first is not None or last is not None:
            raise ConfigError("--last and --from or --to exclude each other")
        last = today
        first = last - timedelta(days=options.last - 1)
    if first is not None and last is not None and first > last:
        raise ConfigError(f"--from {first} is after --to {last}")
    if first is not None and last is not None and (last - first).days >= _MOST_DAYS:
        raise ConfigError(f"--from {first} to {last}: {(last - first).days + 1} days are more than {_MOST_DAYS}")
    for name, day in (*(("--date", each) for each in options.dates), ("--from", first), ("--to", last)):
        if day is not None and day > today:
            raise ConfigError(f"{name} {day} has not begun yet (UTC)")
    return Selection(frozenset(options.dates), first, last)


def _date(text: str) -> date:
    try:
        # fromisoformat alone would also take week dates and dates without hyphens
        if _DATE.match(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a date (YYYY-MM-DD)")


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) <= _MOST_DAYS:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of days (1 to {_MOST_DAYS})")
