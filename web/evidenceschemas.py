"""What explanations and histories look like, for the OpenAPI document, with an example of each."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from web.schemas import PageSchema, figure, listed, text, texts, time, whole

_LOST_BY = "why it lost: wrapped, stale, lower priority, older, tie (by the source's id) or missing (no value)"


class ExplainedQuoteSchema(ma.Schema):
    """A quote, the rule that made it this coin, and its place among the others."""

    source = text("who said it")
    source_id = text("the source's own id")
    symbol = text("as the source spells it")
    name = text("as the source spells it")
    symbol_key = text("the symbol made comparable")
    name_key = text("the name made comparable")
    relation = text("same or wrapped")
    matched_by = text("registry, manual, symbol+name or new")
    ambiguous = ma.fields.Boolean(required=True, metadata={"description": "another coin was in sight"})
    first_seen = time("when it was first fetched")
    why = text("the rule in words")
    place = whole("1 is the quote that won")
    priority = whole("its source's (SOURCE_PRIORITY)")
    stale = ma.fields.Boolean(required=True, metadata={"description": "older than the newest by STALE_AFTER or more"})
    observed_at = time("when it was so")
    time_assumed = ma.fields.Boolean(required=True)
    flags = texts("what can't be right about the figures")
    lost_by = text(_LOST_BY, allow_none=True)


class OtherFigureSchema(ma.Schema):
    """Another quote's value of a field."""

    source = text("who said it")
    source_id = text("the source's own id")
    value = figure("what it said")
    lost_by = text(_LOST_BY)


class ExplainedFieldSchema(ma.Schema):
    """Where one figure of the record came from."""

    value = figure("the figure")
    source = text("whose it is", allow_none=True)
    source_id = text("under which of its ids", allow_none=True)
    others = listed(OtherFigureSchema)


class OtherIdSchema(ma.Schema):
    """An id of another coin with the same symbol."""

    source = text("the source")
    source_id = text("the source's own id")
    symbol = text("as the source spells it")
    name = text("as the source spells it")
    why_not = text("what speaks against its being this coin")


class OtherCoinSchema(ma.Schema):
    """Another coin with the same symbol."""

    canonical_id = text("that coin")
    ids = listed(OtherIdSchema)


class RankingSchema(ma.Schema):
    """By what quotes are ranked: native before wrapped, fresh before stale, then priority, then the later."""

    priorities = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), required=True)
    stale_after_seconds = ma.fields.Float(required=True)


class ExplanationSchema(ma.Schema):
    """Why a coin is what it is."""

    canonical_id = text("the coin's id")
    symbol = text("the symbol")
    name = text("the name")
    source = text("the source whose quote won", allow_none=True)
    current = ma.fields.Boolean(
        required=True,
        metadata={"description": "false: the record was merged by other rules; POST /api/v1/reprocess merges it anew"},
    )
    given_up_ids = texts("ids that lead here since their coins were merged into this one")
    ranking = ma.fields.Nested(RankingSchema, required=True)
    quotes = listed(ExplainedQuoteSchema)
    fields_ = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Nested(ExplainedFieldSchema), required=True, data_key="fields"
    )
    might_be = listed(OtherCoinSchema)


class HistoryEntrySchema(ma.Schema):
    """An observation (raw), or an hour's or a day's prices (1h, 1d)."""

    source = text("who said it")
    source_id = text("the source's own id")
    market_cap = figure("US dollars; of an hour or day, the last known")
    volume_24h = figure("US dollars traded within 24 hours; of an hour or day, the last known")
    relation = ma.fields.String(metadata={"description": "raw: same or wrapped"})
    observed_at = ma.fields.DateTime(metadata={"description": "raw: when it was so"})
    time_assumed = ma.fields.Boolean(metadata={"description": "raw: the time is that of the fetch"})
    price = ma.fields.Float(allow_none=True, metadata={"description": "raw: US dollars"})
    start = ma.fields.DateTime(metadata={"description": "1h, 1d: when the hour or day (UTC) begins"})
    open = ma.fields.Float(metadata={"description": "1h, 1d: the first price"})
    high = ma.fields.Float(metadata={"description": "1h, 1d: the highest"})
    low = ma.fields.Float(metadata={"description": "1h, 1d: the lowest"})
    close = ma.fields.Float(metadata={"description": "1h, 1d: the last"})
    average = ma.fields.Float(metadata={"description": "1h, 1d: the mean of the observed prices"})
    observations = ma.fields.Integer(metadata={"description": "1h, 1d: how many prices that is made of"})


class HistoryPageSchema(PageSchema):
    """A page of a coin's history, the oldest first."""

    data = listed(HistoryEntrySchema)


EXPLANATION: dict[str, Any] = {
    "canonical_id": "btc",
    "symbol": "BTC",
    "name": "Bitcoin",
    "source": "coingecko",
    "current": True,
    "given_up_ids": [],
    "ranking": {"priorities": {"coingecko": 3, "coinpaprika": 2, "csv": 1}, "stale_after_seconds": 3600},
    "quotes": [
        {
            "source": "coingecko",
            "source_id": "bitcoin",
            "symbol": "btc",
            "name": "Bitcoin",
            "symbol_key": "btc",
            "name_key": "bitcoin",
            "relation": "same",
            "matched_by": "registry",
            "ambiguous": False,
            "first_seen": "2026-02-01T08:00:00+00:00",
            "why": "The registry lists coingecko 'bitcoin' as btc (known from list-2021).",
            "place": 1,
            "priority": 3,
            "stale": False,
            "observed_at": "2026-02-22T20:14:05.123+00:00",
            "time_assumed": False,
            "flags": [],
            "lost_by": None,
        }
    ],
    "fields": {
        "price": {
            "value": 37223.01,
            "source": "coingecko",
            "source_id": "bitcoin",
            "others": [{"source": "csv", "source_id": "btc-bitcoin", "value": 37211.5, "lost_by": "lower priority"}],
        }
    },
    "might_be": [
        {
            "canonical_id": "btc-bitcoin-cash-token",
            "ids": [
                {
                    "source": "coinpaprika",
                    "source_id": "btc-bitcoin-cash-token",
                    "symbol": "BTC",
                    "name": "Bitcoin Cash Token",
                    "why_not": "Another name: 'Bitcoin Cash Token', not 'Bitcoin'.",
                }
            ],
        }
    ],
}

HISTORY_PAGE: dict[str, Any] = {
    "data": [
        {
            "start": "2026-02-22T20:00:00+00:00",
            "source": "coingecko",
            "source_id": "bitcoin",
            "open": 37001.2,
            "high": 37290,
            "low": 36988.75,
            "close": 37223.01,
            "average": 37125.74,
            "market_cap": 705878473891,
            "volume_24h": 22105382911,
            "observations": 12,
        }
    ],
    "page": 1,
    "page_size": 20,
    "total": 1,
    "total_pages": 1,
}
