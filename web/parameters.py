"""Query parameters and headers, as schemas that check them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from marshmallow import validate

from db.coins import SORTS
from db.history import INTERVALS, RAW
from db.mappingviews import MATCHED_BY

MOST_COINS = 20_000
LARGEST_PAGE = 500
# Far beyond any list, and still an offset that Postgres can count.
LAST_PAGE = 1_000_000_000
JOB_STATES = ("queued", "running", "succeeded", "partial_success", "failed", "cancelled")


class Whole(ma.fields.Integer):
    """A whole number in plain digits; Python alone would also take `1_000`, ` 7 ` and digits of any script."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if not re.fullmatch(r"-?[0-9]{1,15}", str(value)):
            raise self.make_error("invalid")
        number: int = super()._deserialize(value, attr, data, **kwargs)
        return number


def _said(text: str, **more: object) -> dict[str, object]:
    return {"description": text, **more}


def short_text(most: int) -> list[validate.Validator]:
    """So many characters at most, and none that Postgres can't take."""
    return [validate.Length(1, most), validate.Regexp(r"^[^\x00]*$", error="Holds a zero byte.")]


class PageQuery(ma.Schema):
    """Which page of a list."""

    page = Whole(
        load_default=1, validate=validate.Range(1, LAST_PAGE), metadata=_said("from 1; one past the end is empty")
    )
    page_size = Whole(
        load_default=20, validate=validate.Range(1, LARGEST_PAGE), metadata=_said("how many a page at most")
    )


class CoinsQuery(PageQuery):
    """Which golden records."""

    source = ma.fields.String(
        validate=short_text(100),
        metadata=_said("records whose figures this source won, as their field `source` says", example="coingecko"),
    )
    symbol = ma.fields.String(
        validate=short_text(200), metadata=_said("exactly this symbol, in any case", example="btc")
    )
    canonical_id = ma.fields.String(validate=short_text(500), metadata=_said("exactly this coin", example="btc"))
    search = ma.fields.String(
        validate=short_text(200), metadata=_said("a part of symbol, name or canonical_id", example="bit")
    )
    sort = ma.fields.String(
        load_default="-market_cap",
        validate=validate.OneOf([direction + name for name in SORTS for direction in ("", "-")]),
        metadata=_said("by which field; `-` in front for descending. Unknown figures come last both ways"),
    )


class JobsQuery(PageQuery):
    """Which jobs."""

    state = ma.fields.String(validate=validate.OneOf(JOB_STATES), metadata=_said("jobs in this state"))
    kind = ma.fields.String(
        validate=short_text(100), metadata=_said("`all`, or the source's name", example="coingecko")
    )


def limit_field() -> Whole:
    return Whole(
        validate=validate.Range(1, MOST_COINS),
        metadata=_said("how many coins to fetch; without it, the source's usual number", example=250),
    )


class LimitQuery(ma.Schema):
    """How much to fetch."""

    limit = limit_field()


class ClearQuery(ma.Schema):
    """Really?"""

    confirm = ma.fields.String(
        required=True,
        validate=validate.Equal("true", error="Must be true: this can't be undone."),
        metadata=_said("must be `true`", example="true"),
    )


class KeyHeaders(ma.Schema):
    """Which POST this is."""

    idempotency_key = ma.fields.String(
        data_key="Idempotency-Key",
        validate=validate.Regexp(r"^[ -~]{1,255}$", error="Must be 1 to 255 printable ASCII characters."),
        metadata=_said("within a day the same key and request give the same job", example="a81bc81b-dead"),
    )


class IngestHeaders(KeyHeaders):
    """How an ingest is to be treated."""

    prefer = ma.fields.String(
        data_key="Prefer",
        metadata=_said(
            "`wait=N`: wait up to N seconds (60 at most) and answer 200 with the finished result", example="wait=30"
        ),
    )


class Moment(ma.fields.DateTime):
    """An ISO 8601 time; without an offset it is UTC, without a time of day the day's beginning."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:  # noqa: ARG002
        # A plus sign that wasn't escaped comes as a space.
        text = re.sub(r" (?=[0-9]{2}:?[0-9]{2}$)", "+", str(value)) if "T" in str(value) else str(value)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ma.ValidationError("Not an ISO 8601 time such as 2026-02-22T20:00:00Z or 2026-02-22.") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class PastQuery(PageQuery):
    """Which part of a coin's past."""

    interval = ma.fields.String(
        load_default=RAW,
        validate=validate.OneOf((RAW, *INTERVALS)),
        metadata=_said("every observation, or prices by hour or day"),
    )
    begin = Moment(data_key="from", metadata=_said("from this time on", example="2026-02-22T20:00:00Z"))
    until = Moment(data_key="to", metadata=_said("until before this time", example="2026-02-23"))
    source = ma.fields.String(
        validate=short_text(100),
        metadata=_said("this source's alone; without it, raw gives all and 1h and 1d the best", example="coingecko"),
    )


class MappingsQuery(PageQuery):
    """Which mappings."""

    source = ma.fields.String(validate=short_text(100), metadata=_said("ids of this source", example="coingecko"))
    source_id = ma.fields.String(validate=short_text(500), metadata=_said("exactly this id", example="bitcoin"))
    canonical_id = ma.fields.String(
        validate=short_text(500), metadata=_said("ids that are this coin; one given up leads on", example="btc")
    )
    matched_by = ma.fields.String(validate=validate.OneOf(MATCHED_BY), metadata=_said("matched by this rule"))
    ambiguous = ma.fields.String(
        validate=validate.OneOf(("true", "false")),
        metadata=_said("`true`: only those where another coin was in sight and the rules couldn't decide"),
    )


def no_zero_byte(text: str | None) -> None:
    if text is not None and "\x00" in text:
        raise ma.ValidationError("Holds a zero byte.")


class CorrectionBody(ma.Schema):
    """Which coin an id is."""

    canonical_id = ma.fields.String(
        required=True,
        allow_none=True,
        validate=[validate.Length(1, 500), no_zero_byte],
        metadata=_said("the coin; one that isn't there yet is made; null: a coin of its own", example="btc"),
    )
    relation = ma.fields.String(
        load_default="same",
        validate=validate.OneOf(("same", "wrapped")),
        metadata=_said("wrapped: a token that stands for the coin, whose figures never become the coin's"),
    )
