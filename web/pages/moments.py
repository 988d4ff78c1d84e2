"""Times as people say them. The same words stand in static/js/time.js, which keeps them current."""

from __future__ import annotations

from datetime import UTC, datetime

_STEPS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def parsed(moment: datetime | str) -> datetime:
    """An aware time from ISO 8601 text, as Postgres writes it into JSON."""
    return datetime.fromisoformat(moment) if isinstance(moment, str) else moment


def written(moment: datetime | str | None) -> str:
    """For a person, in UTC: 2026-03-01 12:00:05 UTC."""
    return "" if moment is None else f"{parsed(moment).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def ago(moment: datetime | str | None, now: datetime | None = None) -> str:
    """How long ago: 12 s ago, 3 min ago, 5 h ago, 2 d ago; in 3 min for a time to come."""
    if moment is None:
        return "never"
    seconds = round(((now or datetime.now(UTC)) - parsed(moment)).total_seconds())
    if abs(seconds) < 2:
        return "now"
    words = span(abs(seconds))
    return f"{words} ago" if seconds > 0 else f"in {words}"


def span(seconds: float) -> str:
    """A length of time in its largest unit: 45 s, 3 min, 5 h, 2 d."""
    for size, unit in _STEPS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "0 s"
