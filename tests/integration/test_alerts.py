"""Alerts against a real Postgres: crossings found once whoever looks, messages delivered and not lost."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.settings import Settings
from db import crossings, deliveries
from db.pool import Database
from db.quotes import clear
from tests.contract import ContractClient, exact
from tests.factories import Factory
from tests.integration.conftest import MakeClient
from tests.quoting import NOON, quote, stored
from tests.receiver import Receiver, receiver
from workers.alerting import LEASE, MOST_ATTEMPTS, Alerting

HERE = "/api/v1/alerts"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=8)
    yield database
    database.close()


@pytest.fixture
def open_client(make_client: MakeClient) -> ContractClient:
    return make_client(ALERT_ALLOW_PRIVATE="on", SMTP_URL="smtp://127.0.0.1:1", ALERT_MAIL_FROM="alerts@example.com")


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def alerting(database: Database) -> Alerting:
    return Alerting(Settings.from_env({"ALERT_ALLOW_PRIVATE": "on"}), database)


def price(database: Database, figure: str | None, minutes: int = 0, source: str = "csv") -> None:
    """Bitcoin is quoted at that, so many minutes after noon."""
    stored(database, source, [quote("btc", "BTC", "Bitcoin", figure, observed_at=NOON + timedelta(minutes=minutes))])


def make(client: ContractClient, **more: object) -> dict[str, Any]:
    body = {
        "name": "high",
        "kind": "price_above",
        "coin": "btc",
        "price": 100,
        "webhook_url": "http://127.0.0.1:1/hook",
        "secret": SECRET,
        **more,
    }
    answer = client.post(HERE, json={name: value for name, value in body.items() if value is not None})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = exact(answer)
    return made


def bodies(factory: Factory) -> list[dict[str, Any]]:
    rows = factory.connection.execute("SELECT body FROM deliveries ORDER BY id").fetchall()
    return [json.loads(row[0], parse_float=Decimal) for row in rows]


def prices(factory: Factory) -> list[str]:
    return [str(each["data"]["price"]) for each in bodies(factory)]


def at_once(*do: Callable[[], object]) -> None:
    together = threading.Barrier(len(do))

    def run(each: Callable[[], object]) -> None:
        together.wait(20)
        each()

    threads = [threading.Thread(target=run, args=(each,)) for each in do]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def send_all(alerting: Alerting, database: Database) -> None:
    """As the dispatcher has it done, but one after the other."""
    while claimed := deliveries.claim(database, most=10, most_attempts=MOST_ATTEMPTS, lease=LEASE):
        for each in claimed:
            alerting.deliver(each)


# Crossings.


def test_a_crossing_is_found_once_by_any_number_that_look_at_once(
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    price(database, "99")
    for number in range(5):
        make(open_client, name=f"rule {number}")
    price(database, "101", 1)
    at_once(*[lambda: [crossings.look_at_sightings(database) for _ in range(3)]] * 6)
    crossings.look_at_sightings(database)
    assert prices(factory) == ["101"] * 5
    assert factory.value("SELECT count(*) FROM alert_sightings") == 0


def test_a_price_that_came_back_before_anyone_looked_has_crossed_all_the_same(
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    price(database, "99")
    make(open_client)
    for minute, figure in enumerate(["101.000000000000000000000000001", "102", "98", "103"], 1):
        price(database, figure, minute)
    crossings.look_at_sightings(database)
    assert prices(factory) == ["101.000000000000000000000000001", "103"]
    price(database, "104", 9)
    crossings.look_at_sightings(database)
    assert len(prices(factory)) == 2


def test_what_is_above_when_the_rule_is_made_fires_only_after_it_was_below(
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    price(database, "101")
    rule = make(open_client)
    price(database, "102", 1)
    crossings.look_at_sightings(database)
    assert prices(factory) == []
    assert open_client.get(rule["links"]["self"]).get_json()["beyond"] is True
    price(database, "100", 2)
    price(database, "103", 3)
    crossings.look_at_sightings(database)
    assert prices(factory) == ["103"]


def test_a_merge_that_is_rolled_back_has_crossed_nothing(
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    price(database, "99")
    make(open_client)
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        connection.execute("UPDATE cryptocurrencies SET price = 500")
        raise ZeroDivisionError
    crossings.look_at_sightings(database)
    assert prices(factory) == []


def test_a_looker_that_dies_before_its_commit_has_found_nothing_and_the_next_finds_it(
    open_client: ContractClient, database: Database, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    price(database, "99")
    make(open_client)
    price(database, "101", 1)

    def die(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(crossings, "_deliver", die)
        with pytest.raises(ZeroDivisionError):
            crossings.look_at_sightings(database)
    crossings.look_at_sightings(database)
    assert prices(factory) == ["101"]


def test_a_merge_beside_the_making_of_a_rule_is_seen_by_it(
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    price(database, "99")
    with database.transaction() as connection:
        connection.execute("UPDATE cryptocurrencies SET price = 101")
        making = threading.Thread(target=make, args=(open_client,))
        making.start()
        making.join(0.3)
        assert making.is_alive()
    making.join(20)
    assert factory.value("SELECT array_agg(price) FROM alert_sightings") == [Decimal(101)]


def test_without_rules_a_merge_leaves_nothing_behind(database: Database, factory: Factory) -> None:
    price(database, "99")
    price(database, "101", 1)
    assert factory.value("SELECT count(*) FROM alert_sightings") == 0


def test_a_change_within_a_time_is_judged_by_what_the_same_source_said(
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    price(database, "100")
    make(open_client, name="moves", kind="price_change", price=None, percent="5", within="1h")
    # Another source's price is another market's.
    price(database, "50", 1, source="coinpaprika")
    factory.connection.execute("DELETE FROM quotes q USING source_mappings m WHERE q.mapping_key = m.mapping_key"
                               " AND m.source = 'coinpaprika'")  # fmt: skip
    crossings.look_at_sightings(database)
    price(database, "104.9", 10)
    price(database, "105", 20)
    price(database, "106", 30)
    crossings.look_at_sightings(database)
    assert [(each["data"]["price"], each["data"]["change_percent"]) for each in bodies(factory)] == [
        (105, Decimal("5.00"))
    ]
    price(database, "106", 200)
    price(database, "100.7", 210)
    crossings.look_at_sightings(database)
    assert bodies(factory)[-1]["data"]["change_percent"] == Decimal("-5.00")
    assert len(bodies(factory)) == 2


def test_a_paused_rule_sees_nothing_and_a_resumed_one_starts_from_how_things_are(
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    price(database, "99")
    rule = make(open_client)["links"]["self"]
    open_client.patch(rule, json={"paused": True})
    price(database, "101", 1)
    crossings.look_at_sightings(database)
    open_client.patch(rule, json={"paused": False})
    price(database, "102", 2)
    crossings.look_at_sightings(database)
    assert prices(factory) == []
    price(database, "99", 3)
    price(database, "103", 4)
    crossings.look_at_sightings(database)
    assert prices(factory) == ["103"]


def test_a_rule_whose_mark_is_moved_starts_from_how_things_are(
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    price(database, "101")
    rule = make(open_client)["links"]["self"]
    assert exact(open_client.patch(rule, json={"price": "102.5"}))["price"] == Decimal("102.5")
    price(database, "103", 1)
    crossings.look_at_sightings(database)
    assert prices(factory) == ["103"]


@pytest.mark.parametrize("same", [{"paused": False}, {"price": "100.0"}, {"price": 100, "paused": False, "name": "x"}])
def test_a_change_to_what_the_rule_is_already_loses_no_crossing(
    open_client: ContractClient, database: Database, factory: Factory, same: dict[str, object]
) -> None:
    price(database, "99")
    rule = make(open_client)["links"]["self"]
    price(database, "500", 1)
    assert open_client.patch(rule, json=same).status_code == 200
    crossings.look_at_sightings(database)
    assert prices(factory) == ["500"]


@pytest.mark.parametrize("change", [{"paused": True}, {"price": 1000}])
def test_what_was_crossed_before_a_change_is_told_of_though_nobody_had_looked_yet(
    open_client: ContractClient, database: Database, factory: Factory, change: dict[str, object]
) -> None:
    price(database, "99")
    rule = make(open_client)["links"]["self"]
    price(database, "500", 1)
    open_client.patch(rule, json=change)
    price(database, "600", 2)
    crossings.look_at_sightings(database)
    assert prices(factory) == ["500"]


def test_a_source_s_rule_that_is_changed_to_what_it_is_already_still_tells_of_what_went_stale(
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    rule = make(open_client, kind="source_stale", coin=None, price=None, source="csv", after="2m")
    crossings.look_at_sources(database)
    factory.connection.execute("UPDATE alerts SET good_at = good_at - interval '3 min'")
    open_client.patch(rule["links"]["self"], json={"after": "120s"})
    crossings.look_at_sources(database)
    assert len(bodies(factory)) == 1
    factory.connection.execute("UPDATE alerts SET good_at = now() - interval '3 min', beyond = false")
    open_client.patch(rule["links"]["self"], json={"after": "1h"})
    crossings.look_at_sources(database)
    assert len(bodies(factory)) == 2


def test_a_coin_that_was_merged_into_another_is_watched_there(
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    stored(database, "csv", [quote("odd", "ODD", "Odd coin", "1")])
    price(database, "99")
    make(open_client, coin="odd", price=100)
    answer = open_client.put("/api/v1/mappings/csv/odd", json={"canonical_id": "btc"})
    assert answer.status_code == 200
    crossings.look_at_sightings(database)
    price(database, "101", 1)
    crossings.look_at_sightings(database)
    assert prices(factory) == ["101"]


def test_clearing_all_data_keeps_the_rules_which_wait_for_their_coin(
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    price(database, "99")
    rule = make(open_client)["links"]["self"]
    crossings.look_at_sightings(database)
    with database.transaction() as connection:
        clear(connection)
    assert open_client.patch(rule, json={"name": "still there"}).status_code == 200
    price(database, "101")
    crossings.look_at_sightings(database)
    assert prices(factory) == ["101"]


def test_a_job_that_fails_is_told_of_once_and_one_that_doesn_t_is_not(
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    job_rule = {"kind": "job_failed", "coin": None, "price": None}
    make(open_client, name="any", **job_rule)
    make(open_client, name="of another source", source="coingecko", **job_rule)
    make(open_client, name="partial, too", partial_success=True, **job_rule)
    jobs = [factory.job(state="running") for _ in range(3)]
    factory.task(jobs[0], state="failed", errors=[{"detail": "the file is not there"}])
    for job, state in zip(jobs, ("failed", "partial_success", "succeeded"), strict=True):
        factory.connection.execute("UPDATE jobs SET state = %s WHERE id = %s", [state, job])
    at_once(*[lambda: crossings.look_at_sightings(database)] * 4)
    crossings.look_at_sightings(database)
    told = [(each["data"]["alert"], each["data"]["job"], each["data"]["state"]) for each in bodies(factory)]
    assert sorted(told) == [
        ("any", jobs[0], "failed"),
        ("partial, too", jobs[0], "failed"),
        ("partial, too", jobs[1], "partial_success"),
    ]
    assert bodies(factory)[0]["data"]["error"] == "the file is not there"


def test_a_source_that_goes_stale_is_told_of_once_until_it_was_fetched_again(
    open_client: ContractClient, database: Database, factory: Factory
) -> None:
    def fetched(ago: str) -> None:
        job = factory.job()
        task = factory.task(job, "csv")
        factory.connection.execute("UPDATE tasks SET finished_at = now() - %s::interval WHERE id = %s", [ago, task])

    def look() -> int:
        at_once(*[lambda: crossings.look_at_sources(database)] * 3)
        return len(bodies(factory))

    fetched("90 s")
    make(open_client, name="stale", kind="source_stale", coin=None, price=None, source="csv", after="2m")
    assert look() == 0
    # Two minutes pass.
    factory.connection.execute("UPDATE tasks SET finished_at = finished_at - interval '2 min'")
    factory.connection.execute("UPDATE alerts SET good_at = good_at - interval '2 min'")
    assert look() == 1
    assert look() == 1
    fetched("5 s")
    assert look() == 1
    factory.connection.execute("UPDATE tasks SET finished_at = finished_at - interval '3 min'")
    factory.connection.execute("UPDATE alerts SET good_at = good_at - interval '3 min'")
    assert look() == 2


# Delivering.


def crossed(client: ContractClient, database: Database, hook: Receiver, **more: object) -> dict[str, Any]:
    """A rule with one message to deliver."""
    price(database, "99")
    rule = make(client, webhook_url=hook.url, **more)
    price(database, "101", 1)
    crossings.look_at_sightings(database)
    return rule


def due(factory: Factory) -> None:
    factory.connection.execute("UPDATE deliveries SET run_at = now() WHERE state = 'queued'")


def sent(client: ContractClient, rule: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(rule["links"]["deliveries"]).get_json()["data"]
    return found


def test_a_message_is_signed_and_delivered_once(
    open_client: ContractClient, database: Database, hook: Receiver, alerting: Alerting
) -> None:
    rule = crossed(open_client, database, hook)
    at_once(*[lambda: send_all(alerting, database)] * 4)
    [request] = hook.received
    assert request.is_signed_with(SECRET)
    assert not request.is_signed_with("whsec_" + "QUJD" * 8)
    assert request.path == "/hook?token=in-the-url"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body)["type"] == "alert.price_above"
    [delivered] = sent(open_client, rule)
    assert (delivered["id"], delivered["state"], delivered["attempts"]) == (request.id, "delivered", 1)


@pytest.mark.parametrize("trouble", [500, 302, 404, "garbage", "close"])
def test_a_message_that_fails_is_sent_again_later_under_its_id(
    trouble: int | str,
    open_client: ContractClient,
    database: Database,
    hook: Receiver,
    alerting: Alerting,
    factory: Factory,
) -> None:
    rule = crossed(open_client, database, hook)
    hook.orders.append(trouble)
    hook.headers["Location"] = hook.url
    send_all(alerting, database)
    [waiting] = sent(open_client, rule)
    assert (waiting["state"], waiting["attempts"]) == ("queued", 1)
    assert factory.value("SELECT run_at > now() + interval '3 s' FROM deliveries")
    assert "token" not in waiting["error"]
    due(factory)
    send_all(alerting, database)
    assert sent(open_client, rule)[0]["state"] == "delivered"
    assert len(hook.ids) == 2
    assert len(set(hook.ids)) == 1
    assert all(each.is_signed_with(SECRET) for each in hook.received)


def test_an_answer_without_end_is_not_read(
    open_client: ContractClient, database: Database, hook: Receiver, alerting: Alerting
) -> None:
    rule = crossed(open_client, database, hook)
    hook.orders.append("endless")
    send_all(alerting, database)
    assert sent(open_client, rule)[0]["state"] == "delivered"


def test_a_receiver_that_names_a_time_is_given_it(
    open_client: ContractClient, database: Database, hook: Receiver, alerting: Alerting, factory: Factory
) -> None:
    crossed(open_client, database, hook)
    hook.orders.append(429)
    hook.headers["Retry-After"] = "900"
    send_all(alerting, database)
    assert factory.value("SELECT run_at > now() + interval '14 min' FROM deliveries")


def test_after_the_last_attempt_a_message_is_dead_and_in_sight(
    open_client: ContractClient, database: Database, hook: Receiver, alerting: Alerting, factory: Factory
) -> None:
    rule = crossed(open_client, database, hook)
    hook.orders.extend([503] * 20)
    for _ in range(MOST_ATTEMPTS + 2):
        due(factory)
        send_all(alerting, database)
    [dead] = open_client.get(rule["links"]["deliveries"] + "?state=dead").get_json()["data"]
    assert (dead["state"], dead["attempts"], len(hook.ids)) == ("dead", MOST_ATTEMPTS, MOST_ATTEMPTS)
    assert dead["error"] == "the receiver answered 503 Service Unavailable"


def test_a_receiver_that_is_gone_is_not_asked_again(
    open_client: ContractClient, database: Database, hook: Receiver, alerting: Alerting
) -> None:
    rule = crossed(open_client, database, hook)
    hook.orders.append(410)
    send_all(alerting, database)
    assert sent(open_client, rule)[0]["state"] == "dead"


def test_a_killed_sender_s_message_goes_on_under_its_id_and_the_late_sender_writes_nothing(
    open_client: ContractClient, database: Database, hook: Receiver, alerting: Alerting, factory: Factory
) -> None:
    rule = crossed(open_client, database, hook)
    [lost] = deliveries.claim(database, most=5, most_attempts=MOST_ATTEMPTS, lease=LEASE)
    assert deliveries.claim(database, most=5, most_attempts=MOST_ATTEMPTS, lease=LEASE) == []
    factory.connection.execute("UPDATE deliveries SET lease_until = now() - interval '1 s'")
    send_all(alerting, database)
    assert hook.ids == [lost.message_id]
    deliveries.failed(database, lost, "too late", again_in=1)
    [delivered] = sent(open_client, rule)
    assert (delivered["state"], delivered["attempts"]) == ("delivered", 2)


def test_a_message_whose_senders_all_die_ends_dead(
    open_client: ContractClient, database: Database, hook: Receiver, factory: Factory
) -> None:
    rule = crossed(open_client, database, hook)
    for _ in range(MOST_ATTEMPTS + 1):
        deliveries.claim(database, most=5, most_attempts=MOST_ATTEMPTS, lease=LEASE)
        factory.connection.execute("UPDATE deliveries SET lease_until = now() - interval '1 s' WHERE state = 'running'")
    assert sent(open_client, rule)[0]["state"] == "dead"


def test_a_slow_receiver_holds_up_only_its_own_messages(
    open_client: ContractClient, database: Database, hook: Receiver, alerting: Alerting
) -> None:
    price(database, "99")
    slow = make(open_client, name="slow", webhook_url=hook.url)
    with receiver() as quick:
        fast = make(open_client, name="fast", webhook_url=quick.url)
        for minute, figure in enumerate(("101", "99", "102", "99", "103"), 1):
            price(database, figure, minute)
        crossings.look_at_sightings(database)
        hook.orders.append("hang")
        waiting = deliveries.claim(database, most=2, most_attempts=MOST_ATTEMPTS, lease=LEASE)
        assert sorted(each.alert for each in waiting) == ["fast", "slow"]
        [stuck] = [each for each in waiting if each.alert == "slow"]
        hanging = threading.Thread(target=alerting.deliver, args=(stuck,))
        hanging.start()
        alerting.deliver(next(each for each in waiting if each.alert == "fast"))
        send_all(alerting, database)
        assert len(quick.received) == 3
        hook.let_go.set()
        hanging.join(20)
    send_all(alerting, database)
    assert len(set(hook.ids)) == 3
    assert {each["state"] for each in (*sent(open_client, slow), *sent(open_client, fast))} == {"delivered"}


def test_without_leave_nothing_is_sent_to_a_private_address_whatever_the_rule_says(
    open_client: ContractClient, database: Database, hook: Receiver
) -> None:
    rule = crossed(open_client, database, hook)
    send_all(Alerting(Settings.from_env({}), database), database)
    assert hook.received == []
    assert "private" in sent(open_client, rule)[0]["error"]


def test_a_deleted_rule_delivers_nothing_more(
    open_client: ContractClient, database: Database, hook: Receiver, alerting: Alerting, factory: Factory
) -> None:
    rule = crossed(open_client, database, hook)
    assert open_client.delete(rule["links"]["self"]).status_code == 200
    send_all(alerting, database)
    assert hook.received == []
    assert open_client.get(rule["links"]["self"]).status_code == 404
    price(database, "99", 2)
    price(database, "105", 3)
    assert factory.value("SELECT count(*) FROM alert_sightings") == 0


def test_what_ended_long_ago_is_forgotten(
    open_client: ContractClient, database: Database, hook: Receiver, alerting: Alerting, factory: Factory
) -> None:
    crossed(open_client, database, hook)
    send_all(alerting, database)
    alerting.prune()
    assert factory.value("SELECT count(*) FROM deliveries") == 1
    factory.connection.execute("UPDATE deliveries SET finished_at = now() - interval '31 days'")
    factory.connection.execute("INSERT INTO alert_sightings (alert_id) VALUES (999)")
    alerting.prune()
    assert factory.value("SELECT count(*) FROM deliveries") == 0
    assert factory.value("SELECT count(*) FROM alert_sightings") == 0


def test_no_secret_and_no_receiver_s_url_reaches_a_log(
    open_client: ContractClient,
    database: Database,
    hook: Receiver,
    alerting: Alerting,
    factory: Factory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    crossed(open_client, database, hook)
    hook.orders.append(500)
    send_all(alerting, database)
    due(factory)
    send_all(alerting, database)
    assert "delivered" in caplog.text
    assert SECRET.removeprefix("whsec_") not in caplog.text
    assert "in-the-url" not in caplog.text
