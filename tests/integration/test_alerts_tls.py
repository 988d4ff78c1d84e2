"""Webhooks by https and mails by TLS: who shows the right certificate gets the message, and nobody else does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from core import posting
from core.settings import Settings
from db import crossings, deliveries
from db.pool import Database
from tests import tls
from tests.contract import ContractClient
from tests.factories import Factory
from tests.integration.conftest import MakeClient
from tests.mailserver import MailServer, mail_server
from tests.receiver import Receiver, receiver
from tests.tls import Authority, Certificate, TlsFront
from workers.alerting import LEASE, MOST_ATTEMPTS, Alerting

pytestmark = pytest.mark.skipif(tls.openssl() is None, reason="openssl isn't installed, which makes the certificates")
HERE = "/api/v1/alerts"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PASSWORD = "not-to-be-heard"
RIGHT, STRANGER, ELSEWHERE = "of our authority", "of a stranger", "for another host"


@pytest.fixture(scope="module")
def certificates(service_folder: Path) -> dict[str, Certificate]:
    """All for localhost, but the one that is for another host."""
    ours, stranger = Authority(service_folder, "ours"), Authority(service_folder, "a-stranger")
    return {
        "root": Certificate(ours.root, ours.root),
        RIGHT: ours.certificate("right", "DNS:localhost"),
        STRANGER: stranger.certificate("strangers-own", "DNS:localhost"),
        # Where the connection leads to, and not what was asked for.
        ELSEWHERE: ours.certificate("elsewhere", "DNS:example.com,IP:127.0.0.1"),
    }


@pytest.fixture(autouse=True)
def _our_authority_is_known(certificates: dict[str, Certificate], monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(certificates["root"].chain)
    monkeypatch.setattr(posting, "DEFAULT_CA_BUNDLE_PATH", root)
    monkeypatch.setenv("SSL_CERT_FILE", root)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=2)
    yield database
    database.close()


@pytest.fixture
def open_client(make_client: MakeClient) -> ContractClient:
    return make_client(ALERT_ALLOW_PRIVATE="on", SMTP_URL="smtp://127.0.0.1:1", ALERT_MAIL_FROM="alerts@example.com")


@pytest.fixture
def hook(certificates: dict[str, Certificate]) -> Iterator[Callable[[str], tuple[str, Receiver]]]:
    """The URL of a receiver that shows such a certificate, and what came to it."""
    with ExitStack() as stack:

        def begin(shows: str) -> tuple[str, Receiver]:
            behind = stack.enter_context(receiver())
            front = stack.enter_context(TlsFront(urlsplit(behind.url).port or 0, certificates[shows]))
            return f"https://localhost:{front.port}/hook", behind

        yield begin


def outcome(
    client: ContractClient, database: Database, factory: Factory, rule: dict[str, Any], smtp_url: str = ""
) -> dict[str, Any]:
    """What became of the one message of a rule."""
    made = client.post(HERE, json={"name": "n", "kind": "job_failed", **rule}).get_json()
    job = factory.job(state="running")
    factory.connection.execute("UPDATE jobs SET state = 'failed' WHERE id = %s", [job])
    crossings.look_at_sightings(database)
    environ = {"ALERT_ALLOW_PRIVATE": "on", "SMTP_URL": smtp_url, "ALERT_MAIL_FROM": "alerts@example.com"}
    [claimed] = deliveries.claim(database, most=5, most_attempts=MOST_ATTEMPTS, lease=LEASE)
    Alerting(Settings.from_env(environ), database).deliver(claimed)
    [sent] = client.get(made["links"]["deliveries"]).get_json()["data"]
    return dict(sent)


def test_a_webhook_is_delivered_by_https_to_who_shows_the_right_certificate(
    open_client: ContractClient, database: Database, factory: Factory, hook: Callable[[str], tuple[str, Receiver]]
) -> None:
    url, behind = hook(RIGHT)
    sent = outcome(open_client, database, factory, {"webhook_url": url, "secret": SECRET})
    assert (sent["state"], sent["error"]) == ("delivered", None)
    [request] = behind.received
    assert request.is_signed_with(SECRET)


@pytest.mark.parametrize("shows", [STRANGER, ELSEWHERE])
def test_a_webhook_is_kept_from_who_shows_another_certificate(
    shows: str,
    open_client: ContractClient,
    database: Database,
    factory: Factory,
    hook: Callable[[str], tuple[str, Receiver]],
) -> None:
    url, behind = hook(shows)
    sent = outcome(open_client, database, factory, {"webhook_url": url, "secret": SECRET})
    assert (sent["state"], sent["error"]) == ("queued", "the receiver could not be reached securely (TLS)")
    assert behind.received == []


def mailed(
    client: ContractClient, database: Database, factory: Factory, certificate: Certificate, *, scheme: str
) -> tuple[dict[str, Any], MailServer]:
    """What became of a mail, and the server that it went to."""
    with mail_server(certificate.context(), at_once=scheme == "smtps", password=PASSWORD) as server:
        url = f"{scheme}://me:{PASSWORD}@{server.address.replace('127.0.0.1', 'localhost')}"
        return outcome(client, database, factory, {"mail_to": ["ann@example.com"]}, url), server


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_mail_goes_by_tls_from_the_first_byte_or_as_soon_as_the_server_offers_it(
    scheme: str,
    open_client: ContractClient,
    database: Database,
    factory: Factory,
    certificates: dict[str, Certificate],
) -> None:
    sent, server = mailed(open_client, database, factory, certificates[RIGHT], scheme=scheme)
    assert (sent["state"], sent["error"]) == ("delivered", None)
    assert (len(server.mails), server.secure) == (1, [True])
    assert server.heard == [PASSWORD]


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize("shows", [STRANGER, ELSEWHERE])
def test_neither_a_mail_nor_the_password_goes_to_a_server_that_shows_another_certificate(
    shows: str,
    scheme: str,
    open_client: ContractClient,
    database: Database,
    factory: Factory,
    certificates: dict[str, Certificate],
) -> None:
    sent, server = mailed(open_client, database, factory, certificates[shows], scheme=scheme)
    assert (sent["state"], sent["error"]) == ("queued", "the mail server could not be reached, or broke off")
    assert (server.mails, server.heard) == ([], [])
