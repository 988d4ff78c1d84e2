"""Rules that can't be are refused by the name of the field at fault, before anything is asked."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from tests.contract import ContractClient
from tests.unit.web_requests import client

HERE = "/api/v1/alerts"
NEW = {"name": "high", "kind": "price_above", "coin": "btc", "price": 100, "webhook_url": "http://127.0.0.1:1/x"}


@cache
def asking() -> ContractClient:
    return client(ALERT_ALLOW_PRIVATE="on", SMTP_URL="smtp://127.0.0.1:1", ALERT_MAIL_FROM="alerts@example.com")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"price": 0}, "price"),
        ({"price": -1}, "price"),
        ({"price": "NaN"}, "price"),
        ({"price": "1e999999"}, "price"),
        ({"price": True}, "price"),
        ({"price": "9" * 200}, "price"),
        ({"price": None}, "price"),
        ({"percent": 5}, "percent"),
        ({"kind": "price_change", "price": ...}, "percent"),
        ({"kind": "price_change", "price": ..., "percent": 5, "within": "59s"}, "within"),
        ({"kind": "price_change", "price": ..., "percent": 5, "within": "31d"}, "within"),
        ({"kind": "price_change", "price": ..., "percent": 5, "within": "soon"}, "within"),
        ({"kind": "source_stale", "price": ..., "coin": ..., "after": "5m"}, "source"),
        ({"kind": "source_stale", "price": ..., "coin": ..., "after": "5m", "source": "nowhere"}, "source"),
        ({"kind": "job_failed", "price": ...}, "coin"),
        ({"kind": "moon"}, "kind"),
        ({"coin": ...}, "coin"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "x\u2028y"}, "name"),
        ({"webhook_url": ...}, "webhook_url"),
        ({"webhook_url": "ftp://example.com/"}, "webhook_url"),
        ({"webhook_url": "http://me:secret@127.0.0.1/"}, "webhook_url"),
        ({"secret": "whsec_c2hvcnQ="}, "secret"),
        (
            {"webhook_url": ..., "mail_to": ["a@b.example"], "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
            "secret",
        ),
        ({"mail_to": ["not an address"]}, "mail_to"),
        ({"mail_to": ["a@b.example\r\nBcc: c@d.example"]}, "mail_to"),
        ({"mail_to": ["a@b.example\n"]}, "mail_to"),
        ({"mail_to": ["a@b.example,c@d.example"]}, "mail_to"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_rule_that_can_t_be_is_refused_by_the_name_of_the_field(change: dict[str, Any], field: str) -> None:
    body = {name: value for name, value in {**NEW, **change}.items() if value is not ...}
    answer = asking().post(HERE, json=body)
    assert answer.status_code == 422
    assert [each["name"] for each in answer.get_json()["errors"]] == [field]


@pytest.mark.parametrize("body", ["", "{", "[1]", '{"price": NaN}', "[" * 30_000, '{"price": ' + "9" * 30_000 + "}"])
def test_a_body_that_can_t_be_read_is_the_client_s_fault(body: str) -> None:
    assert asking().post(HERE, data=body, content_type="application/json").status_code in (400, 422)
