"""The API of alerts: what may be asked for, by whom, and what is shown of it."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

from core.settings import Settings
from core.webhooks import checked_secret
from db import crossings, deliveries
from db.pool import Database
from tests.contract import ContractClient, exact
from tests.factories import Factory
from tests.integration.conftest import MakeClient
from tests.receiver import receiver
from workers.alerting import LEASE, MOST_ATTEMPTS, Alerting

HERE = "/api/v1/alerts"
NEW = {"name": "high", "kind": "price_above", "coin": "btc", "price": 100, "webhook_url": "http://127.0.0.1:1/x"}
MAIL = {"SMTP_URL": "smtp://127.0.0.1:1", "ALERT_MAIL_FROM": "alerts@example.com"}


@pytest.fixture
def open_client(make_client: MakeClient, factory: Factory) -> ContractClient:
    factory.coin("btc")
    return make_client(ALERT_ALLOW_PRIVATE="on", **MAIL)


def test_a_rule_is_made_seen_changed_and_taken_away(open_client: ContractClient) -> None:
    answer = open_client.post(HERE, json=NEW)
    assert answer.status_code == 201
    made = exact(answer)
    there = answer.headers["Location"]
    assert checked_secret(made.pop("secret"))
    assert exact(open_client.get(there)) == made
    assert exact(open_client.get(HERE))["data"] == [made]
    changed = exact(open_client.patch(there, json={"name": "higher", "mail_to": ["ann@example.com"]}))
    assert (changed["name"], changed["mail_to"], changed["price"]) == ("higher", ["ann@example.com"], 100)
    assert exact(open_client.patch(there, json={"webhook_url": None}))["webhook_url"] is None
    assert exact(open_client.delete(there))["name"] == "higher"
    assert open_client.get(there).status_code == 404
    assert open_client.patch(there, json={"name": "x"}).status_code == 404
    assert open_client.get(f"{there}/deliveries").status_code == 404


def test_a_secret_is_shown_once_whoever_made_it(open_client: ContractClient) -> None:
    given = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    answer = open_client.post(HERE, json={**NEW, "secret": given})
    assert answer.get_json()["secret"] == given
    assert answer.headers["Cache-Control"] == "no-store"
    there = answer.headers["Location"]
    again = open_client.patch(there, json={"secret": "whsec_" + "QUJD" * 8})
    for later in (open_client.get(there), open_client.get(HERE), again, open_client.delete(there)):
        assert "whsec_" not in later.text


def test_the_same_key_makes_one_rule_and_shows_its_secret_only_the_first_time(open_client: ContractClient) -> None:
    key = {"Idempotency-Key": "once"}
    first = open_client.post(HERE, json={**NEW, "price": "100.10"}, headers=key)
    again = open_client.post(HERE, json={**NEW, "price": "100.10"}, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.get_json() == {**first.get_json(), "secret": None}
    assert open_client.post(HERE, json={**NEW, "price": 200}, headers=key).status_code == 422
    assert open_client.get(HERE).get_json()["total"] == 1


def test_a_figure_keeps_every_digit_as_a_number_and_as_text(open_client: ContractClient) -> None:
    figures = ("0.1000000000000000000000000000000000000001", "123456789012345678901.5", "1e-30")
    for written, spelled in [(each, form) for each in figures for form in (each, f'"{each}"')]:
        body = f'{{"name": "n", "kind": "price_below", "coin": "btc", "mail_to": ["a@b.example"], "price": {spelled}}}'
        answer = open_client.post(HERE, data=body, content_type="application/json")
        assert exact(answer)["price"] == Decimal(written)


def test_a_private_address_is_refused_when_the_rule_is_made_and_when_it_is_changed(
    client: ContractClient, factory: Factory
) -> None:
    factory.coin("btc")
    made = client.post(HERE, json={**NEW, "webhook_url": "http://8.8.8.8/hook"})
    assert made.status_code == 201
    for host in ("127.0.0.1", "2130706433", "0177.0.0.1", "localhost", "[::ffff:127.0.0.1]", "10.0.0.1"):
        answer = client.post(HERE, json={**NEW, "webhook_url": f"http://{host}/hook"})
        assert answer.status_code == 422
        assert "private" in answer.get_json()["detail"]
        assert client.patch(made.headers["Location"], json={"webhook_url": f"http://{host}/"}).status_code == 422


def test_a_rule_for_a_coin_that_is_not_there_is_refused(open_client: ContractClient) -> None:
    answer = open_client.post(HERE, json={**NEW, "coin": "no-such-coin"})
    assert (answer.status_code, answer.get_json()["errors"][0]["name"]) == (422, "coin")


def test_without_a_mail_server_no_rule_sends_mail(make_client: MakeClient, factory: Factory) -> None:
    factory.coin("btc")
    answer = make_client().post(HERE, json={"name": "n", "kind": "job_failed", "mail_to": ["a@b.example"]})
    assert answer.status_code == 422
    assert "SMTP_URL" in answer.get_json()["detail"]


def test_reading_rules_takes_a_key_that_may_ingest_and_changing_them_an_admin_s(
    make_client: MakeClient, factory: Factory
) -> None:
    factory.coin("btc")
    client = make_client(
        API_KEYS="r:read:read-secret,i:ingest:ingest-secret,a:admin:admin-secret", ALERT_ALLOW_PRIVATE="on"
    )

    def by(name: str) -> dict[str, str]:
        return {"X-API-Key": f"{name}-secret"}

    assert client.get(HERE).status_code == 401
    assert client.get(HERE, headers=by("read")).status_code == 403
    assert client.get(HERE, headers=by("ingest")).status_code == 200
    assert client.post(HERE, json=NEW, headers=by("ingest")).status_code == 403
    made = client.post(HERE, json=NEW, headers=by("admin"))
    assert (made.status_code, made.get_json()["created_by"]) == (201, "a")
    there = made.headers["Location"]
    assert client.patch(there, json={"paused": True}, headers=by("ingest")).status_code == 403
    assert client.delete(there, headers=by("ingest")).status_code == 403
    assert client.get(f"{there}/deliveries", headers=by("read")).status_code == 403


def test_rules_and_messages_come_page_by_page(open_client: ContractClient, factory: Factory) -> None:
    made = [open_client.post(HERE, json={**NEW, "name": str(number)}).get_json() for number in range(3)]
    page = open_client.get(f"{HERE}?page=2&page_size=2").get_json()
    assert ([each["name"] for each in page["data"]], page["total"], page["total_pages"]) == (["2"], 3, 2)
    body = '{"type": "alert.price_above", "data": {"message": "it is"}}'
    for _ in range(3):
        factory.connection.execute("INSERT INTO deliveries (alert_id, body) VALUES (%s, %s)", [made[0]["id"], body])
    page = open_client.get(f"{made[0]['links']['deliveries']}?page_size=2").get_json()
    assert (len(page["data"]), page["total"], page["data"][0]["message"]) == (2, 3, "it is")
    assert open_client.get(made[0]["links"]["self"]).get_json()["pending_deliveries"] == 3


def test_a_webhook_that_is_added_needs_a_secret_and_the_last_receiver_stays(open_client: ContractClient) -> None:
    made = open_client.post(HERE, json={"name": "n", "kind": "job_failed", "mail_to": ["a@b.example"]})
    assert made.get_json()["secret"] is None
    there = made.headers["Location"]
    url = {"webhook_url": "http://127.0.0.1:1/x"}
    assert open_client.patch(there, json=url).status_code == 422
    assert open_client.patch(there, json={**url, "secret": "whsec_" + "QUJD" * 8}).status_code == 200
    assert open_client.patch(there, json={"mail_to": []}).status_code == 200
    assert open_client.patch(there, json={"webhook_url": None}).status_code == 422


# Mail.


class _MailServer(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        mails: list[str] = self.server.mails  # type: ignore[attr-defined]
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"RCPT" and b"refused" in line:
                self.wfile.write(b"550 nobody\r\n")
            elif word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                mails.append(b"".join(lines).decode())
                self.wfile.write(b"250 taken\r\n")
            else:
                self.wfile.write(b"250 yes\r\n")


@contextmanager
def mail_server() -> Iterator[tuple[str, list[str]]]:
    """A mail server's URL, and the mails that it took."""
    mails: list[str] = []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _MailServer) as server:
        server.daemon_threads = True
        server.mails = mails  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"smtp://127.0.0.1:{server.server_address[1]}", mails
        server.shutdown()
        thread.join()


def test_a_mail_goes_to_each_address_under_an_id_and_one_that_is_refused_is_given_up(
    open_client: ContractClient, database_url: str, factory: Factory
) -> None:
    database = Database(database_url, size=2)
    addresses = ["ann@example.com", "refused@example.com"]
    made = open_client.post(HERE, json={"name": "Näme: *", "kind": "job_failed", "mail_to": addresses})
    job = factory.job(state="running")
    factory.connection.execute("UPDATE jobs SET state = 'failed' WHERE id = %s", [job])
    crossings.look_at_sightings(database)
    with mail_server() as (url, mails):
        alerting = Alerting(Settings.from_env({"SMTP_URL": url, "ALERT_MAIL_FROM": "alerts@example.com"}), database)
        for claimed in deliveries.claim(database, most=5, most_attempts=MOST_ATTEMPTS, lease=LEASE):
            alerting.deliver(claimed)
    database.close()
    [mail] = mails
    sent = open_client.get(made.get_json()["links"]["deliveries"]).get_json()["data"]
    states = {each["recipient"]: (each["state"], each["error"]) for each in sent}
    assert states == {
        "ann@example.com": ("delivered", None),
        "refused@example.com": ("dead", "the mail server refused with 550"),
    }
    message_id = next(each["id"] for each in sent if each["state"] == "delivered")
    assert f"Message-ID: <{message_id}@example.com>" in mail
    assert "To: ann@example.com" in mail
    assert "refused@" not in mail
    assert f"job {job} (csv) ended as failed" in mail


def test_with_a_mail_server_and_a_webhook_a_rule_tells_both(
    open_client: ContractClient, database_url: str, factory: Factory
) -> None:
    database = Database(database_url, size=2)
    with receiver() as hook, mail_server() as (url, mails):
        both = {"name": "n", "kind": "job_failed", "mail_to": ["ann@example.com"], "webhook_url": hook.url}
        assert open_client.post(HERE, json=both).status_code == 201
        job = factory.job(state="running")
        factory.connection.execute("UPDATE jobs SET state = 'failed' WHERE id = %s", [job])
        crossings.look_at_sightings(database)
        environ = {"SMTP_URL": url, "ALERT_MAIL_FROM": "alerts@example.com", "ALERT_ALLOW_PRIVATE": "on"}
        alerting = Alerting(Settings.from_env(environ), database)
        for claimed in deliveries.claim(database, most=5, most_attempts=MOST_ATTEMPTS, lease=LEASE):
            alerting.deliver(claimed)
        assert (len(hook.received), len(mails)) == (1, 1)
    database.close()
