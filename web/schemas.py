"""What answers look like, for the OpenAPI document. They only describe: figures pass through as Postgres wrote them."""

from __future__ import annotations

import marshmallow as ma


def text(description: str, **more: object) -> ma.fields.String:
    return ma.fields.String(required=True, metadata={"description": description}, **more)  # type: ignore[arg-type]


def figure(description: str) -> ma.fields.Float:
    """A number with the stored digits, or null when unknown."""
    return ma.fields.Float(required=True, allow_none=True, metadata={"description": description})


def whole(description: str, *, known: bool = True) -> ma.fields.Integer:
    return ma.fields.Integer(required=True, allow_none=not known, metadata={"description": description})


def time(description: str, *, known: bool = True) -> ma.fields.DateTime:
    return ma.fields.DateTime(required=True, allow_none=not known, metadata={"description": description})


def texts(description: str) -> ma.fields.List[str]:
    return ma.fields.List(ma.fields.String(), required=True, metadata={"description": description})


def listed(schema: type[ma.Schema]) -> ma.fields.List[object]:
    return ma.fields.List(ma.fields.Nested(schema), required=True)


class ProbeSchema(ma.Schema):
    """Yes."""

    status = text("alive or ready")


class FiguresSchema(ma.Schema):
    """What both a golden record and a quote hold; dollars, percent and coins."""

    price = figure("US dollars a coin")
    market_cap = figure("US dollars")
    volume_24h = figure("US dollars traded within 24 hours")
    price_change_24h = figure("percent within 24 hours")
    circulating_supply = figure("coins")
    total_supply = figure("coins")
    max_supply = figure("coins")
    rank = whole("by market cap, as the source has it", known=False)
    flags = texts("what can't be right about the figures; none is good")


class GoldenRecordSchema(FiguresSchema):
    """One trusted record a coin."""

    canonical_id = text("the coin's id here, for good")
    symbol = text("as the winning source spells it")
    name = text("as the winning source spells it")
    source = text("the source whose quote won", allow_none=True)
    last_updated = time("when that quote was observed", known=False)
    time_assumed = ma.fields.Boolean(
        required=True,
        allow_none=True,
        metadata={"description": "the source gave no time: last_updated is when the quote was fetched"},
    )
    provenance = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        required=True,
        metadata={"description": "field by field, the source that it came from"},
    )


class QuoteSchema(FiguresSchema):
    """The latest that one source said of the coin under one of its ids."""

    source = text("who said it")
    source_id = text("the source's own id")
    relation = text("same, or wrapped: a token that stands for the coin")
    high_24h = figure("US dollars")
    low_24h = figure("US dollars")
    observed_at = time("when it was so")
    time_assumed = ma.fields.Boolean(required=True)
    fetched_at = time("when we asked")


class MappingSchema(ma.Schema):
    """Why a source's id is this coin."""

    source = text("the source")
    source_id = text("the source's own id")
    symbol = text("as the source spells it")
    name = text("as the source spells it")
    relation = text("same or wrapped")
    matched_by = text("registry, manual, symbol+name or new")
    first_seen = time("when it was first fetched")
    last_seen = time("when it was last fetched", known=False)


class PlacedMappingSchema(MappingSchema):
    """Which coin a source's id is, and why."""

    canonical_id = text("the coin")
    ambiguous = ma.fields.Boolean(
        required=True,
        metadata={"description": "another coin was in sight and the rules couldn't decide: worth a look"},
    )


class MovedSchema(ma.Schema):
    """Where an id that was given up leads."""

    canonical_id = text("the coin that it is part of now")
    location = text("where to look")


class CoinSchema(GoldenRecordSchema):
    """A coin with its evidence."""

    sources = texts("who has quotes of it")
    quotes = listed(QuoteSchema)
    mappings = listed(MappingSchema)


class PageSchema(ma.Schema):
    """The envelope of every list."""

    page = whole("this page, from 1")
    page_size = whole("how many a page at most")
    total = whole("how many there are in all")
    total_pages = whole("how many pages that makes")


class CoinsPageSchema(PageSchema):
    """A page of golden records."""

    data = listed(GoldenRecordSchema)


class MappingsPageSchema(PageSchema):
    """A page of mappings."""

    data = listed(PlacedMappingSchema)


class MoverSchema(ma.Schema):
    """A coin that moved."""

    symbol = text("the symbol")
    name = text("the name")
    price_change_24h = figure("percent within 24 hours")
    canonical_id = text("the coin's id")


class StatsSchema(ma.Schema):
    """The market in a few figures."""

    total_coins = whole("golden records, flagged ones too")
    total_market_cap = figure("US dollars, without flagged records")
    average_price = figure("US dollars, without flagged records; null when no price is known")
    top_gainers = listed(MoverSchema)
    top_losers = listed(MoverSchema)


class ClearedSchema(ma.Schema):
    """What was cleared."""

    status = text("success")
    deleted_coins = whole("how many coins there were")
