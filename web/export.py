"""GET /api/v1/export: all coins, quotes or observations as one file, streamed out of one snapshot."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import marshmallow as ma
from flask import Response, request
from marshmallow import validate

from core.exporting import FORMATS
from db.export import COLUMNS, ExportQuery, batches
from web.api import Answer, Blueprint
from web.parameters import CoinsQuery, PastQuery, short_text
from web.problems import Problem
from web.services import services

blueprint = Blueprint("export", __name__, url_prefix="/api/v1/export", description="Everything, as one file")

_RETRY_AFTER_SECONDS = 15
_COINS = CoinsQuery().fields
_PAST = PastQuery().fields
_FILE = {"Content-Disposition": "a name for the file"}
_CSV = (
    "canonical_id,symbol,name,price,market_cap,volume_24h,price_change_24h,rank,circulating_supply,total_supply,"
    "max_supply,source,last_updated,time_assumed,flags,provenance\r\n"
    "btc,BTC,Bitcoin,67000.5,1320000000000,25000000000,-1.25,1,19700000,19700000,21000000,coingecko,"
    '2026-02-22T20:00:00+00:00,false,,"{""price"": ""coingecko""}"\r\n'
)
_JSON_LINE = (
    '{"canonical_id":"btc","source":"coingecko","source_id":"bitcoin","relation":"same",'
    '"observed_at":"2026-02-22T20:00:00+00:00","time_assumed":false,"price":67000.5,"market_cap":1320000000000,'
    '"volume_24h":25000000000}\n'
)


class ExportParameters(ma.Schema):
    """What to export, and how."""

    what = ma.fields.String(
        load_default="coins",
        validate=validate.OneOf(tuple(COLUMNS)),
        metadata={"description": "golden records, the latest quote of every source and id, or every observation"},
    )
    format = ma.fields.String(load_default="csv", validate=validate.OneOf(tuple(FORMATS)))
    source = ma.fields.String(
        validate=short_text(100),
        metadata={
            "description": "coins whose figures this source won; of quotes and history, this source's own",
            "example": "coingecko",
        },
    )
    symbol = _COINS["symbol"]
    canonical_id = _COINS["canonical_id"]
    search = _COINS["search"]
    begin = _PAST["begin"]
    until = _PAST["until"]

    @ma.validates_schema
    def _times_are_of_history(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("what") != "history":
            for field, name in (("begin", "from"), ("until", "to")):
                if field in data:
                    raise ma.ValidationError("Only for what=history.", name)


@blueprint.operation(
    "GET",
    "",
    role="read",
    query=ExportParameters,
    answers={
        200: [
            Answer({"type": "string"}, _CSV, "The file", _FILE, content_type=FORMATS["csv"].content_type),
            Answer({"type": "string"}, _JSON_LINE, "The file", _FILE, content_type=FORMATS["jsonl"].content_type),
            Answer(
                {"type": "string", "format": "binary"},
                "PAR1",
                "The file",
                _FILE,
                content_type=FORMATS["parquet"].content_type,
            ),
        ]
    },
)
def get_export(query: dict[str, Any]) -> Response:
    """Export all coins, quotes or observations as one file: CSV, JSON lines or Parquet.

    It is one consistent state of the data, streamed as it is read, with the digits that are stored: JSON numbers, and
    strings in Parquet. In CSV a text that a spreadsheet would take for a formula has a ' in front; figures stay as they
    are. Gzipped if Accept-Encoding says so. 503 with Retry-After while too many others export. An export that breaks
    off has no proper end of the transfer; one is given up when its reader stops, or after 15 minutes.
    """
    wanted = FORMATS[query.pop("format")]
    running = services().exports
    if not running.acquire(blocking=False):
        raise Problem(503, "Enough others are exporting just now.", headers={"Retry-After": str(_RETRY_AFTER_SECONDS)})
    asked = ExportQuery(**query)
    with ExitStack() as undo:
        undo.callback(running.release)
        rows = undo.enter_context(closing(batches(services().database, asked)))
        # What can't be read is a problem as long as nothing has been sent.
        first = next(rows, ())
        pieces = wanted.pieces(COLUMNS[asked.what], chain([first] if first else [], rows))
        name = f"{asked.what}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.{wanted.name}"
        begun = undo.pop_all()
    response = _file(_until_read(pieces, begun), wanted.content_type, name)
    # The server closes an answer however it ends, and whether or not it was begun.
    response.call_on_close(begun.close)
    return response


def _until_read(pieces: Iterator[bytes], begun: ExitStack) -> Iterator[bytes]:
    """The same pieces; connection and place are given back as soon as the last one is made."""
    with begun:
        yield from pieces


def _file(pieces: Iterator[bytes], content_type: str, name: str) -> Response:
    zipped = request.accept_encodings.quality("gzip") > 0 and not name.endswith(".parquet")
    response = Response(
        _gzipped(pieces) if zipped else pieces,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept-Encoding"},
    )
    if zipped:
        response.content_encoding = "gzip"
    return response


def _gzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(level=4, wbits=zlib.MAX_WBITS | 16)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()
