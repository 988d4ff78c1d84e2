"""Times as files write them, made aware UTC moments.

Read are: ISO 8601 with or without zone (none: UTC), `2021/07/02`, `YYYYMMDD[HHMM[SS]]`, seconds, milliseconds,
microseconds and nanoseconds since 1970, and `2.7.2021` or `7/2/2021` with or without a clock, in the order of day and
month that the file shows.

Unlike an API's, a file's row with a time that can't be read is rejected: its price is of some other day, and kept
without its time it would pass for the newest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from core.figures import moment_of

DAY_FIRST, MONTH_FIRST, NO_ORDER = "day first", "month first", ""

_ZERO = re.compile(r"0(?:\.0*)?")
_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?Z?)?", re.ASCII)
_EPOCH = re.compile(r"(\d{10})(?:\.(\d{1,9}))?|(\d{13}|\d{16}|\d{19})(?:\.0*)?", re.ASCII)
_SLASHED = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?:,?[T ]+(.+))?", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(:\d\d(?:\.\d{1,9})?)?(?: ?([ap])\.?m\.?)?", re.ASCII | re.I)
_ZONE_NAME = re.compile(r" ?\(?(?:utc|gmt)\)?$", re.I)
_START = datetime(1970, 1, 1, tzinfo=UTC)


def moment(text: str, order: str, now: datetime) -> datetime | None:
    """The time in a cell, None when blank or 0. Raises ValueError with a reason that follows the field's name.

    `order` says how `1/2/2021` is meant; `now` is when the file was read: nothing was observed over a day after that.
    """
    text = text.strip()
    if not text or text.lower() in ("-", "--", "?", "n/a", "nan", "nat", "null", "none") or _ZERO.fullmatch(text):
        return None
    found = moment_of(_as_iso(text, order), now)
    if found is None:
        raise ValueError(f"is not a time that is read here, or none that can be: {text[:40]!r}")
    return found


def order_of(texts: Iterable[str]) -> str:
    """Whether `2/7/2021` begins with day or month, shown by a number over 12; NO_ORDER when nothing shows it."""
    shown = set()
    for text in texts:
        if match := _SLASHED.fullmatch(text.strip()):
            if int(match[1]) > 12 or match[2] == ".":  # with points it is always the day
                shown.add(DAY_FIRST)
            elif int(match[3]) > 12:
                shown.add(MONTH_FIRST)
    return shown.pop() if len(shown) == 1 else NO_ORDER


def _as_iso(text: str, order: str) -> str:
    if match := _EPOCH.fullmatch(text):
        return _from_epoch(match)
    if match := _STAMP.fullmatch(text):
        year, month, day, hour, minute, second = match.groups()
        return f"{year}-{month}-{day}T{hour or '00'}:{minute or '00'}:{second or '00'}Z"
    text = _ZONE_NAME.sub("Z", text) if _ZONE_NAME.search(text) else text
    if re.match(r"\d{4}/\d\d/\d\d", text, re.ASCII):
        return text.replace("/", "-", 2)
    if match := _SLASHED.fullmatch(text.removesuffix("Z")):
        return _from_slashed(match, order)
    return text


def _from_epoch(match: re.Match[str]) -> str:
    seconds, fraction, small_units = match.groups()
    if small_units:
        seconds, fraction = small_units[:10], small_units[10:]
    microseconds = int((fraction or "0")[:6].ljust(6, "0"))
    return (_START + timedelta(seconds=int(seconds), microseconds=microseconds)).isoformat()


def _from_slashed(match: re.Match[str], order: str) -> str:
    first, mark, second, year, clock = match.groups()
    if mark == ".":
        order = DAY_FIRST
    if order == NO_ORDER and first != second:
        raise ValueError(f"is ambiguous: nothing shows whether {match[0][:40]!r} has the day or the month first")
    day, month = (second, first) if order == MONTH_FIRST else (first, second)
    return f"{year}-{month:0>2}-{day:0>2}T{_from_clock(clock or '00:00')}Z"


def _from_clock(text: str) -> str:
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return text
    hour, minute, second, half = match.groups()
    if half:
        hour = str(int(hour) % 12 + (12 if half in "pP" else 0))
    return f"{hour:0>2}:{minute}{second or ''}"
