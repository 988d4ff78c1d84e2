"""FastAPI, asyncpg and pydantic on the same tables: the same three reads, written as their documentation writes them.

`uvicorn bench.peers.fastapi_app:app --workers 2`, with DATABASE_URL. Figures are Decimals, so that digits stay.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import asyncpg
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from pydantic import BaseModel


class Figures(BaseModel):
    price: Decimal | None
    market_cap: Decimal | None
    volume_24h: Decimal | None
    price_change_24h: Decimal | None
    circulating_supply: Decimal | None
    total_supply: Decimal | None
    max_supply: Decimal | None
    rank: int | None
    flags: list[str]


class GoldenRecord(Figures):
    canonical_id: str
    symbol: str
    name: str
    source: str | None
    last_updated: datetime | None
    time_assumed: bool | None
    provenance: dict[str, str]


class CoinsPage(BaseModel):
    data: list[GoldenRecord]
    page: int
    page_size: int
    total: int
    total_pages: int


class QuoteOfSource(Figures):
    source: str
    source_id: str
    relation: str
    high_24h: Decimal | None
    low_24h: Decimal | None
    observed_at: datetime
    time_assumed: bool
    fetched_at: datetime


class Mapping(BaseModel):
    source: str
    source_id: str
    symbol: str
    name: str
    relation: str
    matched_by: str
    first_seen: datetime
    last_seen: datetime | None


class Coin(GoldenRecord):
    sources: list[str]
    quotes: list[QuoteOfSource]
    mappings: list[Mapping]


class Mover(BaseModel):
    symbol: str
    name: str
    price_change_24h: Decimal
    canonical_id: str


class Stats(BaseModel):
    total_coins: int
    total_market_cap: Decimal
    average_price: Decimal | None
    top_gainers: list[Mover]
    top_losers: list[Mover]


class Sort(StrEnum):
    market_cap = "market_cap"
    market_cap_falling = "-market_cap"
    price = "price"
    price_falling = "-price"
    name = "name"
    name_falling = "-name"


GOLDEN = """canonical_id, symbol, name, price, market_cap, volume_24h, price_change_24h, circulating_supply,
            total_supply, max_supply, rank, flags, source, last_updated, time_assumed, provenance"""
MOVERS = "SELECT symbol, name, price_change_24h, canonical_id FROM cryptocurrencies WHERE flags = '{}'"


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=8, max_size=8, init=_prepare) as pool:
        app.state.pool = pool
        yield


async def connected(request: Request) -> AsyncIterator[asyncpg.Connection]:
    async with request.app.state.pool.acquire() as connection:
        yield connection


app = FastAPI(lifespan=lifespan)
Database = Annotated[asyncpg.Connection, Depends(connected)]


@app.get("/api/v1/data")
async def data(
    database: Database,
    page: Annotated[int, Query(ge=1)] = 1,
    page_size: Annotated[int, Query(ge=1, le=500)] = 20,
    source: str | None = None,
    symbol: str | None = None,
    sort: Sort = Sort.market_cap_falling,
) -> CoinsPage:
    conditions, values = ["true"], []
    for condition, value in (("source = ${}", source), ("lower(symbol) = lower(${})", symbol)):
        if value is not None:
            values.append(value)
            conditions.append(condition.format(len(values)))
    where = " AND ".join(conditions)
    order = sort.removeprefix("-") + (" DESC" if sort.startswith("-") else "")
    total = await database.fetchval(f"SELECT count(*) FROM cryptocurrencies WHERE {where}", *values)
    rows = await database.fetch(
        f"SELECT {GOLDEN} FROM cryptocurrencies WHERE {where} ORDER BY {order} NULLS LAST, canonical_id "
        f"LIMIT ${len(values) + 1} OFFSET ${len(values) + 2}",
        *values,
        page_size,
        (page - 1) * page_size,
    )
    return CoinsPage(
        data=[GoldenRecord(**row) for row in rows],
        page=page,
        page_size=page_size,
        total=total,
        total_pages=-(-total // page_size),
    )


@app.get("/api/v1/coins/{canonical_id}")
async def coin(canonical_id: str, database: Database) -> Coin:
    found = await database.fetchrow(
        f"SELECT coin_key, {GOLDEN} FROM cryptocurrencies WHERE canonical_id = $1", canonical_id
    )
    if found is None:
        raise HTTPException(404, "There is no such coin.")
    golden = dict(found)
    key = golden.pop("coin_key")
    quotes = await database.fetch(
        """SELECT m.source, m.source_id, m.relation, q.* FROM source_mappings m JOIN quotes q USING (mapping_key)
           WHERE m.coin_key = $1 ORDER BY m.source, m.relation, m.source_id""",
        key,
    )
    mappings = await database.fetch(
        """SELECT m.*, q.fetched_at AS last_seen FROM source_mappings m LEFT JOIN quotes q USING (mapping_key)
           WHERE m.coin_key = $1 ORDER BY m.source, m.relation, m.source_id""",
        key,
    )
    return Coin(
        **golden,
        sources=sorted({row["source"] for row in mappings}),
        quotes=[QuoteOfSource(**row) for row in quotes],
        mappings=[Mapping(**row) for row in mappings],
    )


@app.get("/api/v1/stats")
async def stats(database: Database) -> Stats:
    totals = await database.fetchrow(
        """SELECT count(*) AS total_coins, coalesce(sum(market_cap) FILTER (WHERE flags = '{}'), 0) AS total_market_cap,
                  avg(price) FILTER (WHERE flags = '{}') AS average_price FROM cryptocurrencies"""
    )
    gainers = await database.fetch(
        f"{MOVERS} AND price_change_24h > 0 ORDER BY price_change_24h DESC, canonical_id LIMIT 5"
    )
    losers = await database.fetch(f"{MOVERS} AND price_change_24h < 0 ORDER BY price_change_24h, canonical_id LIMIT 5")
    return Stats(**totals, top_gainers=[Mover(**row) for row in gainers], top_losers=[Mover(**row) for row in losers])
