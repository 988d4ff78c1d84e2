"""Figures and times as sources write them, made exact: a Decimal or an aware datetime, and never a float.

A value is one of three things: a figure, unknown (None), or no figure at all (ValueError with the reason,
worded to follow the field's name: `price is not a number: 'abc'`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

MOST_DIGITS = 80  # a token with 18 decimals and a supply of 1e30 needs 48
FARTHEST_EXPONENT = 60  # no price or cap of anything is below 1e-60 or above 1e60
_LONGEST_TEXT = 200  # 80 digits, 60 leading zeros, a sign, a point and an exponent fit

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?) ?(Z|z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_EARLIEST = datetime(2009, 1, 3, tzinfo=UTC)  # Bitcoin's first block: before it there was nothing to quote
_LATEST_AHEAD = timedelta(days=1)
_LARGEST_RANK = 2**31 - 1


def decimal_of(value: object) -> Decimal | None:
    """The figure that a JSON value or a plain text stands for, digit for digit.

    None for None (JSON's null) and for blank text. Text is a plain number: sign, ASCII digits, one point, an exponent;
    no thousands separators, no currency signs. Raises ValueError with a reason for what is no figure: true and false,
    lists and objects, other text, NaN and infinity, more than 80 significant digits, a magnitude beyond 1e60 or under
    1e-60. A float is refused too: whoever has one has already lost digits.
    """
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        return _sane(_read(text), text) if text else None
    if isinstance(value, Decimal):
        return _sane(value, value)
    if isinstance(value, int) and not isinstance(value, bool):
        if value.bit_length() > 4 * FARTHEST_EXPONENT:  # judged before Python spells it out, which takes long
            raise ValueError("is out of range: a whole number of absurd length")
        return _sane(Decimal(value), value)
    raise ValueError(f"is not a number but a {type(value).__name__}")


def rank_of(value: object) -> int | None:
    """A place in a list, from 1; None where it is unknown (null, 0) or makes no sense (negative, 1.5, over 2^31).

    Raises ValueError like `decimal_of` for what is no figure.
    """
    figure = decimal_of(value)
    if figure is None or figure < 1 or figure > _LARGEST_RANK or figure != int(figure):
        return None
    return int(figure)


def moment_of(value: object, now: datetime) -> datetime | None:
    """The UTC time that an ISO 8601 text names, with or without a time of day, a fraction and a zone (none: UTC).

    None when there is no time, or none that can be: no text, no such day, before Bitcoin's first block, or more than
    a day after `now` (aware). A coin is worth keeping without its time, so this never raises; the quote then counts
    as observed when it was fetched.
    """
    match = _MOMENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    day, clock, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{(zone or 'Z').upper()}").astimezone(UTC)
        return moment if _EARLIEST <= moment <= now + _LATEST_AHEAD else None
    except (ValueError, OverflowError):
        return None


def _read(text: str) -> Decimal:
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"is too long for a number: {len(text)} characters")
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"is not a number: {text[:40]!r}")
    return Decimal(text)


def _sane(figure: Decimal, seen: object) -> Decimal:
    if not figure.is_finite():
        raise ValueError("is not a finite number")
    if abs(figure.adjusted()) > FARTHEST_EXPONENT:
        raise ValueError(f"is out of range: {str(seen)[:40]}")
    if len(str(figure)) > MOST_DIGITS and len(figure.as_tuple().digits) > MOST_DIGITS:  # the first is far faster
        raise ValueError(f"has more than {MOST_DIGITS} digits")
    return figure
