"""Rows of a JSON list made quotes, each for itself: a bad row is a rejection and costs no other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeAlias

from core import exact_json
from core.errors import GiveUp, Retry
from core.figures import decimal_of, rank_of
from core.http import Answer
from core.models import JsonObject, Parsed, Quote, Rejection
from core.plausibility import flags
from core.refusals import said

LONGEST_TEXT = 300  # characters of an id, symbol or name (100 is the longest seen): they become keys of an index
_LONGEST_RAW = 2000  # characters of a rejected row that are kept

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Row: TypeAlias = Mapping[str, object]


def market_of(source: str, answer: Answer, secrets: Mapping[str, str]) -> list[object]:
    """The rows of an answer just fetched. Raises Retry, with what the provider says, when it isn't a list of objects.

    One object among the rows is enough: the others are rejected one by one when they are parsed.
    """
    rows = answer.value
    if isinstance(rows, list) and (not rows or any(isinstance(row, dict) for row in rows)):
        return rows
    message = said(answer.body, secrets.values())
    raise Retry(f"{source} answered with JSON that isn't a list of coins" + (f": {message}" if message else ""))


def rows_of(source: str, body: bytes) -> list[object]:
    """The list that a page's body holds. Raises GiveUp when it isn't one."""
    try:
        value = exact_json.read(body)
    except ValueError as error:
        raise GiveUp(f"A page of {source} can't be read: {error}") from None
    if not isinstance(value, list):
        raise GiveUp(f"A page of {source} isn't a list of quotes")
    return value


def parse_rows(rows: Iterable[tuple[int, object]], quote_of: Callable[[Row], Quote]) -> Parsed:
    """Each row, given with its place in the page, as a flagged Quote, or a Rejection where `quote_of` raises."""
    quotes: list[Quote] = []
    rejections: list[Rejection] = []
    for place, row in rows:
        try:
            if not isinstance(row, Mapping):
                raise ValueError("the row is not an object")
            quote = quote_of(row)
            found = flags(quote)
            quotes.append(replace(quote, flags=found) if found else quote)
        except ValueError as error:
            rejections.append(Rejection(place, str(error), _raw(row)))
    return Parsed(quotes, rejections)


def id_of(row: Row) -> str:
    """The row's `id`; raises ValueError when there is none, for without it nothing can be kept."""
    source_id = text_of(row, "id")
    if not source_id:
        raise ValueError("id is missing")
    return source_id


def symbol_and_name_of(row: Row) -> tuple[str, str]:
    """As spelled by the source; one of the two may be missing (""). Raises ValueError when both are, or aren't text."""
    symbol, name = text_of(row, "symbol"), text_of(row, "name")
    if not symbol and not name:
        raise ValueError("symbol and name are both missing")
    return symbol, name


def text_of(row: Row, field: str) -> str:
    """A field's text without the blanks around it, "" for null and for no such field. Raises ValueError with a reason.

    NUL and lone surrogates are refused: no text column can hold them.
    """
    value = row.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{field} is not text")
    text = value.strip()
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"{field} is longer than {LONGEST_TEXT} characters")
    if _UNSTORABLE.search(text):
        raise ValueError(f"{field} holds a character that can't be stored")
    return text


def figure_of(row: Row, field: str) -> Decimal | None:
    """A field's exact figure, None where null or absent. Raises ValueError naming the field."""
    try:
        return decimal_of(row.get(field))
    except ValueError as error:
        raise ValueError(f"{field} {error}") from None


def rank_in(row: Row, field: str) -> int | None:
    """A field's place in the ranking, None where unknown. Raises ValueError naming the field when it is no figure."""
    try:
        return rank_of(row.get(field))
    except ValueError as error:
        raise ValueError(f"{field} {error}") from None


def fetched_at(meta: JsonObject) -> datetime:
    """When the page was fetched, by its `meta` (now, if it doesn't say): a page read again later must read the same."""
    text = meta.get("fetched_at")
    return datetime.fromisoformat(text) if isinstance(text, str) else datetime.now(UTC)


def _raw(row: object) -> str:
    """The row as JSON, its numbers quoted to keep their digits, cut, and fit for a text column."""
    try:
        text = json.dumps(row, ensure_ascii=False, default=str)[:_LONGEST_RAW]
    except RecursionError:
        text = "(nested too deep to be shown)"
    return text.encode("utf-8", "backslashreplace").decode()
