"""Reading CSV text in tests as the program does: survey, cut, store the metas as JSON, parse piece by piece."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence

from core.models import JsonObject, Page, Parsed, Quote
from core.settings import Settings
from core.sources.csv import CSV
from core.sources.source import Ask

HEADER = "symbol,name,price,market_cap,volume_24h,price_change_24h"


def table(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows, ""])


def pages(
    file: str | bytes, columns: Mapping[str, str] | None = None, cursor: JsonObject | None = None
) -> Sequence[Page]:
    body = file.encode() if isinstance(file, str) else file
    ask = Ask(Settings.from_env({}), open_file=lambda: io.BytesIO(body), columns=columns or {})
    return list(CSV.pages(ask, cursor or {}))


def read(file: str | bytes, columns: Mapping[str, str] | None = None) -> Parsed:
    """All pieces of an uploaded file, as one."""
    return joined([CSV.parse(page.body, json.loads(json.dumps(page.meta))) for page in pages(file, columns)])


def joined(parts: Sequence[Parsed]) -> Parsed:
    return Parsed(
        [quote for part in parts for quote in part.quotes],
        [rejection for part in parts for rejection in part.rejections],
        parts[0].notes,
    )


def only(file: str | bytes, columns: Mapping[str, str] | None = None) -> Quote:
    """The one quote of a file that has no other row."""
    parsed = read(file, columns)
    assert not parsed.rejections, parsed.rejections
    (quote,) = parsed.quotes
    return quote


def reasons(parsed: Parsed) -> list[tuple[int, str]]:
    return [(rejection.row, rejection.reason) for rejection in parsed.rejections]
