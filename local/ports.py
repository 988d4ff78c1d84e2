"""Ports on loopback for the embedded services."""

from __future__ import annotations

import random
import socket

from local.errors import CannotStart

# Below what Linux and macOS give to outgoing connections. A service's port among those could be taken while the service
# restarts, even by its own clients: a connection tried again and again ends up connected to itself.
_RANGE = (15_000, 32_000)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def pick() -> int:
    """A port that nobody listens on now. Somebody else may be faster: be ready to pick again."""
    for _ in range(200):
        port = random.randint(*_RANGE)  # noqa: S311
        if is_free(port):
            return port
    raise CannotStart("No free port was found on 127.0.0.1 for the embedded services.")
