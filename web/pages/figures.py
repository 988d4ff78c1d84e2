"""Figures made readable, from their digits alone: no float touches them. static/js/figures.js writes the same.

Every function takes a Decimal, an int, or digits as text, or None for unknown. Rounding is half up, as people round.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

Figure = Decimal | int | str | None

UNKNOWN = "—"
MINUS = "−"
_UP, _DOWN, _LEVEL = "up", "down", "level"
_UNITS = ((6, "M"), (9, "B"), (12, "T"))
_MILLION = 10**6
# From here on digits say less than their number.
_SCIENTIFIC = 18
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SHOWN_DIGITS = 4
# As many zeros behind the point are still told apart by eye.
_MOST_ZEROS = 3


def price(figure: Figure) -> str:
    """A price in dollars: $97,234.50, $0.01234, $0.0₈1223 (eight zeros behind the point, then 1223)."""
    number = _decimal(figure)
    if number is None:
        return UNKNOWN
    sign, number = _split(number)
    return f"{sign}${_small(number) if 0 < number < 1 else _large(number, places=2)}"


def amount(figure: Figure) -> str:
    """A cap or a volume in dollars: $1.93T, $35.1B, $987,654."""
    number = _decimal(figure)
    if number is None:
        return UNKNOWN
    sign, number = _split(number)
    return f"{sign}${_short(number)}"


def number(figure: Figure) -> str:
    """A count or a supply: 19.8M, 20,123, 0.5."""
    whole = _decimal(figure)
    if whole is None:
        return UNKNOWN
    sign, whole = _split(whole)
    return f"{sign}{_short(whole)}"


def percent(figure: Figure) -> str:
    """A change with its sign: +2.35%, −0.40%, 0.00%."""
    number = _decimal(figure)
    if number is None:
        return UNKNOWN
    rounded = _rounded(number, 2)
    sign, rounded = _split(rounded)
    return f"{sign or ('+' if rounded else '')}{_large(rounded, places=2)}%"


def trend(figure: Figure) -> str:
    """Which way it goes as far as `percent` shows: up, down or level."""
    number = _decimal(figure)
    rounded = _rounded(number, 2) if number is not None else None
    if not rounded:
        return _LEVEL
    return _UP if rounded > 0 else _DOWN


def exact(figure: Figure) -> str:
    """All its digits, as stored and without an exponent; empty when unknown."""
    number = _decimal(figure)
    return "" if number is None else format(number, "f")


def _decimal(figure: Figure) -> Decimal | None:
    return None if figure is None else Decimal(figure)


def _split(number: Decimal) -> tuple[str, Decimal]:
    return (MINUS if number < 0 else "", number.copy_abs())


def _small(number: Decimal) -> str:
    """Under 1: four digits that count, a long run of zeros told by its length."""
    places = _SHOWN_DIGITS - 1 - number.adjusted()
    digits = format(_rounded(number, places), "f")
    if digits.startswith("1"):
        return _large(_rounded(number, 2), places=2)
    behind = digits.partition(".")[2]
    zeros = len(behind) - len(behind.lstrip("0"))
    shown = behind[zeros:].rstrip("0")
    if zeros > _MOST_ZEROS:
        return f"0.0{str(zeros).translate(_SUBSCRIPTS)}{shown}"
    return "0." + ("0" * zeros + shown).ljust(2, "0")


def _short(number: Decimal) -> str:
    """Three digits and a unit from a million on; below, grouped digits."""
    if 0 < number < 1:
        return _small(number)
    whole = _rounded(number, 0)
    if whole < _MILLION:
        return _large(number, places=0 if number >= 1000 or number == whole else 2)
    if number.adjusted() >= _SCIENTIFIC:
        return _large(number, places=2)
    # Rounding may lift 999,999,999 into the next unit; the last one takes whatever is left.
    in_units = ((_rounded(_shifted(number, -power), 2), unit) for power, unit in _UNITS)
    shown, unit = next(each for each in in_units if each[0] < 1000 or each[1] == "T")
    return _large(shown, places=2) + unit


def _large(number: Decimal, places: int) -> str:
    if number and number.adjusted() >= _SCIENTIFIC:
        with localcontext(Context(prec=3, rounding=ROUND_HALF_UP)):
            return f"{+number:.2e}".replace("e+", "e")
    return f"{_rounded(number, places):,f}"


def _shifted(number: Decimal, power: int) -> Decimal:
    with localcontext(Context(prec=200)):
        return number.scaleb(power)


def _rounded(number: Decimal, places: int) -> Decimal:
    with localcontext(Context(prec=200, rounding=ROUND_HALF_UP)):
        return number.quantize(Decimal(1).scaleb(-places))
