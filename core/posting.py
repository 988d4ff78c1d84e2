"""The door to receivers of webhooks: an address is checked, and that very address is connected to.

Unlike a provider's URL, which the operator sets, a receiver's may be anyone's. A name is resolved once an attempt; all
that it leads to must be open internet, and none of it is asked for again, so that a name which leads elsewhere a moment
later gains nothing.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Mapping, Sequence

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError

from core.deadline import deadline, pool_to
from core.errors import GiveUp, RateLimited, Retry
from core.http import CONNECT_TIMEOUT, USER_AGENT
from core.refusals import retry_after, status_line
from core.webhooks import BadTarget, Target, is_public

_MOST_ADDRESSES = 3  # of a host, that are tried


def addresses_of(target: Target, *, allow_private: bool) -> Sequence[str]:
    """Where a webhook's host leads now. Raises BadTarget when nowhere, or when any of it isn't open internet."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise BadTarget("names a host that can't be found") from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not allow_private and not all(map(is_public, addresses)):
        raise BadTarget("leads to a private, loopback or link-local address, where nothing is sent")
    return addresses[:_MOST_ADDRESSES]


def post_webhook(
    target: Target, body: bytes, headers: Mapping[str, str], *, timeout: float, allow_private: bool = False
) -> None:
    """POST JSON to an address that was checked just before, whatever the host's name leads to meanwhile.

    Any 2xx will do; of the answer nothing but status and Retry-After is read. No redirect is followed, no proxy used.
    Raises Retry, RateLimited (429 and 503 that name a time), and GiveUp for 410: the receiver wants no more.
    """
    try:
        addresses = addresses_of(target, allow_private=allow_private)
    except BadTarget as error:
        raise Retry(f"the receiver's URL {error}") from None
    with deadline(2 * timeout):
        for place, address in enumerate(addresses, 1):
            try:
                _judge_receipt(*_post_to(address, target, body, headers, timeout))
                return
            except (NewConnectionError, ConnectTimeoutError):
                if place == len(addresses):
                    raise Retry("the receiver could not be reached") from None
            except SSLError:
                raise Retry("the receiver could not be reached securely (TLS)") from None
            except (TimeoutError, ReadTimeoutError):
                raise Retry("the receiver did not answer in time") from None
            except (HTTPError, OSError):
                raise Retry("the receiver closed the connection, or what it sent is no HTTP") from None


def _post_to(address: str, target: Target, body: bytes, headers: Mapping[str, str], timeout: float) -> tuple[int, str]:
    """The status of the answer, and its Retry-After."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # below that it logs whole URLs
    # By https the certificate must be the host's, though an address is what we connect to.
    named = {"server_hostname": target.host, "assert_hostname": target.host, "ca_certs": DEFAULT_CA_BUNDLE_PATH}
    pool = pool_to(
        target.scheme,
        address,
        target.port,
        timeout=Timeout(connect=min(timeout, CONNECT_TIMEOUT), read=timeout),
        **(named if target.scheme == "https" else {}),
    )
    with pool:
        response = pool.urlopen(
            "POST",
            target.path,
            body,
            {"Host": target.authority, "User-Agent": USER_AGENT, "Content-Type": "application/json", **headers},
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
        )
        response.close()
        return response.status, response.headers.get("Retry-After", "")


def _judge_receipt(status: int, later: str) -> None:
    if 200 <= status < 300:
        return
    sentence = f"the receiver answered {status_line(status)}"
    if status == 410:
        raise GiveUp(f"{sentence}: it wants no more")
    if status in (429, 503) and (seconds := retry_after(later, time.time())):
        raise RateLimited(sentence, seconds)
    if 300 <= status < 400:
        raise Retry(f"{sentence}: redirects are not followed")
    raise Retry(sentence)
