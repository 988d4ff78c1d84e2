"""Webhooks: signed as Standard Webhooks has it, and sent nowhere but to the open internet."""

from __future__ import annotations

import base64
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from core.errors import Retry
from core.posting import addresses_of, post_webhook
from core.webhooks import BadSecret, BadTarget, checked_secret, is_public, new_secret, signed_headers, target_of


def test_a_signature_is_that_of_the_specification_s_example() -> None:
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_new_secret_is_a_good_one_and_never_the_same() -> None:
    made = {new_secret() for _ in range(5)}
    assert len(made) == 5
    for secret in made:
        assert checked_secret(secret) == secret
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!!", "whsec_" + "QUJD" * 22],
)
def test_a_secret_of_another_form_is_refused_without_being_repeated(secret: str) -> None:
    with pytest.raises(BadSecret) as refusal:
        checked_secret(secret)
    assert len(secret) < 8 or secret not in str(refusal.value)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1"),
        # IPv4 inside IPv6: mapped, compatible, NAT64, 6to4, Teredo
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1"),
        *("64:ff9b:1::808:808", "2002:7f00:1::", "2001:0:5ef5:79fd:0:0:80ff:fffe", "nonsense"),
    ],
)
def test_an_address_that_is_not_open_internet_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_of_the_open_internet_is_taken(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "017700000001", "127.1", "0", "localhost"),
        *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "169.254.169.254", "2852039166"),
    ],
)
def test_no_spelling_of_a_private_address_gets_through(host: str) -> None:
    target = target_of(f"http://{host}/hook")
    with pytest.raises(BadTarget):
        addresses_of(target, allow_private=False)
    with pytest.raises(Retry):
        post_webhook(target, b"{}", {}, timeout=1)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "example.com",
            "ftp://example.com/",
            "file:///etc/passwd",
            "http://",
            "http:///x",
            "https://a:b@example.com",
        ),
        *("http://example.com:99999/", "http://example.com:0/", "http://exa mple.com/", "http://example.com/\r\nX: y"),
        *(
            "http://example.com\\@127.0.0.1/",
            "http://[::1",
            "https://example.com/" + "a" * 2000,
            "http://münchen.example",
        ),
    ],
)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(BadTarget):
        target_of(url)


def test_a_url_s_parts_are_kept_and_its_fragment_is_not() -> None:
    target = target_of("https://Example.com:8443/hook?a=1#part")
    assert (target.host, target.port, target.path, target.authority) == (
        "example.com",
        8443,
        "/hook?a=1",
        "example.com:8443",
    )
    assert (target_of("http://example.com").port, target_of("http://example.com").path) == (80, "/")


def test_a_name_that_leads_elsewhere_a_moment_later_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    connected: list[str] = []

    def lookup(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        names.append(host)
        address = host if host[0].isdigit() else ("8.8.8.8" if names.count(host) == 1 else "127.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect(_socket: socket.socket, address: tuple[str, int]) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(Retry):
        post_webhook(target_of("http://rebinding.example/hook"), b"{}", {}, timeout=1)
    assert names.count("rebinding.example") == 1
    assert connected == ["8.8.8.8"]


def test_a_host_of_which_one_address_is_private_is_refused_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(_host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(BadTarget):
        addresses_of(target_of("https://both.example"), allow_private=False)
    assert addresses_of(target_of("https://both.example"), allow_private=True) == ["8.8.8.8", "10.0.0.1"]


def test_what_the_documents_tell_receivers_to_do_takes_ours_and_nothing_else() -> None:
    page = (Path(__file__).parents[2] / "docs" / "ALERTS.md").read_text()
    [example] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102  our own page
    secret, body, now = new_secret(), b'{"type": "alert"}', int(time.time())
    headers = signed_headers(secret, "msg_1", now, body)
    assert names["is_genuine"](secret, headers, body)
    assert not names["is_genuine"](secret, headers, body + b" ")
    assert not names["is_genuine"](new_secret(), headers, body)
    assert not names["is_genuine"](secret, signed_headers(secret, "msg_1", now - 3600, body), body)
