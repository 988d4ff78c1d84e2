"""What must be right before anything is started, each failure a sentence that says what to do."""

from __future__ import annotations

import errno
import os
import socket

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from local.errors import CannotStart


def port_can_be_used(host: str, port: int) -> None:
    """Raises CannotStart when web couldn't listen there."""
    problem = _problem(host, port)
    if problem is None and not _answers(host, port):
        return
    if problem in (None, errno.EADDRINUSE):
        other = next((free for free in range(port + 1, min(port + 100, 65536)) if _problem(host, free) is None), 8080)
        raise CannotStart(
            f"Port {port} is taken by another program: choose another one, as in `PORT={other} make run`."
        )
    if problem == errno.EACCES:
        raise CannotStart(f"You may not listen on port {port}: choose one above 1023, as in `PORT=8000 make run`.")
    raise CannotStart(
        f"HOST={host} is not an address of this machine that port {port} can be opened on: {os.strerror(problem or 0)}."
    )


def _problem(host: str, port: int) -> int | None:
    """The error number of listening there, None when it works."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    except OSError as error:
        return error.errno
    return None


def _answers(host: str, port: int) -> bool:
    """On macOS one may bind to 127.0.0.1 while another program listens on all addresses."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1" if host in ("0.0.0.0", "localhost") else host, port)) == 0  # noqa: S104


def redis_answers(url: str) -> None:
    """Raises CannotStart when REDIS_URL leads nowhere. The URL isn't repeated: it may hold a password."""
    client = Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5, retry=Retry(NoBackoff(), 0))
    try:
        client.ping()
    except (RedisError, OSError, ValueError) as error:
        reason = str(error).rstrip(".")
        raise CannotStart(
            f"Redis can't be reached at REDIS_URL ({reason}): start it or correct REDIS_URL, "
            "or unset it for the embedded Valkey."
        ) from None
    finally:
        client.close()
