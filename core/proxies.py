"""Whose word about a client's address counts: how many proxies stand in front of web, or in which networks."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_MOST_HOPS = 9

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Proxies:
    """`hops` proxies in front, whatever their addresses, or those of `networks`. Neither: no header is believed."""

    hops: int = 0
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def trusts(self, peer: str) -> bool:
        """Whether what this direct peer says of the client's address and scheme is believed."""
        if self.hops:
            return True
        address = _address(peer)
        return address is not None and any(address in network for network in self.networks)

    def client(self, peer: str, forwarded_for: str) -> str:
        """The client's address: the direct peer's, or what trusted proxies wrote into X-Forwarded-For.

        Each proxy appends whom it was called by, so the list is read from its end; what stands before the first
        stranger is the client's own claim and never read. What is no address ends it as well.
        """
        found = peer
        for step, part in enumerate(reversed(forwarded_for.split(","))):
            if not (step < self.hops if self.hops else self.trusts(found)):
                break
            address = _address(part.strip())
            if address is None:
                break
            found = str(address)
        return found


def proxies_of(raw: str) -> Proxies:
    """`2`, or `10.0.0.0/8, 192.0.2.7`. Raises ValueError with a sentence."""
    if raw.isascii() and raw.isdigit() and 0 <= int(raw) <= _MOST_HOPS:
        return Proxies(hops=int(raw))
    parts = [part.strip() for part in raw.split(",") if part.strip()]
    try:
        return Proxies(networks=tuple(ip_network(part, strict=False) for part in parts))
    except ValueError:
        raise ValueError(
            f"must be how many proxies stand in front (0 to {_MOST_HOPS}), or their addresses and networks, "
            "such as 10.0.0.0/8"
        ) from None


def _address(text: str) -> Address | None:
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A socket that listens for IPv6 shows IPv4 callers in its own spelling.
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
