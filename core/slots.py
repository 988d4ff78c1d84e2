"""When a schedule's next slot begins: intervals are counted from 1970, cron expressions are in UTC. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from core.errors import ProjectError

SHORTEST_SECONDS = 10
LONGEST_SECONDS = 366 * 86_400
_LONGEST_CRON = 200
_UNITS: Mapping[str, int] = {"d": 86_400, "h": 3600, "m": 60, "s": 1}

# The fields of an expression in their order, and what may stand in them.
_FIELDS: Mapping[str, str] = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31, or L for the last",
    "month": "1 to 12, or JAN to DEC",
    "day-of-week": "0 to 7, or SUN to SAT; 5#2 is the second Friday, 5L the last",
}


class BadSchedule(ProjectError):
    """No slots can be told from that."""


@dataclass(frozen=True, slots=True)
class Slots:
    """Every so many seconds, or as a cron expression says: one of the two."""

    every: float | None = None
    cron: str | None = None

    def after(self, moment: datetime) -> datetime:
        """The first slot that begins later than an aware moment, in UTC."""
        if self.every is not None:
            return datetime.fromtimestamp((self.number(moment) + 1) * self.every, UTC)
        assert self.cron is not None  # noqa: S101
        return next(CronSim(self.cron, moment.astimezone(UTC)))

    def number(self, moment: datetime) -> int:
        """Which slot of an interval a moment belongs to."""
        assert self.every is not None  # noqa: S101
        return math.floor(moment.timestamp() / self.every)


def interval_of(text: str) -> float:
    """Seconds, of `90s`, `5m`, `2h` or `1d`. Raises BadSchedule."""
    match = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if not match:
        raise BadSchedule("must be a whole number and a unit, such as 30s, 5m, 2h or 1d")
    return checked_interval(float(int(match[1]) * _UNITS[match[2]]))


def checked_interval(seconds: float) -> float:
    """The same, if slots may be so long. Raises BadSchedule."""
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise BadSchedule(f"must be from {SHORTEST_SECONDS}s to {LONGEST_SECONDS // 86_400}d")
    return seconds


def interval_text(seconds: float) -> str:
    """The same in its largest unit that fits: 5m, 90s, 0.5s."""
    unit, size = next((pair for pair in _UNITS.items() if seconds % pair[1] == 0), ("s", 1))
    return f"{seconds / size:g}{unit}" if seconds < size * 1e6 else f"{seconds / size:.0f}{unit}"


def checked_cron(text: str, now: datetime) -> str:
    """The expression with single spaces. Raises BadSchedule with what is wrong in it, and where."""
    fields = text.split()
    if len(fields) != len(_FIELDS) or len(text) > _LONGEST_CRON:
        names = ", ".join(_FIELDS)
        raise BadSchedule(f"must have {len(_FIELDS)} fields ({names}), such as 30 6 * * MON-FRI; it has {len(fields)}")
    expression = " ".join(fields)
    try:
        next(CronSim(expression, now.astimezone(UTC)))
    except CronSimError as error:
        raise BadSchedule(_said(str(error), fields)) from None
    except (StopIteration, OverflowError):
        raise BadSchedule(f"{expression} never comes: no month has such a day") from None
    return expression


def _said(error: str, fields: list[str]) -> str:
    name = error.removeprefix("Bad ")
    if name not in _FIELDS:
        return "can't be read as a cron expression"
    wrong = fields[list(_FIELDS).index(name)]
    if name == "day-of-month" and _is_day(wrong):
        return f"day-of-month {wrong} never comes in month {fields[3]}"
    return f"{name} can't be {wrong}: a number from {_FIELDS[name]}; *, a-b, */n, a-b/n, or several of them with commas"


def _is_day(text: str) -> bool:
    try:
        CronSim(f"0 0 {text} * *", datetime.fromtimestamp(0, UTC))
    except CronSimError:
        return False
    return True
