"""The API of alerts: what may be asked for, by whom, and what is shown of it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from core.settings import Settings
from core.webhooks import checked_secret
from db import crossings, deliveries
from db.pool import Database
from tests.contract import ContractClient, exact
from tests.factories import Factory
from tests.integration.conftest import MakeClient
from tests.mailserver import mail_server
from tests.receiver import receiver
from workers.alerting import LEASE, MOST_ATTEMPTS, Alerting

HERE = "/api/v1/alerts"
NEW = {"name": "high", "kind": "price_above", "coin": "btc", "price": 100, "webhook_url": "http://127.0.0.1:1/x"}
MAIL = {"SMTP_URL": "smtp://127.0.0.1:1", "ALERT_MAIL_FROM": "alerts@example.com"}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=2)
    yield database
    database.close()


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


def job_fails(factory: Factory, database: Database) -> int:
    job = factory.job(state="running")
    factory.connection.execute("UPDATE jobs SET state = 'failed' WHERE id = %s", [job])
    crossings.look_at_sightings(database)
    return job


def send_due(database: Database, **environ: str) -> None:
    settings = {"ALERT_MAIL_FROM": "alerts@example.com", "ALERT_ALLOW_PRIVATE": "on", **environ}
    alerting = Alerting(Settings.from_env(settings), database)
    for claimed in deliveries.claim(database, most=5, most_attempts=MOST_ATTEMPTS, lease=LEASE):
        alerting.deliver(claimed)


def test_a_mail_goes_to_each_address_under_an_id_and_one_that_is_refused_is_given_up(
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    addresses = ["ann@example.com", "refused@example.com"]
    made = open_client.post(HERE, json={"name": "Näme: *", "kind": "job_failed", "mail_to": addresses})
    job = job_fails(factory, database)
    with mail_server() as server:
        send_due(database, SMTP_URL=server.url)
    [mail] = server.mails
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
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    with receiver() as hook, mail_server() as server:
        both = {"name": "n", "kind": "job_failed", "mail_to": ["ann@example.com"], "webhook_url": hook.url}
        assert open_client.post(HERE, json=both).status_code == 201
        job_fails(factory, database)
        send_due(database, SMTP_URL=server.url)
        assert (len(hook.received), len(server.mails)) == (1, 1)


MAILED = {"name": "n", "kind": "job_failed", "mail_to": ["ann@example.com"]}


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("127.0.0.1", "the mail server doesn't take mails from us: it refused with 535"),
        # Not this machine's loopback, as far as one can tell.
        ("0.0.0.0", "the mail server offers no TLS, and a password is not sent without"),  # noqa: S104
    ],
)
def test_a_mail_that_our_own_sign_in_keeps_from_going_is_tried_again_later(
    host: str, reason: str, open_client: ContractClient, database: Database, factory: Factory
) -> None:
    made = open_client.post(HERE, json=MAILED).get_json()
    job_fails(factory, database)
    with mail_server(password="right-password") as server:
        send_due(database, SMTP_URL=f"smtp://me:wrong-password@{server.address.replace('127.0.0.1', host)}")
        [waiting] = open_client.get(made["links"]["deliveries"]).get_json()["data"]
        assert (waiting["state"], waiting["attempts"]) == ("queued", 1)
        assert waiting["error"] == reason
        factory.connection.execute("UPDATE deliveries SET run_at = now()")
        send_due(database, SMTP_URL=f"smtp://me:right-password@{server.address}")
        assert len(server.mails) == 1


# Sent again.


def bury(factory: Factory, alert: int, state: str = "dead") -> str:
    body = '{"type": "alert.price_above", "timestamp": "2026-03-02T12:00:00+00:00", "data": {"message": "it is"}}'
    row = factory.connection.execute(
        "INSERT INTO deliveries (alert_id, recipient, body, state, attempt, error, finished_at)"
        " VALUES (%s, 'ann@example.com', %s, %s, 8, 'refused', now()) RETURNING message_id",
        [alert, body, state],
    ).fetchone()
    assert row
    return str(row[0])


def test_a_message_that_was_given_up_is_sent_again_under_its_id_and_with_all_its_attempts(
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    made = open_client.post(HERE, json=MAILED).get_json()
    message = bury(factory, made["id"])
    answer = open_client.post(f"{made['links']['deliveries']}/{message}/retry")
    again = answer.get_json()
    assert (answer.status_code, again["id"], again["state"], again["attempts"]) == (200, message, "queued", 0)
    assert (again["finished_at"], again["next_attempt_at"] is None) == (None, False)
    with mail_server() as server:
        send_due(database, SMTP_URL=server.url)
        assert f"<{message}@example.com>" in server.mails[0]
    [sent] = open_client.get(made["links"]["deliveries"]).get_json()["data"]
    assert (sent["state"], sent["attempts"], sent["error"]) == ("delivered", 1, None)


@pytest.mark.parametrize("state", ["queued", "delivered"])
def test_only_what_was_given_up_is_sent_again(open_client: ContractClient, factory: Factory, state: str) -> None:
    made = open_client.post(HERE, json=MAILED).get_json()
    there = f"{made['links']['deliveries']}/{bury(factory, made['id'], state)}/retry"
    answer = open_client.post(there)
    assert (answer.status_code, state in answer.get_json()["detail"]) == (409, True)


def test_a_message_of_another_rule_or_of_none_is_not_found(open_client: ContractClient, factory: Factory) -> None:
    made, other = (open_client.post(HERE, json=MAILED).get_json() for _ in range(2))
    message = bury(factory, made["id"])
    for there in (other["links"]["deliveries"], f"{HERE}/999/deliveries"):
        assert open_client.post(f"{there}/{message}/retry").status_code == 404
    assert open_client.post(f"{made['links']['deliveries']}/msg_%00/retry").status_code == 404


def test_a_repeat_under_the_same_key_sends_nothing_again(
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    made = open_client.post(HERE, json=MAILED).get_json()
    there = f"{made['links']['deliveries']}/{bury(factory, made['id'])}/retry"
    key = {"Idempotency-Key": "k"}
    assert "Idempotent-Replayed" not in open_client.post(there, headers=key).headers
    with mail_server() as server:
        send_due(database, SMTP_URL=server.url)
    again = open_client.post(there, headers=key)
    assert (again.status_code, again.headers["Idempotent-Replayed"], again.get_json()["state"]) == (
        200,
        "true",
        "delivered",
    )
    assert open_client.post(there).status_code == 409


def test_sending_again_takes_a_key_that_may_ingest(make_client: MakeClient, factory: Factory) -> None:
    factory.coin("btc")
    keys = {name: {"X-API-Key": f"{name}-secret"} for name in ("read", "ingest", "admin")}
    client = make_client(
        API_KEYS=",".join(f"{name}:{name}:{name}-secret" for name in keys), ALERT_ALLOW_PRIVATE="on", **MAIL
    )
    made = client.post(HERE, json=MAILED, headers=keys["admin"]).get_json()
    there = f"{made['links']['deliveries']}/{bury(factory, made['id'])}/retry"
    assert client.post(there).status_code == 401
    assert client.post(there, headers=keys["read"]).status_code == 403
    assert client.post(there, headers=keys["ingest"]).status_code == 200
