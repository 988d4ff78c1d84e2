"""Alerts in the OpenAPI document, and what a body that makes or changes one may hold; figures keep their digits."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import marshmallow as ma
from marshmallow import validate

from core.alerts import DIRECTIONS, KINDS
from core.settings import MAIL_ADDRESS
from core.sources import SOURCES
from db.deliveries import STATES
from web.parameters import PageQuery, no_zero_byte
from web.schemas import PageSchema, figure, listed, text, texts, time, whole

MOST_RECIPIENTS = 10
_LARGEST_EXPONENT = 60
_MOST_DIGITS = 80

ALERT: Mapping[str, Any] = {
    "id": 4,
    "name": "Bitcoin above 100,000",
    "kind": "price_above",
    "coin": "btc",
    "price": 100000,
    "percent": None,
    "direction": None,
    "within": None,
    "source": None,
    "after": None,
    "partial_success": False,
    "webhook_url": "https://example.com/hooks/quotes",
    "mail_to": [],
    "paused": False,
    "beyond": False,
    "last_fired_at": "2026-02-22T20:31:07.402118+00:00",
    "pending_deliveries": 0,
    "created_by": "ann",
    "created_at": "2026-02-19T09:12:44.020000+00:00",
    "links": {"self": "/api/v1/alerts/4", "deliveries": "/api/v1/alerts/4/deliveries"},
}
NEW_ALERT: Mapping[str, Any] = {**ALERT, "secret": "whsec_bm90IGEgc2VjcmV0LCBvbmx5IGFuIGV4YW1wbGU="}
DELIVERY: Mapping[str, Any] = {
    "id": "msg_5f0c4d6f0b5e4b6f8a54a9c0f7a1c2d3",
    "channel": "webhook",
    "recipient": None,
    "state": "delivered",
    "attempts": 1,
    "error": None,
    "type": "alert.price_above",
    "message": "btc is above 100000: 100012.5",
    "created_at": "2026-02-22T20:31:07.402118+00:00",
    "next_attempt_at": None,
    "finished_at": "2026-02-22T20:31:08.011094+00:00",
}


class AlertLinksSchema(ma.Schema):
    """Where to go from here."""

    self = text("the alert")
    deliveries = text("its messages")


class AlertSchema(ma.Schema):
    """A rule, and where it stands."""

    id = whole("its id")
    name = text("what its messages call it")
    kind = text(", ".join(KINDS))
    coin = text("canonical id; null for rules about sources and jobs", allow_none=True)
    price = figure("US dollars: the mark of price_above and price_below")
    percent = figure("the mark of price_change")
    direction = text("of a price_change: up, down or any", allow_none=True)
    within = text("the window of a price_change, such as 1h", allow_none=True)
    source = text("the source of source_stale; the one that a job_failed is limited to", allow_none=True)
    after = text("source_stale: after how long without a good fetch, such as 30m", allow_none=True)
    partial_success = ma.fields.Boolean(required=True, metadata={"description": "job_failed: partial successes, too"})
    webhook_url = text("where a webhook goes", allow_none=True)
    mail_to = texts("who gets a mail")
    paused = ma.fields.Boolean(required=True)
    beyond = ma.fields.Boolean(
        required=True,
        allow_none=True,
        metadata={"description": "beyond its mark: it fires again after it was on this side; null: not known yet"},
    )
    last_fired_at = time("when it last fired", known=False)
    pending_deliveries = whole("messages that are still to be delivered")
    created_by = text("who made it")
    created_at = time("when")
    links = ma.fields.Nested(AlertLinksSchema, required=True)


class NewAlertSchema(AlertSchema):
    """A new rule, with the secret that its webhooks are signed with, shown here alone."""

    secret = text("for a webhook: shown once, and not when a POST is repeated; else null", allow_none=True)


class AlertsPageSchema(PageSchema):
    """A page of alerts."""

    data = listed(AlertSchema)


class DeliverySchema(ma.Schema):
    """A message to one receiver."""

    id = text("the webhook-id, the same in every attempt; of a mail, in its Message-ID")
    channel = text("webhook or mail")
    recipient = text("who gets the mail", allow_none=True)
    state = text(", ".join(STATES))
    attempts = whole("how often it was tried")
    error = text("why the last attempt failed", allow_none=True)
    type = text("what it tells of")
    message = text("the same in a sentence")
    created_at = time("when the crossing was found")
    next_attempt_at = time("when it is tried (again)", known=False)
    finished_at = time("when it was delivered or given up", known=False)


class DeliveriesPageSchema(PageSchema):
    """A page of messages."""

    data = listed(DeliverySchema)


class DeliveriesQuery(PageQuery):
    """Which messages."""

    state = ma.fields.String(
        validate=validate.OneOf(STATES), metadata={"description": "messages in this state", "example": "dead"}
    )


class Figure(ma.fields.Float):
    """A number above zero, digit for digit, as a JSON number or as text."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:  # noqa: ARG002
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            raise self.make_error("invalid", input=value)
        try:
            number = Decimal(value) if len(str(value)) <= _MOST_DIGITS else None
        except InvalidOperation:
            number = None
        if number is None or not number.is_finite() or number <= 0 or abs(number.adjusted()) > _LARGEST_EXPONENT:
            raise ma.ValidationError(f"Must be a number above zero with at most {_MOST_DIGITS} characters.")
        return number


def _said(description: str, **more: object) -> dict[str, object]:
    return {"description": description, **more}


def _one_line(text: str) -> None:
    if not all(char.isprintable() for char in text):
        raise ma.ValidationError("Must be a single line of printable text.")


def _mail_address(text: str) -> None:
    if not MAIL_ADDRESS.fullmatch(text):
        raise ma.ValidationError("Must be a mail address such as ann@example.com.")


def _lengths_of_time(description: str, example: str) -> ma.fields.String:
    return ma.fields.String(validate=validate.Length(1, 20), metadata=_said(description, example=example))


class AlertChange(ma.Schema):
    """What is to change; a changed mark starts again from how things are now. Its kind, coin and source stay."""

    class Meta:
        unknown = ma.RAISE

    name = ma.fields.String(validate=[validate.Length(1, 100), _one_line], metadata=_said("what messages call it"))
    price = Figure(metadata=_said("US dollars, for price_above and price_below", example=100000))
    percent = Figure(metadata=_said("for price_change", example=5))
    direction = ma.fields.String(
        validate=validate.OneOf(DIRECTIONS), metadata=_said("for price_change; any by itself", example="any")
    )
    within = _lengths_of_time("for price_change: 1m to 30d, such as 1h", "1h")
    after = _lengths_of_time("for source_stale: 1m to 30d, such as 30m", "30m")
    partial_success = ma.fields.Boolean(
        truthy={True}, falsy={False}, metadata=_said("for job_failed: partial successes, too")
    )
    paused = ma.fields.Boolean(
        truthy={True}, falsy={False}, metadata=_said("a paused rule sees nothing; what it has found is still delivered")
    )
    webhook_url = ma.fields.String(
        allow_none=True,
        validate=[validate.Length(1, 2000), no_zero_byte],
        metadata=_said("https:// or http://; null takes it away", example="https://example.com/hooks/quotes"),
    )
    secret = ma.fields.String(
        load_only=True,
        validate=[validate.Length(1, 200), no_zero_byte],
        metadata=_said("whsec_ and 24 to 64 bytes in base64; made here when there is none"),
    )
    mail_to = ma.fields.List(
        ma.fields.String(validate=_mail_address),
        validate=validate.Length(0, MOST_RECIPIENTS),
        metadata=_said("mail addresses", example=["ann@example.com"]),
    )


class AlertBody(AlertChange):
    """A new rule: `name`, `kind`, what that kind needs, and a `webhook_url`, `mail_to`, or both."""

    name = ma.fields.String(
        required=True, validate=[validate.Length(1, 100), _one_line], metadata=_said("what messages call it")
    )
    kind = ma.fields.String(required=True, validate=validate.OneOf(KINDS), metadata=_said("what is watched"))
    coin = ma.fields.String(
        validate=[validate.Length(1, 500), no_zero_byte], metadata=_said("canonical id", example="btc")
    )
    source = ma.fields.String(
        validate=validate.OneOf([*SOURCES]),
        metadata=_said("for source_stale; for job_failed, to hear of that source alone", example="coingecko"),
    )
