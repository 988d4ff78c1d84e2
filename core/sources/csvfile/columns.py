"""Which column of a file is taken for which field: by the client's word, else by its name and by what it holds.

A column whose name fits is passed over when at least three of its values aren't blank and none of them can be read as
what the name promises, or when another one that fits has values while this one has none. Only rows that name a coin
count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from functools import partial

from core.sources.csvfile.cells import Sort, take_apart
from core.sources.csvfile.headers import ALIASES, FIELDS, candidates, changes_in_dollars, squash, trade_words
from core.sources.csvfile.marks import Mark, mark_of, proof
from core.sources.csvfile.refused import Refused
from core.sources.csvfile.times import DAY_FIRST, MONTH_FIRST, moment, order_of

SORTS = {
    "price": Sort.MONEY,
    "market_cap": Sort.MONEY,
    "volume_24h": Sort.MONEY,
    "price_change_24h": Sort.PERCENT,
    "high_24h": Sort.MONEY,
    "low_24h": Sort.MONEY,
    "circulating_supply": Sort.SUPPLY,
    "total_supply": Sort.SUPPLY,
    "max_supply": Sort.SUPPLY,
    "rank": Sort.COUNT,
}
_RIGHT = "quotes are rows with a symbol or a name and a price, under a header line that names these columns"
_TELL = 'columns={"price": "…"} says which column it is'
_SPEAKS_OF_TRADES = 3
_ENOUGH_TO_JUDGE = 3
_TICKER = re.compile(r"[A-Z0-9$@.*+-]{1,12}")
_PAIR = re.compile(r"\S+[-/_](?:USD|USDT|USDC|BUSD|EUR|GBP|JPY|KRW|BTC|ETH)", re.I)
_LATE = datetime(2200, 1, 1, tzinfo=UTC)


class _Verdict(Enum):
    GOOD = 0
    BLANK = 1
    BAD = 2


@dataclass
class Choice:
    """The outcome: `columns` and `marks` as in a Layout; `passed_over` says of a header why its column isn't used."""

    columns: dict[str, int]
    marks: dict[str, Mark] = field(default_factory=dict)
    passed_over: dict[str, str] = field(default_factory=dict)
    date_order: str = ""
    pairs: bool = False


class Chooser:
    """Chooses by the header's `names` and the `rows` of the file's beginning, all as wide as the header."""

    def __init__(self, names: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str) -> None:
        self._names = names
        self._squashed = [squash(name) for name in names]
        self._rows = rows
        self._delimiter = delimiter

    def choose(self, overrules: Mapping[str, str]) -> Choice:
        """Raises Refused when these are no quotes, or when `overrules` names a field or a column that there isn't."""
        columns = self._overruled(overrules)
        settled = {ALIASES.get(name, name) for name in overrules}
        choice = Choice(columns)
        self._refuse_trades(settled)
        for name in ("symbol", "name"):
            if name not in settled:
                self._take(choice, name, bool)
        self._ticker_in_name(choice, settled)
        self._refuse_nameless(choice)
        self._rows = [
            row for row in self._rows if any(row[columns[k]].strip() for k in ("symbol", "name") if k in columns)
        ]
        for name, sort in SORTS.items():
            if name not in settled:
                self._take(choice, name, partial(_is_figure, sort=sort))
        self._refuse_priceless(choice)
        if "observed_at" not in settled:
            self._take(choice, "observed_at", _is_time)
        self._learn(choice)
        choice.columns = {name: columns[name] for name in FIELDS if name in columns}
        for place in changes_in_dollars(self._squashed) - set(columns.values()):
            choice.passed_over[self._names[place]] = "holds dollars, not percent, in CoinGecko's files"
        return choice

    def _texts(self, place: int) -> list[str]:
        return [row[place] for row in self._rows]

    def _overruled(self, overrules: Mapping[str, str]) -> dict[str, int]:
        columns = {}
        for asked, header in overrules.items():
            name = ALIASES.get(asked, asked)
            if name not in FIELDS:
                raise Refused(f"can't be read with columns naming {asked[:60]!r}; the fields are {', '.join(FIELDS)}.")
            if not header.strip():  # the client wants no column taken for this field
                continue
            wanted = " ".join(header.split())
            places = [place for place, name in enumerate(self._names) if name == wanted] or [
                place for place, name in enumerate(self._names) if name.casefold() == wanted.casefold()
            ]
            if not places:
                raise Refused(
                    f"has no column {wanted[:60]!r}, which columns names for {asked}; it has {self._listed()}."
                )
            columns[name] = places[0]
        return columns

    def _take(self, choice: Choice, name: str, fits: Callable[[str], bool]) -> None:
        blank = None
        for place in candidates(name, self._squashed):
            if place in choice.columns.values():
                continue
            verdict = _verdict(self._texts(place), fits)
            if verdict is _Verdict.GOOD:
                choice.columns[name] = place
                return
            if verdict is _Verdict.BLANK:
                blank = place if blank is None else blank
            else:
                example = next(text for text in self._texts(place) if text.strip())
                choice.passed_over[self._names[place][:100]] = f"can't be read as {name}: {example.strip()[:40]!r}"
        if blank is not None:
            choice.columns[name] = blank

    def _ticker_in_name(self, choice: Choice, settled: set[str]) -> None:
        """Without a symbol column, a name column that holds tickers is one."""
        place = choice.columns.get("name")
        if place is None or "symbol" in choice.columns or "name" in settled or "symbol" in settled:
            return
        texts = [text.strip() for text in self._texts(place) if text.strip()]
        tickers = sum(bool(_TICKER.fullmatch(text)) for text in texts)
        if texts and tickers >= 0.8 * len(texts) and not any(" " in text for text in texts):
            choice.columns["symbol"] = choice.columns.pop("name")

    def _refuse_trades(self, settled: set[str]) -> None:
        words = trade_words(list(self._names))
        has_cap = next(candidates("market_cap", self._squashed), None) is not None
        if len(words) >= _SPEAKS_OF_TRADES and not has_cap and "price" not in settled:
            raise Refused(f"looks like a log of trades, not of quotes (columns {', '.join(words[:8])}); {_RIGHT}.")

    def _refuse_nameless(self, choice: Choice) -> None:
        if "symbol" not in choice.columns and "name" not in choice.columns:
            raise Refused(f"has neither a symbol nor a name column but {self._listed()}; {_RIGHT}.")

    def _refuse_priceless(self, choice: Choice) -> None:
        if "price" in choice.columns:
            return
        for place in candidates("price", self._squashed):
            if reason := choice.passed_over.get(self._names[place][:100]):
                raise Refused(f"is no table of quotes: its column {self._names[place][:60]!r} {reason}; {_RIGHT}.")
        raise Refused(f"has no price column but {self._listed()}; {_RIGHT}; {_TELL}.")

    def _learn(self, choice: Choice) -> None:
        """How the chosen columns are written."""
        proofs = {
            name: _proofs(self._texts(choice.columns[name]), SORTS[name]) for name in SORTS if name in choice.columns
        }
        in_file = set().union(*proofs.values())
        choice.marks = {name: mark_of(seen, in_file, self._delimiter) for name, seen in proofs.items()}
        if (place := choice.columns.get("observed_at")) is not None:
            choice.date_order = order_of(self._texts(place))
        if (place := choice.columns.get("symbol")) is not None:
            texts = [text.strip() for text in self._texts(place) if text.strip()]
            choice.pairs = bool(texts) and sum(bool(_PAIR.fullmatch(text)) for text in texts) >= 0.8 * len(texts)

    def _listed(self) -> str:
        names = [name[:40] for name in self._names if name]
        return (
            "the columns " + ", ".join(names[:20]) + (" …" if len(names) > 20 else "") if names else "no named column"
        )


def _verdict(texts: Sequence[str], fits: Callable[[str], bool]) -> _Verdict:
    present = [text for text in texts if text.strip()]
    if not present:
        return _Verdict.BLANK
    return _Verdict.GOOD if len(present) < _ENOUGH_TO_JUDGE or any(map(fits, present)) else _Verdict.BAD


def _is_figure(text: str, sort: Sort) -> bool:
    try:
        parts = take_apart(text, sort)
        return parts is not None and proof(parts.number, parts.has_exponent) is not None
    except ValueError:
        return False


def _is_time(text: str) -> bool:
    for order in (DAY_FIRST, MONTH_FIRST):
        try:
            return moment(text, order, _LATE) is not None
        except ValueError:
            continue
    return False


def _proofs(texts: Sequence[str], sort: Sort) -> set[str]:
    proofs = set()
    for text in texts:
        try:
            if parts := take_apart(text, sort):
                proofs.add(proof(parts.number, parts.has_exponent))
        except ValueError:
            continue  # its row will be rejected
    return proofs - {""}
