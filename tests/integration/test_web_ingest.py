"""Taking ingests in: what is accepted is on record before the 202, what is refused leaves nothing behind."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import LiteralString

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from core.sources import SOURCES
from tests.contract import ContractClient, exact
from tests.factories import Factory
from web.services import services

INGEST = "/api/v1/ingest"
GOOD = b"symbol,name,price\nBTC,Bitcoin,1\nETH,Ethereum,2\n"
DEAD = "redis://127.0.0.1:1"
MakeClient = Callable[..., ContractClient]


def _upload(
    client: ContractClient, content: bytes, filename: str = "quotes.csv", *, key: str | None = None, **fields: str
) -> TestResponse:
    parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    parts.append(f'name="file"; filename="{filename}"\r\nContent-Type: text/csv\r\n\r\n'.encode() + content)
    body = b"".join(b"--edge\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + b"--edge--\r\n"
    return client.post(
        f"{INGEST}/csv",
        data=body,
        content_type="multipart/form-data; boundary=edge",
        headers={"Idempotency-Key": key} if key else None,
    )


@contextmanager
def _worker_that_ends_jobs(factory: Factory, statement: LiteralString) -> Iterator[None]:
    """Stands in for a worker: runs the statement again and again until the block ends."""
    done = Event()

    def work() -> None:
        while not done.wait(0.01):
            factory.connection.execute(statement)

    thread = Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


ENDS_WELL = """
    WITH done AS (
        UPDATE tasks SET state = 'succeeded', fence = 1, started_at = now(), finished_at = now(), rows = 5
        WHERE state = 'queued'
    )
    UPDATE jobs SET state = 'succeeded', started_at = now(), finished_at = now(), stored = 4 WHERE finished_at IS NULL
"""


def test_an_accepted_ingest_is_on_record_with_its_task(client: ContractClient, factory: Factory) -> None:
    answer = client.post(f"{INGEST}/coingecko?limit=250")
    job = exact(answer)
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/v1/jobs/{job['id']}" == job["links"]["self"]
    assert answer.headers["Retry-After"] == "1"
    assert (job["kind"], job["state"], job["progress"]) == ("coingecko", "queued", {"done": 0, "total": 1})
    assert factory.value("SELECT params FROM tasks WHERE source = 'coingecko'") == {"limit": 250}
    assert factory.value("SELECT max_attempts FROM tasks") == 4


@pytest.mark.parametrize("source", [source.name for source in SOURCES.values() if source.default_limit])
def test_without_a_limit_a_source_gets_its_own(client: ContractClient, factory: Factory, source: str) -> None:
    client.post(f"{INGEST}/{source}")
    assert factory.value("SELECT params FROM tasks") == {"limit": SOURCES[source].default_limit}


def test_all_is_one_job_with_a_task_a_source(client: ContractClient, factory: Factory) -> None:
    job = exact(client.post(f"{INGEST}/all?coingecko_limit=7&coinpaprika_limit=8"))
    assert set(job["sources"]) == {"csv", "coingecko", "coinpaprika"}
    assert factory.value("SELECT count(*) FROM jobs") == 1
    assert factory.value("SELECT params FROM tasks WHERE source = 'coingecko'") == {"limit": 7}
    assert factory.value("SELECT params FROM tasks WHERE source = 'coinpaprika'") == {"limit": 8}


def test_an_accepted_ingest_rings_for_its_tasks(client: ContractClient, redis_url: str) -> None:
    client.post(f"{INGEST}/all")
    with Redis.from_url(redis_url) as valkey:
        assert valkey.llen("dramatiq:fetch") == 3


def test_all_is_what_the_settings_say_in_the_registrys_order(make_client: MakeClient, factory: Factory) -> None:
    client = make_client(ALL_SOURCES="kraken, csv,binance")
    job = exact(client.post(f"{INGEST}/all?kraken_limit=7"))
    assert list(job["sources"]) == ["csv", "binance", "kraken"]
    assert factory.value("SELECT params FROM tasks WHERE source = 'kraken'") == {"limit": 7}
    assert factory.value("SELECT params FROM tasks WHERE source = 'binance'") == {"limit": 100}


def test_without_redis_an_ingest_is_accepted_all_the_same(make_client: MakeClient, factory: Factory) -> None:
    answer = make_client(REDIS_URL=DEAD).post(f"{INGEST}/csv")
    assert answer.status_code == 202
    assert factory.value("SELECT count(*) FROM tasks") == 1


@pytest.mark.parametrize("path", ["/ingest/all", "/jobs/1/retry"])
def test_without_postgres_a_post_is_told_to_come_back(make_client: MakeClient, path: str) -> None:
    answer = make_client(DATABASE_URL="postgresql://postgres@127.0.0.1:1/none").post(f"/api/v1{path}")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_an_unknown_source_is_404_and_the_known_ones_are_named(client: ContractClient) -> None:
    answer = client.post(f"{INGEST}/kucoin")
    assert answer.status_code == 404
    assert all(name in exact(answer)["detail"] for name in [*SOURCES, "all"])


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("coingecko?limit=0", "limit"),
        ("coingecko?limit=-1", "limit"),
        ("coingecko?limit=abc", "limit"),
        ("coinpaprika?limit=20001", "limit"),
        ("coinpaprika?limit=", "limit"),
        ("all?coingecko_limit=0", "coingecko_limit"),
        ("all?limit=5", "limit"),
        ("csv?limit=5", "limit"),
        ("csv?path=/etc/passwd", "path"),
    ],
)
def test_a_bad_parameter_is_refused_by_its_name(
    client: ContractClient, factory: Factory, path: str, field: str
) -> None:
    answer = client.post(f"{INGEST}/{path}")
    assert answer.status_code == 422
    assert [error["name"] for error in exact(answer)["errors"]] == [field]
    assert factory.value("SELECT count(*) FROM jobs") == 0


@pytest.mark.parametrize("path", ["csv", "coingecko", "all"])
def test_a_body_of_another_kind_is_415(client: ContractClient, path: str) -> None:
    assert client.post(f"{INGEST}/{path}", data=GOOD, content_type="text/csv").status_code == 415
    assert client.post(f"{INGEST}/{path}", json={"limit": 5}).status_code == 415


@pytest.mark.parametrize("path", ["csv", "coingecko", "all"])
def test_an_empty_json_object_is_no_body(client: ContractClient, path: str) -> None:
    assert client.post(f"{INGEST}/{path}", json={}).status_code == 202


def test_an_upload_is_kept_and_its_task_knows_it(client: ContractClient, factory: Factory) -> None:
    answer = _upload(client, GOOD, filename="../../etc/quo\x07tes.csv", columns='{"price": "price"}')
    assert answer.status_code == 202
    upload = factory.value("SELECT id FROM uploads")
    assert factory.value("SELECT params FROM tasks") == {"upload": upload, "columns": {"price": "price"}}
    assert factory.value("SELECT filename FROM uploads") == "quotes.csv"
    assert factory.value("SELECT string_agg(data, ''::bytea ORDER BY number) FROM upload_chunks") == GOOD


def test_a_large_upload_is_kept_in_pieces_byte_for_byte(client: ContractClient, factory: Factory) -> None:
    content = GOOD + b"".join(b"C%d,Coin\r\n--x,%d\n" % (number, number) for number in range(200_000))
    assert len(content) > 3 * 1024 * 1024
    assert _upload(client, content).status_code == 202
    assert factory.value("SELECT string_agg(data, ''::bytea ORDER BY number) FROM upload_chunks") == content
    assert factory.value("SELECT max(length(data)) FROM upload_chunks") == 1024 * 1024
    assert factory.value("SELECT bytes FROM uploads") == len(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(200), "not CSV"),
        (b"symbol,name,volume\nBTC,Bitcoin,1\n", "no price column"),
    ],
)
def test_an_upload_that_is_no_file_of_quotes_is_refused_with_a_sentence(
    client: ContractClient, factory: Factory, content: bytes, said: str
) -> None:
    answer = _upload(client, content)
    assert answer.status_code == 422
    assert said in exact(answer)["detail"]
    assert factory.value("SELECT (SELECT count(*) FROM uploads) + (SELECT count(*) FROM jobs)") == 0


@pytest.mark.parametrize("size", [100_001, 5_000_000])
def test_an_upload_that_is_too_large_is_413_and_leaves_nothing(
    make_client: MakeClient, factory: Factory, size: int
) -> None:
    client = make_client(MAX_UPLOAD_BYTES="100000")
    assert _upload(client, GOOD.ljust(size, b"\n")).status_code == 413
    assert _upload(client, GOOD.ljust(100_000, b"\n")).status_code == 202
    assert factory.value("SELECT count(*) FROM uploads") == 1


@pytest.mark.parametrize("columns", ["[1]", "{", '{"price": 1}', '{"price": "\\u0000"}', '{"price": "\\ud800"}'])
def test_columns_that_are_no_mapping_are_refused(client: ContractClient, columns: str) -> None:
    answer = _upload(client, GOOD, columns=columns)
    assert answer.status_code == 422
    assert exact(answer)["errors"][0]["name"] == "columns"


def test_a_form_without_the_file_or_with_other_parts_is_refused(client: ContractClient, factory: Factory) -> None:
    only_columns = client.post(f"{INGEST}/csv", data={"columns": "{}"}, content_type="multipart/form-data")
    assert only_columns.status_code == 422
    assert exact(only_columns)["errors"][0]["name"] == "file"
    assert _upload(client, GOOD, other="1").status_code == 422
    two = {"file": [(io.BytesIO(GOOD), "a.csv"), (io.BytesIO(GOOD), "b.csv")]}
    assert client.post(f"{INGEST}/csv", data=two, content_type="multipart/form-data").status_code == 422
    assert client.post(f"{INGEST}/csv", data=b"x", content_type="multipart/form-data; boundary=y").status_code == 400
    assert client.post(f"{INGEST}/csv", data=b"x", content_type="multipart/form-data").status_code == 400
    assert factory.value("SELECT (SELECT count(*) FROM uploads) + (SELECT count(*) FROM jobs)") == 0


def test_an_upload_cut_off_leaves_nothing(client: ContractClient, factory: Factory) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + GOOD
    assert client.post(f"{INGEST}/csv", data=body, content_type="multipart/form-data; boundary=x").status_code == 400
    assert factory.value("SELECT count(*) FROM uploads") == 0


def test_the_same_key_and_request_give_the_same_job(client: ContractClient, factory: Factory) -> None:
    first, second = (client.post(f"{INGEST}/csv", headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.status_code == 202
    assert factory.value("SELECT count(*) FROM jobs") == 1


@pytest.mark.parametrize("other", ["coingecko?limit=6", "coinpaprika?limit=5", "coingecko"])
def test_the_same_key_with_another_request_is_422(client: ContractClient, other: str) -> None:
    client.post(f"{INGEST}/coingecko?limit=5", headers={"Idempotency-Key": "k"})
    answer = client.post(f"{INGEST}/{other}", headers={"Idempotency-Key": "k"})
    assert answer.status_code == 422
    assert "Idempotency-Key" in exact(answer)["detail"]


def test_the_same_upload_again_is_recognised_by_its_bytes_and_kept_once(
    client: ContractClient, factory: Factory
) -> None:
    first, second = (_upload(client, GOOD, key="k") for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert factory.value("SELECT count(*) FROM uploads") == 1
    assert _upload(client, GOOD + b"ADA,Cardano,3\n", key="k").status_code == 422
    assert factory.value("SELECT count(*) FROM uploads") == 1


@pytest.mark.parametrize("key", ["", "ä", "x" * 256])
def test_an_idempotency_key_that_is_none_is_refused(client: ContractClient, key: str) -> None:
    answer = client.post(f"{INGEST}/csv", headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert exact(answer)["errors"][0] == {
        "in": "header",
        "name": "Idempotency-Key",
        "detail": "Must be 1 to 255 printable ASCII characters.",
    }


def test_who_prefers_to_wait_gets_the_finished_result(client: ContractClient, factory: Factory) -> None:
    with _worker_that_ends_jobs(factory, ENDS_WELL):
        answer = client.post(f"{INGEST}/csv", headers={"Prefer": "wait=30"})
    assert answer.status_code == 200
    assert answer.headers["Preference-Applied"] == "wait=30"
    result = exact(answer)
    assert (result["source"], result["count"], result["status"]) == ("csv", 5, "success")
    assert (result["total_stored"], result["duplicates_removed"], result["coins_fetched"]) == (4, 1, [])


def test_a_repeat_that_prefers_to_wait_gets_the_finished_result_at_once(
    client: ContractClient, factory: Factory
) -> None:
    client.post(f"{INGEST}/csv", headers={"Idempotency-Key": "k"})
    factory.connection.execute(ENDS_WELL)
    answer = client.post(f"{INGEST}/csv", headers={"Idempotency-Key": "k", "Prefer": "wait=30"})
    assert answer.status_code == 200
    assert answer.headers["Idempotent-Replayed"] == "true"


def test_who_waits_in_vain_gets_the_202(client: ContractClient) -> None:
    answer = client.post(f"{INGEST}/csv", headers={"Prefer": "wait=1"})
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer.headers


def test_when_half_of_the_threads_wait_nobody_else_may(make_client: MakeClient, factory: Factory) -> None:
    client = make_client(WEB_THREADS="4")
    waiting = services(client.application).waiting
    assert [waiting.acquire(blocking=False) for _ in range(3)] == [True, True, False]
    with _worker_that_ends_jobs(factory, ENDS_WELL):
        assert client.post(f"{INGEST}/csv", headers={"Prefer": "wait=30"}).status_code == 202
        waiting.release()
        assert client.post(f"{INGEST}/csv", headers={"Prefer": "wait=30"}).status_code == 200


def test_a_process_about_to_stop_lets_nobody_wait(client: ContractClient) -> None:
    asked = []

    def leaving() -> bool:
        asked.append("leaving?")
        return True

    services(client.application).leaving = leaving
    assert client.post(f"{INGEST}/csv", headers={"Prefer": "wait=60"}).status_code == 202
    assert asked == ["leaving?"]


def test_a_job_says_whose_key_asked_for_it(make_client: MakeClient) -> None:
    client = make_client(API_KEYS="ci:ingest:secret-of-ci,eye:read:secret-of-eye")
    answer = client.post(f"{INGEST}/csv", headers={"X-API-Key": "secret-of-ci"})
    assert exact(answer)["requested_by"] == "ci"


def test_an_ingest_needs_a_key_of_the_right_role(make_client: MakeClient, factory: Factory) -> None:
    client = make_client(API_KEYS="ci:ingest:secret-of-ci,eye:read:secret-of-eye")
    assert client.post(f"{INGEST}/csv").status_code == 401
    assert client.post(f"{INGEST}/csv", headers={"X-API-Key": "guess-of-ci"}).status_code == 401
    assert client.post(f"{INGEST}/csv", headers={"Authorization": "Bearer secret-of-eye"}).status_code == 403
    assert client.delete("/api/v1/data?confirm=true", headers={"X-API-Key": "secret-of-ci"}).status_code == 403
    assert client.get("/api/v1/data", headers={"X-API-Key": "wrong-key"}).status_code == 401
    assert client.get("/api/v1/data").status_code == 200
    assert factory.value("SELECT count(*) FROM jobs") == 0
