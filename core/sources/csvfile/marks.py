"""Is `1,234` a thousand or one and a bit? Which mark is the decimal one, shown by the file itself or else not guessed.

A number *proves* its decimal mark when it can be read in one way only: `1,234.5`, `1,234,567`, `12.34` and `0.123`
prove the point, `1.234,5`, `1.234.567`, `12,34` and `0,123` the comma. `1,234` and `1.234` prove nothing. The rule, by
column:

1. what all proofs among the column's values at the file's beginning say; where they differ, nothing is assumed;
2. without a proof in the column, what all proofs in the file's other figures say;
3. without any, `1.234` is read as programs write it, but not in a file with `;` between its fields (where people write
   `1,234` for it), and `1,234` isn't read.

A number that proves another mark than its column's is rejected, as is one that proves nothing where nothing is assumed.
Blanks and apostrophes between groups (`1 234`, `1'234`) are always thousands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum


class Mark(Enum):
    POINT = "."
    COMMA = ","
    PLAIN = "none shown; 1.234 is read as a decimal"
    NONE = "none shown"


_OTHER = {".": ",", ",": "."}
_PARTED = re.compile(r"[0-9]{1,3}(?:[ '’\u00a0\u2009\u202f][0-9]{3})+(?![0-9])")
_PARTS = re.compile(r"[ '’\u00a0\u2009\u202f]")
_GROUPED = {  # by thousands, or by thousands and then hundreds as in India (12,34,567)
    mark: re.compile(rf"[0-9]{{1,3}}(?:[{mark}][0-9]{{3}})+|[0-9]{{1,2}}(?:[{mark}][0-9]{{2}})+[{mark}][0-9]{{3}}")
    for mark in ".,"
}
_DIGITS = re.compile(r"[0-9]*")


def proof(number: str, has_exponent: bool = False) -> str:
    """The mark (`.` or `,`) that an unsigned number proves to be the decimal one; "" when it proves none.

    With an exponent behind it `1.234` is proof too: nobody groups thousands there. Raises ValueError for no number.
    """
    number = join_parts(number)
    points, commas = number.count("."), number.count(",")
    if not points and not commas:
        _must(number.isascii() and number.isdigit())
        return ""
    last = "." if number.rfind(".") > number.rfind(",") else ","
    whole, _, rest = number.rpartition(last)
    if points and commas:
        _must(bool(_GROUPED[_OTHER[last]].fullmatch(whole) and _DIGITS.fullmatch(rest)))
        return last
    if points + commas > 1:
        _must(bool(_GROUPED[last].fullmatch(number)))
        return _OTHER[last]
    _must(bool(whole + rest and _DIGITS.fullmatch(whole) and _DIGITS.fullmatch(rest)))
    may_be_thousands = len(rest) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0"
    return "" if may_be_thousands and not has_exponent else last


def plain(number: str, mark: Mark, has_exponent: bool = False) -> str:
    """The unsigned number as programs write it: digits and at most one point. Raises ValueError with the reason."""
    proved = proof(number, has_exponent)
    number = join_parts(number)
    if not proved:
        if "." not in number and "," not in number:
            return number
        if mark is Mark.NONE or (mark is Mark.PLAIN and "," in number):
            raise ValueError(f"is ambiguous: nothing shows whether {number!r} has thousands or decimals")
        proved = "." if mark is Mark.PLAIN else mark.value
    elif mark in (Mark.POINT, Mark.COMMA) and mark.value != proved:
        raise ValueError(f"has {proved!r} for its decimal mark, unlike the rest of the column: {number!r}")
    return number.replace(_OTHER[proved], "").replace(proved, ".")


def mark_of(proofs: Iterable[str], in_file: Iterable[str], delimiter: str) -> Mark:
    """The mark of a column by the rule above, from the proofs in it and in all figures of the file."""
    for seen in (set(proofs) - {""}, set(in_file) - {""}):
        if len(seen) == 1:
            return Mark(seen.pop())
        if seen:
            return Mark.NONE
    return Mark.NONE if delimiter == ";" else Mark.PLAIN


def join_parts(number: str) -> str:
    """`1 234 567,8` without its blanks, if they part groups of three; else as it is."""
    parted = _PARTED.match(number)
    return _PARTS.sub("", parted.group()) + number[parted.end() :] if parted else number


def _must(true: bool) -> None:
    if not true:
        raise ValueError("is not a number")
