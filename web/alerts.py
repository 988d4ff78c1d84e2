"""GET, POST /api/v1/alerts; GET, PATCH, DELETE …/{id}; GET …/{id}/deliveries; POST …/deliveries/{message_id}/retry.

Rules name addresses of their owners, so reading them takes a key that may ingest, as sending again does, and changing
them an admin's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask import Request, Response
from webargs import core as webargs

from core import exact_json
from core.errors import ProjectError
from core.posting import addresses_of
from core.slots import BadSchedule, interval_of, interval_text
from core.webhooks import BadSecret, BadTarget, checked_secret, new_secret, target_of
from db import alerts, deliveries
from db.alerts import Alert, NoSuchCoin, Wish
from db.deliveries import Delivered
from web.alertschemas import (
    ALERT,
    DELIVERY,
    NEW_ALERT,
    AlertBody,
    AlertChange,
    AlertSchema,
    AlertsPageSchema,
    DeliveriesPageSchema,
    DeliveriesQuery,
    DeliverySchema,
    NewAlertSchema,
)
from web.answers import json_text, refuse_body
from web.api import Answer, Blueprint, Body, Parser
from web.auth import caller
from web.idempotency import REPLAYED, sent_key
from web.parameters import KeyHeaders, PageQuery
from web.problems import Problem
from web.services import services

_SHORTEST, _LONGEST = 60.0, 30 * 86_400.0
# What each kind needs, and what it may have besides.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "price_above": ("coin", "price"),
    "price_below": ("coin", "price"),
    "price_change": ("coin", "percent", "within"),
    "source_stale": ("source", "after"),
    "job_failed": (),
}
_TAKES: Mapping[str, tuple[str, ...]] = {"price_change": ("direction",), "job_failed": ("source", "partial_success")}
_OF_KINDS = ("coin", "price", "percent", "direction", "within", "source", "after", "partial_success")

_NEW = {
    "name": "Bitcoin above 100,000",
    "kind": "price_above",
    "coin": "btc",
    "price": 100000,
    "webhook_url": "https://example.com/hooks/quotes",
}
_AGAIN = {"state": "queued", "attempts": 0, "error": "refused", "finished_at": None}
_PAGE = {"page": 1, "page_size": 20, "total": 1, "total_pages": 1}


class ExactParser(Parser):
    """Reads a body's numbers digit for digit."""

    def _raw_load_json(self, req: Request) -> Any:
        if not req.is_json:
            return webargs.missing
        text = req.get_data(cache=True).decode()
        try:
            # Python refuses to read integers of thousands of digits.
            return json.loads(
                text, parse_float=Decimal, parse_int=lambda digits: digits if len(digits) > 300 else int(digits)
            )
        except json.JSONDecodeError:
            raise
        except (ValueError, ArithmeticError, RecursionError):
            raise json.JSONDecodeError("unreadable", text, 0) from None


class ExactBlueprint(Blueprint):
    ARGUMENTS_PARSER = ExactParser()


blueprint = ExactBlueprint("alerts", __name__, url_prefix="/api/v1/alerts", description="Being told of what happens")


@blueprint.operation(
    "GET",
    "",
    role="ingest",
    query=PageQuery,
    answers={200: Answer(AlertsPageSchema, {"data": [ALERT], **_PAGE}, "The alerts")},
)
def list_alerts(query: dict[str, Any]) -> Response:
    """List the alerts."""
    with services().database.connection() as connection:
        found, total = alerts.page_of_alerts(connection, page=query["page"], page_size=query["page_size"])
    return _json(_page([shown(each) for each in found], query, total))


@blueprint.operation(
    "POST",
    "",
    role="admin",
    headers=KeyHeaders,
    body=Body(AlertBody, _NEW),
    answers={201: Answer(NewAlertSchema, NEW_ALERT, "The new alert", {"Location": "the alert", **REPLAYED})},
)
def create_alert(_query: dict[str, Any], headers: dict[str, Any], body: dict[str, Any]) -> Response:
    """Be told when something happens.

    price_above and price_below fire when a coin's golden record crosses `price`; price_change when its price has moved
    by `percent` or more `within` a time; source_stale when a source had no good fetch for as long as `after`;
    job_failed when a job fails. Each once per crossing: what is beyond its mark already when the rule is made is none.
    A webhook's secret is in this answer alone.
    """
    kind = body["kind"]
    _check_fields(kind, body, new=True)
    if not body.get("webhook_url") and not body.get("mail_to"):
        raise _at_fault("webhook_url", "Either webhook_url or mail_to must say who is told.")
    if "secret" in body and not body.get("webhook_url"):
        raise _at_fault("secret", "Is for a webhook; there is no webhook_url.")
    secret = body.get("secret") or (new_secret() if body.get("webhook_url") else None)
    wish = _wish(body, secret, direction="any" if kind == "price_change" else None)
    name = caller().name
    with services().database.transaction() as connection:
        try:
            made, replayed = alerts.once(
                connection,
                sent_key(headers, exact_json.written(dict(sorted(body.items())))),
                lambda: alerts.create(
                    connection, wish, kind=kind, coin=body.get("coin"), source=body.get("source"), by=name
                ),
            )
        except NoSuchCoin as error:
            raise _at_fault("coin", str(error)) from None
        found = alerts.one(connection, made)
    response = _json(
        {**shown(found), "secret": None if replayed else secret}, 201, {"Location": f"{blueprint.url_prefix}/{made}"}
    )
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.operation(
    "GET",
    "/<job_id:alert_id>",
    role="ingest",
    answers={200: Answer(AlertSchema, ALERT, "The alert")},
    errors=(404,),
)
def get_alert(_query: dict[str, Any], alert_id: int) -> Response:
    """Look at an alert."""
    with services().database.connection() as connection:
        found = alerts.one(connection, alert_id)
    return _json(shown(found))


@blueprint.operation(
    "PATCH",
    "/<job_id:alert_id>",
    role="admin",
    body=Body(AlertChange, {"price": 120000}),
    answers={200: Answer(AlertSchema, ALERT, "The alert as it is now")},
    errors=(404,),
)
def change_alert(_query: dict[str, Any], body: dict[str, Any], alert_id: int) -> Response:
    """Change an alert, pause or resume it.

    What isn't named stays. With another mark, or resumed, it starts again from how things are now. Messages that wait
    to be sent go to the new receiver. A webhook that is added needs a `secret` with it.
    """
    with services().database.connection() as connection:
        before = alerts.one(connection, alert_id)
    _check_fields(before.kind, body, new=False)
    url = body.get("webhook_url", before.webhook_url)
    if not url and not body.get("mail_to", before.mail_to):
        raise _at_fault("webhook_url", "Either webhook_url or mail_to must say who is told.")
    if url and not before.webhook_url and "secret" not in body:
        raise _at_fault("secret", "A webhook that is added needs one.")
    if "secret" in body and not url:
        raise _at_fault("secret", "Is for a webhook; there is no webhook_url.")
    with services().database.transaction() as connection:
        alerts.change(connection, alert_id, _wish(body, body.get("secret")))
        found = alerts.one(connection, alert_id)
    return _json(shown(found))


@blueprint.operation(
    "DELETE",
    "/<job_id:alert_id>",
    role="admin",
    answers={200: Answer(AlertSchema, ALERT, "The alert as it was")},
    errors=(404, 415),
)
def delete_alert(_query: dict[str, Any], alert_id: int) -> Response:
    """Take an alert away.

    What it still had to deliver is not sent any more, but for what is being sent just now.
    """
    refuse_body()
    with services().database.transaction() as connection:
        found = alerts.one(connection, alert_id)
        alerts.delete(connection, alert_id)
    return _json(shown(found))


@blueprint.operation(
    "GET",
    "/<job_id:alert_id>/deliveries",
    role="ingest",
    query=DeliveriesQuery,
    answers={200: Answer(DeliveriesPageSchema, {"data": [DELIVERY], **_PAGE}, "The messages, the latest first")},
    errors=(404,),
)
def list_deliveries(query: dict[str, Any], alert_id: int) -> Response:
    """See what an alert has sent, and what became of it."""
    with services().database.connection() as connection:
        alerts.one(connection, alert_id)
        found, total = deliveries.page_of_deliveries(
            connection, alert_id, state=query.get("state"), page=query["page"], page_size=query["page_size"]
        )
    return _json(_page([_delivery(each) for each in found], query, total))


@blueprint.operation(
    "POST",
    "/<job_id:alert_id>/deliveries/<message_id>/retry",
    role="ingest",
    headers=KeyHeaders,
    answers={200: Answer(DeliverySchema, {**DELIVERY, **_AGAIN}, "The message, which is sent again", REPLAYED)},
    errors=(404, 409, 415),
)
def retry_delivery(_query: dict[str, Any], headers: dict[str, Any], alert_id: int, message_id: str) -> Response:
    """Send a message again that was given up.

    It goes to the rule's receiver of now, under its id, with all its attempts anew. 409 when it is not dead.
    """
    refuse_body()
    if "\x00" in message_id:
        raise Problem(404, "No id holds a zero byte.")

    def send_again() -> int:
        deliveries.send_again(connection, alert_id, message_id)
        return alert_id

    with services().database.transaction() as connection:
        alerts.one(connection, alert_id)
        _, replayed = alerts.once(connection, sent_key(headers), send_again)
        found = deliveries.one(connection, alert_id, message_id)
    response = _json(_delivery(found))
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def shown(alert: Alert) -> dict[str, Any]:
    """An alert as JSON, without its secret."""
    here = f"{blueprint.url_prefix}/{alert.id}"
    period = None if alert.period is None else interval_text(alert.period)
    return {
        "id": alert.id,
        "name": alert.name,
        "kind": alert.kind,
        "coin": alert.coin,
        "price": alert.price,
        "percent": alert.percent,
        "direction": alert.direction,
        "within": period if alert.kind == "price_change" else None,
        "source": alert.source,
        "after": period if alert.kind == "source_stale" else None,
        "partial_success": alert.partial,
        "webhook_url": alert.webhook_url,
        "mail_to": alert.mail_to,
        "paused": alert.paused,
        "beyond": alert.beyond,
        "last_fired_at": alert.last_fired_at,
        "pending_deliveries": alert.pending,
        "created_by": alert.created_by,
        "created_at": alert.created_at,
        "links": {"self": here, "deliveries": f"{here}/deliveries"},
    }


def _delivery(sent: Delivered) -> dict[str, Any]:
    return {
        "id": sent.message_id,
        "channel": "mail" if sent.recipient else "webhook",
        "recipient": sent.recipient,
        "state": sent.state,
        "attempts": sent.attempts,
        "error": sent.error,
        "type": sent.type,
        "message": sent.message,
        "created_at": sent.created_at,
        "next_attempt_at": sent.next_attempt_at,
        "finished_at": sent.finished_at,
    }


def _page(data: list[dict[str, Any]], query: Mapping[str, Any], total: int) -> dict[str, Any]:
    page_size = query["page_size"]
    pages = (total + page_size - 1) // page_size
    return {"data": data, "page": query["page"], "page_size": page_size, "total": total, "total_pages": pages}


def _json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return json_text(exact_json.written(value), status, headers)


def _check_fields(kind: str, body: Mapping[str, Any], *, new: bool) -> None:
    """Raise a 422 Problem for what a kind lacks, or has no use for, and for receivers that can't be."""
    known = (*_NEEDS[kind], *_TAKES.get(kind, ()))
    for name in _OF_KINDS:
        if name in body and name not in known:
            raise _at_fault(name, f"A {kind} doesn't take it; it takes {', '.join(known)}.")
        if new and name in _NEEDS[kind] and name not in body:
            raise _at_fault(name, f"A {kind} needs it.")
    settings = services().settings
    if body.get("mail_to") and not (settings.smtp_url and settings.alert_mail_from):
        raise _at_fault("mail_to", "This server sends no mail: SMTP_URL and ALERT_MAIL_FROM are not set.")
    if body.get("webhook_url"):
        try:
            addresses_of(target_of(body["webhook_url"]), allow_private=settings.alert_allow_private)
        except BadTarget as error:
            raise _at_fault("webhook_url", _sentence(error)) from None
    if body.get("secret"):
        try:
            checked_secret(body["secret"])
        except BadSecret as error:
            raise _at_fault("secret", _sentence(error)) from None


def _wish(body: Mapping[str, Any], secret: str | None, *, direction: str | None = None) -> Wish:
    return Wish(
        name=body.get("name"),
        price=body.get("price"),
        percent=body.get("percent"),
        direction=body.get("direction", direction),
        period=_period(body),
        partial=body.get("partial_success"),
        paused=body.get("paused"),
        webhook_url=body.get("webhook_url"),
        secret=secret,
        mail_to=None if body.get("mail_to") is None else list(dict.fromkeys(body["mail_to"])),
        no_webhook="webhook_url" in body and body["webhook_url"] is None,
    )


def _period(body: Mapping[str, Any]) -> float | None:
    for name in ("within", "after"):
        if name not in body:
            continue
        try:
            seconds = interval_of(body[name])
        except BadSchedule as error:
            raise _at_fault(name, _sentence(error)) from None
        if not _SHORTEST <= seconds <= _LONGEST:
            raise _at_fault(name, "Must be from 1m to 30d.")
        return seconds
    return None


def _sentence(error: ProjectError) -> str:
    said = str(error)
    return said[0].upper() + said[1:] + "."


def _at_fault(field: str, detail: str) -> Problem:
    return Problem(422, f"{field}: {detail}", errors=[{"in": "body", "name": field, "detail": detail}])
