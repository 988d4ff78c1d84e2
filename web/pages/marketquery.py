"""What of the market a page's address asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from core.sources import SOURCES
from db.coins import SORTS, CoinQuery

PAGE_SIZE = 50
DEFAULT_SORT = "-market_cap"
# By these a list is read from A, or from the first; by all others the largest is what people look for.
_ASCENDING_FIRST = ("rank", "name", "symbol", "source")
_LONGEST_SEARCH = 200
_PAGE = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading, and by which field a click sorts."""

    title: str
    sort: str | None = None
    # how it is aligned, and what it is called in CSS
    style: str = ""


COLUMNS = (
    Column("#", "rank", "c-rank end"),
    Column("Coin", "name", "c-coin"),
    Column("Price", "price", "c-price end"),
    Column("24 h", "price_change_24h", "c-change end"),
    Column("Last 7 days", None, "c-week middle"),
    Column("Market cap", "market_cap", "c-cap end"),
    Column("Volume 24 h", "volume_24h", "c-volume end"),
    Column("Source", None, "c-source"),
    Column("Updated", "last_updated", "c-age end"),
)


@dataclass(frozen=True, slots=True)
class MarketQuery:
    """What stands in the address; what makes no sense there counts as not given."""

    sort: str = DEFAULT_SORT
    search: str = ""
    source: str = ""
    page: int = 1

    @classmethod
    def of(cls, given: Mapping[str, str]) -> MarketQuery:
        sort = given.get("sort", "")
        page = given.get("page", "")
        source = given.get("source", "")
        return cls(
            sort=sort if sort.removeprefix("-") in SORTS else DEFAULT_SORT,
            search=given.get("search", "").replace("\0", "").strip()[:_LONGEST_SEARCH],
            source=source if source in SOURCES else "",
            page=max(1, int(page)) if _PAGE.fullmatch(page) else 1,
        )

    @property
    def field(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def direction(self) -> str:
        """As aria-sort names it."""
        return "descending" if self.sort.startswith("-") else "ascending"

    def sorted_by(self, field: str) -> str:
        """The `sort` that a click on this field's heading asks for: its usual direction, or the other one."""
        usual = field if field in _ASCENDING_FIRST else f"-{field}"
        other = f"-{field}" if field in _ASCENDING_FIRST else field
        return other if self.sort == usual else usual

    def coins(self) -> CoinQuery:
        return CoinQuery(
            page=self.page,
            page_size=PAGE_SIZE,
            sort=self.field,
            descending=self.sort.startswith("-"),
            source=self.source or None,
            search=self.search or None,
        )

    def api_address(self) -> str:
        """Where the API has the same page."""
        query = {
            "page": self.page if self.page > 1 else "",
            "page_size": PAGE_SIZE,
            "sort": self.sort,
            "search": self.search,
            "source": self.source,
        }
        return f"/api/v1/data?{urlencode({name: value for name, value in query.items() if value})}"
