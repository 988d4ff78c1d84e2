"""Whose word about a client's address counts."""

from __future__ import annotations

import pytest

from core.proxies import proxies_of

PEER = "203.0.113.9"


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded_for", "client"),
    [
        # Nobody is trusted: the header is the client's own claim.
        ("", PEER, "198.51.100.1", PEER),
        ("0", PEER, "198.51.100.1", PEER),
        # So many proxies, whatever their addresses: each appended one.
        ("1", PEER, "198.51.100.1", "198.51.100.1"),
        ("1", PEER, "claimed, 198.51.100.1", "198.51.100.1"),
        ("1", PEER, "127.0.0.1, 198.51.100.1", "198.51.100.1"),
        ("2", PEER, "127.0.0.1, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
        ("2", PEER, "198.51.100.1", "198.51.100.1"),
        ("1", PEER, "", PEER),
        ("1", PEER, "nonsense", PEER),
        # Proxies of these networks.
        ("10.0.0.0/8", PEER, "198.51.100.1", PEER),
        ("10.0.0.0/8", "10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.0/8", "10.0.0.1", "127.0.0.1, 198.51.100.1, 10.2.3.4", "198.51.100.1"),
        ("10.0.0.0/8", "10.0.0.1", "10.9.9.9", "10.9.9.9"),
        ("10.0.0.0/8", "::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.0/8, 2001:db8::/32", "2001:db8::1", "2001:db9::7", "2001:db9::7"),
        # As some proxies spell it.
        ("1", PEER, "198.51.100.1:4711", "198.51.100.1"),
        ("1", PEER, "[2001:db9::7]:4711", "2001:db9::7"),
        ("1", "", "198.51.100.1", "198.51.100.1"),
    ],
)
def test_the_client_is_whom_the_last_trusted_proxy_was_called_by(
    trusted: str, peer: str, forwarded_for: str, client: str
) -> None:
    assert proxies_of(trusted).client(peer, forwarded_for) == client


def test_a_stranger_is_not_believed() -> None:
    proxies = proxies_of("10.0.0.0/8")
    assert proxies.trusts("10.1.1.1")
    assert not proxies.trusts(PEER)
    assert not proxies.trusts("")
    assert proxies_of("1").trusts(PEER)
    assert not proxies_of("").trusts(PEER)
